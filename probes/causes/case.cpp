#include "probes/causes/case.hpp"

#include <algorithm>
#include <charconv>

#include "probes/apiserver.hpp"
#include "probes/certificate_key.hpp"

namespace aggmedic::probes {

namespace {

bool restarted(const ApiserverView& apiserver) {
    const auto any = [&](const std::vector<Answer>& answers) {
        return std::ranges::any_of(
            answers, [&](const Answer& answer) { return shows_restart(answer, !apiserver.master.empty()); });
    };
    return std::ranges::any_of(apiserver.attempts, [&](const ApiServiceAttempts& attempts) {
        return any(attempts.discovery) || any(attempts.resource);
    });
}

// From 1.20 on, with priority and fairness, what kube-apiserver lets in carries a flow schema, and a 401 that is its
// own does not: the credential was renewed in the middle of the cycle. A line in an aggregated answer may be the
// extension API server's alone, so kube-apiserver has to write one in its answer for itself too; where no other answer
// on this path carries one, nobody tells.
bool tells_own_401(const ApiserverView& apiserver, std::vector<Answer> ApiServiceAttempts::* path) {
    if (!apiserver.control || apiserver.control->flow_schemas.empty()) return false;
    return std::ranges::any_of(apiserver.attempts, [&](const ApiServiceAttempts& attempts) {
        return std::ranges::any_of(attempts.*path, [](const Answer& answer) { return !answer.flow_schemas.empty(); });
    });
}

Through tally(const ApiserverView& apiserver, const ApiServiceAttempts& attempts, const Caller& caller) {
    Through through;
    through.apiserver = &apiserver;
    through.attempts = &attempts;
    const bool discovery_tells = tells_own_401(apiserver, &ApiServiceAttempts::discovery);
    const bool resource_tells = tells_own_401(apiserver, &ApiServiceAttempts::resource);
    const auto of = [&](const Answer& answer, bool tells) {
        if (tells && answer.status == 401 && answer.flow_schemas.empty()) return Symptom::uninformative;
        return symptom_of(answer, caller);
    };
    for (const auto& answer : attempts.discovery) through.discovery.count(of(answer, discovery_tells));
    for (const auto& answer : attempts.resource) {
        // Not every server can list what it names; that is no fault of the way to it.
        const auto symptom = of(answer, resource_tells);
        through.resource.count(symptom == Symptom::not_found ? Symptom::uninformative : symptom);
    }
    return through;
}

std::vector<ApiCase> digest_apis(const Observation& observation, const std::vector<const ApiserverView*>& usable) {
    std::vector<ApiCase> apis;
    const auto* listed = observation.apiservices();
    if (listed == nullptr) return apis;
    for (const auto& apiservice : *listed) {
        ApiCase api;
        api.apiservice = &apiservice;
        for (const auto& apiserver : observation.apiservers) {
            if (!apiserver.apiservices || !is_usable(apiserver)) continue;
            const auto at = std::ranges::find(*apiserver.apiservices, apiservice.name, &ApiService::name);
            if (at != apiserver.apiservices->end()) api.shown.push_back(&*at);
        }
        for (const auto* apiserver : usable) {
            const auto at = std::ranges::find(apiserver->attempts, apiservice.name, &ApiServiceAttempts::apiservice);
            if (at == apiserver->attempts.end()) continue;
            auto through = tally(*apiserver, *at, observation.caller);
            api.through.push_back(std::move(through));
        }
        apis.push_back(std::move(api));
    }
    return apis;
}

// Whether a certificate of one CA can pass for one of the other: the same certificate, the same key under another, or
// one that the other issued.
bool overlap(const std::vector<Certificate>& requestheader, const std::vector<Certificate>& client, TimePoint now) {
    const auto leads = [&](const Certificate& ca, const std::vector<Certificate>& roots) {
        return verify_client_chain(ca, {}, roots, now) != ChainFault::unknown_issuer;
    };
    for (const auto& ca : client) {
        if (std::ranges::any_of(requestheader, [&](const auto& each) { return share_a_key(each, ca); })) return true;
        if (leads(ca, requestheader)) return true;
    }
    return false;
}

// What is published and what the masters' files hold, together: either may be seen in part.
std::vector<Certificate> pooled(const std::vector<Certificate>& published, const Observation& observation,
                                std::string_view flag) {
    auto pool = published;
    for (const auto& [name, master] : observation.masters) {
        if (!master) continue;
        for (const auto& file : master->files) {
            if (file.flag == flag) pool.insert(pool.end(), file.certificates.begin(), file.certificates.end());
        }
    }
    return pool;
}

// Separate CAs make a name harmless, so they have to be known: what cannot be read counts as shared.
void digest_shared_ca(Case& result) {
    const auto& published = *result.published;
    const auto requestheader = pooled(published.requestheader_ca, result.observation, "requestheader-client-ca-file");
    const auto client = pooled(published.client_ca, result.observation, "client-ca-file");
    const bool shared = overlap(requestheader, client, result.now);
    const bool logs_in = std::ranges::any_of(result.read, &ProxyClient::logs_in);
    const bool no_client_ca = client.empty() && !published.has_client_ca && !result.read.empty() &&
                              std::ranges::none_of(result.observation.masters, [](const auto& master) {
                                  return master.second && master.second->process &&
                                         master.second->process->arguments.flags.contains("client-ca-file");
                              });
    const bool readable = !requestheader.empty() && (no_client_ca || !published.client_ca.empty()) &&
                          published.malformed.empty() && std::ranges::all_of(requestheader, is_intact) &&
                          std::ranges::all_of(client, is_intact);
    result.shared_ca = shared || logs_in || !readable;
    result.shared_ca_known = shared || logs_in || readable;
}

void judge_certificate_at(ProxyClient& proxy, const PublishedAuth& published, TimePoint now) {
    proxy.fault = verify_client_chain(proxy.leaf, proxy.intermediates, published.requestheader_ca, now);
    proxy.ended = proxy.fault == ChainFault::expired || now >= proxy.leaf.not_after;
    proxy.not_begun = proxy.fault == ChainFault::not_yet_valid || now < proxy.leaf.not_before;
    proxy.wrong_usage = proxy.fault == ChainFault::wrong_usage || !proxy.leaf.allows_client_auth;
    // As an ordinary client certificate: one without a CN names no user and is refused.
    proxy.logs_in = !proxy.leaf.common_name.empty() &&
                    verify_client_chain(proxy.leaf, proxy.intermediates, published.client_ca, now) == ChainFault::none;
    // No list, or an empty one: any CN of the CA passes. A malformed one is not judged by.
    if (!published.allowed_names || published.allowed_names->empty()) return;
    const auto& names = *published.allowed_names;
    proxy.name_allowed = std::ranges::find(names, proxy.leaf.common_name) != names.end();
}

// By our clock where no other is agreed on; what another one sees otherwise is disputed.
void judge_certificate(ProxyClient& proxy, const Case& seen) {
    judge_certificate_at(proxy, *seen.published, seen.true_now());
    for (const auto clock : seen.clocks) {
        auto other = proxy;
        judge_certificate_at(other, *seen.published, seen.now + clock);
        if (other.ended == proxy.ended && other.not_begun == proxy.not_begun) continue;
        proxy.dates_disputed = true;
    }
}

// The file that the live process names: one that only the arguments file names is not in use.
const NamedFile* named(const MasterView& master, std::string_view flag, std::string_view path) {
    const auto at = std::ranges::find_if(master.files,
                                         [&](const NamedFile& file) { return file.flag == flag && file.path == path; });
    return at == master.files.end() ? nullptr : &*at;
}

// A process reads its files within moments of its start.
bool is_newer_than_process(const NamedFile& file, const ProcessFacts& process) {
    return file.modified && process.started_at && *file.modified > *process.started_at + std::chrono::seconds(2);
}

std::optional<ProxyClient> read_proxy(const MasterView& master, const Case& seen) {
    constexpr int reloads_since = 20;
    if (!master.process) return std::nullopt;
    ProxyClient proxy;
    proxy.master = master.master;
    proxy.from_ssh = true;
    const auto& flags = master.process->arguments.flags;
    proxy.flag_names = allowed_names(flags);
    const auto flag = flags.find("proxy-client-cert-file");
    if (flag == flags.end() || flag->second.back().empty()) {
        proxy.absent = true;
        return proxy;
    }
    const auto* file = named(master, flag->first, flag->second.back());
    if (file == nullptr || file->certificates.empty()) return std::nullopt;
    // A CA is nobody's client certificate: the leaf in front of it was not seen, and its name must not be taken for it.
    if (file->certificates.front().is_ca) return std::nullopt;
    proxy.leaf = file->certificates.front();
    proxy.intermediates.assign(file->certificates.begin() + 1, file->certificates.end());
    judge_certificate(proxy, seen);
    proxy.is_renewed = seen.minor && *seen.minor < reloads_since && is_newer_than_process(*file, *master.process);
    return proxy;
}

std::optional<int> minor_of(std::string_view version) {
    if (!version.starts_with("v1.")) return std::nullopt;
    int minor = 0;
    const auto digits = version.substr(3);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), minor);
    if (parsed.ec != std::errc() || minor < 0 || minor > 999) return std::nullopt;
    return minor;
}

void digest_masters(Case& result) {
    if (result.published == nullptr) return;
    for (const auto& [name, master] : result.observation.masters) {
        std::optional<ProxyClient> proxy;
        if (master) proxy = read_proxy(*master, result);
        if (proxy) {
            proxy->master = name;
            result.read.push_back(std::move(*proxy));
        } else {
            result.unread.push_back(name);
        }
    }
}

void digest_clocks(Case& result) {
    const auto clocks = clocks_of(result.usable);
    if (const auto agreed = agreed_offset(clocks)) {
        // The extension API servers may go by ours: the masters can be wrong together.
        result.clocks = {*agreed};
        if (apart(*agreed, std::chrono::milliseconds(0)) > bearable_skew) result.clocks.emplace_back(0);
        return;
    }
    for (const auto& clock : clocks) result.clocks.push_back(clock.offset);
}

// The serving certificates as likely proxy-client certificates: only one that the published CA would accept is a guess
// at all.
void digest_handshakes(Case& result) {
    if (result.published == nullptr) return;
    const bool by_master = std::ranges::any_of(result.usable, [](const auto* view) { return !view->master.empty(); });
    for (const auto* apiserver : result.usable) {
        if (by_master && apiserver->master.empty()) continue;
        if (!apiserver->serving || apiserver->serving->empty()) continue;
        ProxyClient proxy;
        proxy.master = apiserver->master;
        proxy.leaf = apiserver->serving->front();
        proxy.intermediates.assign(apiserver->serving->begin() + 1, apiserver->serving->end());
        judge_certificate(proxy, result);
        if (proxy.fault != ChainFault::unknown_issuer && !proxy.leaf.common_name.empty()) {
            result.guessed.push_back(std::move(proxy));
        }
    }
}

}  // namespace

void Tally::count(Symptom symptom) {
    if (symptom == Symptom::uninformative) return;
    if (symptom == Symptom::none) {
        ++fine;
    } else {
        ++failed;
        ++symptoms[symptom];
    }
}

int Through::seen(Symptom symptom) const {
    const auto in = [&](const Tally& tally) {
        const auto at = tally.symptoms.find(symptom);
        return at == tally.symptoms.end() ? 0 : at->second;
    };
    return in(discovery) + in(resource);
}

Symptom Through::main_symptom() const {
    std::map<Symptom, int> symptoms;
    for (const auto* tally : {&discovery, &resource}) {
        if (!tally->fails()) continue;
        for (const auto& [symptom, count] : tally->symptoms) symptoms[symptom] += count;
    }
    // `unavailable` only repeats the condition: an answer that came from further on says more.
    Symptom main = Symptom::none;
    int most = 0;
    for (const auto& [symptom, count] : symptoms) {
        if (symptom == Symptom::unavailable || count <= most) continue;
        main = symptom;
        most = count;
    }
    const auto unavailable = symptoms.find(Symptom::unavailable);
    if (unavailable == symptoms.end()) return main;
    return most > 1 || most >= unavailable->second ? main : Symptom::unavailable;
}

bool ApiCase::fails() const {
    return std::ranges::any_of(through, &Through::fails);
}
bool ApiCase::works() const {
    return !fails() && std::ranges::any_of(through, &Through::known);
}

Symptom ApiCase::condition() const {
    for (const auto* each : shown) {
        if (const auto symptom = symptom_of(*each); symptom != Symptom::none) return symptom;
    }
    return symptom_of(*apiservice);
}

Symptom ApiCase::symptom() const {
    Symptom found = Symptom::none;
    for (const auto& each : through) {
        if (!each.fails()) continue;
        const auto symptom = each.main_symptom();
        if (found == Symptom::none || found == Symptom::unavailable) found = symptom;
    }
    if (found == Symptom::unavailable && condition() != Symptom::none) return condition();
    // A 404 where the service has no backend is kube-apiserver's own: it has yet to take the APIService up.
    if (found == Symptom::not_found && is_missing(condition())) return condition();
    return found;
}

std::vector<std::string_view> ProxyClient::causes() const {
    if (absent) return {"no-proxy-client-cert"};
    std::vector<std::string_view> found;
    if (fault == ChainFault::unknown_issuer) found.emplace_back("proxy-cert-wrong-issuer");
    if (ended) found.emplace_back("proxy-cert-expired");
    if (not_begun) found.emplace_back("clock-skew");
    if (wrong_usage) found.emplace_back("wrong-key-usage");
    if (!name_allowed) found.emplace_back("cn-not-allowed");
    return found;
}

bool ProxyClient::has(std::string_view cause) const {
    return std::ranges::any_of(causes(), [&](std::string_view each) { return each == cause; });
}

bool is_usable(const ApiserverView& apiserver) {
    return apiserver.readyz && apiserver.readyz->status == 200 && apiserver.control &&
           accepts_credential(*apiserver.control) && !restarted(apiserver);
}

Case digest(const Observation& observation, TimePoint now) {
    Case result(observation, now);
    for (const auto& apiserver : observation.apiservers) {
        if (is_usable(apiserver)) result.usable.push_back(&apiserver);
    }
    for (const auto* apiserver : result.usable) {
        if (result.published == nullptr && apiserver->published) result.published = &*apiserver->published;
    }
    for (const auto& apiserver : observation.apiservers) {
        const auto minor = apiserver.version ? minor_of(*apiserver.version) : std::nullopt;
        if (minor && (!result.minor || *minor < *result.minor)) result.minor = minor;
    }
    digest_clocks(result);
    result.apis = digest_apis(observation, result.usable);
    digest_masters(result);
    digest_handshakes(result);
    if (result.published != nullptr) digest_shared_ca(result);
    return result;
}

}  // namespace aggmedic::probes
