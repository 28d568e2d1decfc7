#include <algorithm>

#include "net/text.hpp"
#include "probes/causes/rules.hpp"

// Without SSH: the serving certificate is the likely proxy-client certificate where the published CA accepts it (BOSH
// layouts use one file for both). A guess counts only when an answer or a condition bears it out; without that nothing
// is concluded.
namespace aggmedic::probes {

namespace {

bool is_masked(Identity identity) {
    return identity == Identity::masked || identity == Identity::named;
}

bool is_timed_masked(const Case& seen, const ApiCase& api) {
    return api.works() && timed_identity_at(api, seen) == Identity::masked;
}

bool is_published(const Case& seen, const ProxyClient& guess) {
    const auto& bundle = seen.published->requestheader_ca;
    return std::ranges::find(bundle, guess.leaf.sha256, &Certificate::sha256) != bundle.end();
}

bool is_masters(const ProxyClient& guess) {
    return std::ranges::find(guess.leaf.organizations, "system:masters") != guess.leaf.organizations.end();
}

// Whether anything speaks for one file that serves both: elsewhere the two have nothing to do with each other.
bool serves_both(const Case& seen, const ProxyClient& guess) {
    return seen.observation.platform == "bosh" || is_published(seen, guess) || is_masters(guess);
}

// The guess that would explain a refusal: valid, and its CN is not published.
const ProxyClient* mismatch(const Case& seen) {
    const auto at = std::ranges::find_if(seen.guessed, [&](const ProxyClient& guess) {
        return guess.fault == ChainFault::none && guess.has("cn-not-allowed") && serves_both(seen, guess);
    });
    return at == seen.guessed.end() ? nullptr : &*at;
}

// An extension API server that sees the right caller believes a proxy certificate that is not the one we guess.
bool is_refuted(const Case& seen) {
    return std::ranges::any_of(seen.apis, [&](const ApiCase& api) {
        return identity_at(api, seen.observation, seen.guessed) == Identity::caller;
    });
}

bool is_borne_out(const Case& seen) {
    return std::ranges::any_of(seen.apis, [&](const ApiCase& api) {
        return (is_rejected(api) && api.symptom() == Symptom::unauthorized) ||
               is_masked(identity_at(api, seen.observation, seen.guessed)) || is_timed_masked(seen, api);
    });
}

bool may_be_masked(const Case& seen, const ApiCase& api, const ProxyClient& guess) {
    return guess.logs_in && api.works() && identity_at(api, seen.observation, seen.guessed) == Identity::unknown &&
           timed_identity_at(api, seen) != Identity::caller;
}

void add_layout_evidence(Finding& finding, const Case& seen, const ProxyClient& guess) {
    if (is_published(seen, guess)) {
        add_evidence(finding,
                     "the published requestheader CA file holds the serving certificate itself: one file serves both, "
                     "as CFCR lays it out",
                     "configmap");
    }
    if (is_masters(guess)) {
        add_evidence(finding, "the serving certificate carries O=system:masters, which only a client certificate needs",
                     "tls", guess.master);
    }
    if (seen.observation.platform == "bosh") {
        add_evidence(finding, "on BOSH the proxy-client certificate is the serving certificate", "tls");
    }
}

Finding missing_name(const Case& seen, const ApiCase& api, const ProxyClient& guess) {
    auto finding = make_finding("cn-not-allowed", Confidence::probable, allow_list_for(seen, guess.leaf.common_name));
    finding.apiservice = api.apiservice->name;
    add_name_evidence(finding, seen, guess);
    add_layout_evidence(finding, seen, guess);
    add_api_evidence(finding, api);
    rule_out(finding, "no-backend", "the extension API server was reached");
    rule_out(finding, "our-own-401", "/api answers 200 to the same credential");
    return finding;
}

void judge_mismatch(const Case& seen, const ProxyClient& guess, Assessment& assessment) {
    for (const auto& api : seen.apis) {
        const auto identity = identity_at(api, seen.observation, seen.guessed);
        const bool collapsed = is_masked(identity) || may_be_masked(seen, api, guess);
        if (!collapsed && !accounts_for("cn-not-allowed", api, guess.logs_in)) continue;
        assessment.findings.push_back(missing_name(seen, api, guess));
        if (!collapsed) continue;
        const auto confidence = identity == Identity::named ? Confidence::certain : Confidence::probable;
        assessment.findings.push_back(
            identity_collapse(seen, api, identity, guess.leaf.common_name, confidence, "cn-not-allowed"));
    }
}

// The identity behind a 200 stays open: say what would tell.
void report_open_identity(const Case& seen, const ProxyClient& guess, Assessment& assessment) {
    const bool open = std::ranges::any_of(seen.apis, [&](const ApiCase& api) {
        return !is_explained(assessment, api.apiservice->name) && may_be_masked(seen, api, guess);
    });
    if (!open) return;
    assessment.unobserved.push_back(
        {.what = "identity behind the 200s",
         .master = "",
         .reason = "if the proxy-client certificate is the serving certificate (CN " + quoted(guess.leaf.common_name) +
                   "), every caller may be taken for it; a canary credential or SSH would tell"});
}

// kube-apiserver itself calls the caller so: a front that authenticates anew, and no proxy's identity.
bool is_caller_by_control(const Observation& observation, const std::string& user) {
    return std::ranges::any_of(observation.apiservers, [&](const ApiserverView& apiserver) {
        return apiserver.control && apiserver.control->status == 403 && apiserver.control->forbidden_user == user;
    });
}

// Who a 403 names where nobody can be compared with the guess: the proxy's CN, seen from the other end.
std::string named_stranger(const Observation& observation, const ApiCase& api) {
    for (const auto& through : api.through) {
        for (const auto* answers : {&through.attempts->discovery, &through.attempts->resource}) {
            for (const auto& answer : *answers) {
                if (symptom_of(answer, observation.caller) != Symptom::other_identity) continue;
                if (!is_caller_by_control(observation, *answer.forbidden_user)) return *answer.forbidden_user;
            }
        }
    }
    return {};
}

void judge_stranger(const Case& seen, const ApiCase& api, const std::string& stranger, Assessment& assessment) {
    const bool missing = seen.has_names() && std::ranges::find(*seen.published->allowed_names, stranger) ==
                                                 seen.published->allowed_names->end();
    if (missing) {
        auto finding = make_finding("cn-not-allowed", Confidence::probable, allow_list_for(seen, stranger));
        finding.apiservice = api.apiservice->name;
        finding.common_name = stranger;
        add_evidence(finding,
                     "a 403 names " + quoted(stranger) + ", which is not the caller: the CN that the proxy presents",
                     "answer");
        add_evidence(finding, "the published allowed names are " + listed(*seen.published->allowed_names), "configmap");
        add_api_evidence(finding, api);
        assessment.findings.push_back(std::move(finding));
    }
    auto collapse =
        identity_collapse(seen, api, Identity::named, stranger, Confidence::certain, missing ? "cn-not-allowed" : "");
    assessment.findings.push_back(std::move(collapse));
}

// A refusal that no certificate we know explains. The likeliest first: what the handshake shows of a file that serves
// both.
Finding certificate_fault(const Case& seen, const ApiCase& api, bool headers_are_right) {
    std::vector<std::string> candidates{"proxy-cert-wrong-issuer", "proxy-cert-expired", "wrong-key-usage",
                                        "cn-not-allowed"};
    const auto& symptom = api.symptom();
    const auto faulty =
        std::ranges::find_if(seen.guessed, [](const ProxyClient& guess) { return guess.fault != ChainFault::none; });
    const bool known_good = !seen.read.empty() && seen.unread.empty();
    if (symptom == Symptom::anonymous) {
        candidates = {"no-proxy-client-cert", "flag-typo-or-key-mismatch", "header-names-missing"};
    } else if (symptom == Symptom::refused_cert) {
        candidates = {"stale-ca-in-extension", "proxy-cert-wrong-issuer", "proxy-cert-expired", "wrong-key-usage",
                      "no-proxy-client-cert"};
    } else if (symptom == Symptom::forbidden) {
        candidates = {"no-auth-delegator", "identity-collapse", "no-proxy-client-cert"};
    } else if (known_good) {
        candidates = {"stale-ca-in-extension", "clock-skew", "header-names-missing"};
    } else if (!seen.read.empty()) {
        candidates = {"masters-differ", "stale-ca-in-extension", "proxy-cert-wrong-issuer", "proxy-cert-expired"};
    } else if (faulty != seen.guessed.end()) {
        const auto likeliest = std::ranges::find(candidates, faulty->causes().front());
        if (likeliest != candidates.end()) std::rotate(candidates.begin(), likeliest, likeliest + 1);
    }
    if (headers_are_right) std::erase(candidates, "header-names-missing");
    auto finding = make_finding(candidates.front(), Confidence::ambiguous, AllowList::wrong);
    finding.candidates = std::move(candidates);
    finding.apiservice = api.apiservice->name;
    if (faulty != seen.guessed.end()) {
        add_evidence(finding,
                     "the serving certificate, which may be the same file, is " + std::string(name(faulty->fault)) +
                         " as a client certificate",
                     "tls", faulty->master);
    }
    if (known_good)
        add_evidence(finding, "every master's proxy-client certificate is valid and its CN is published", "ssh");
    if (seen.published == nullptr) add_evidence(finding, "the published configuration could not be read", "configmap");
    add_api_evidence(finding, api);
    rule_out(finding, "our-own-401", "/api answers 200 to the same credential");
    rule_out(finding, "no-backend", "the extension API server was reached");
    if (headers_are_right)
        rule_out(finding, "header-names-missing", "the published header names are those that kube-apiserver sends");
    return finding;
}

// Every header name was read, and judge_published() found no fault with one.
bool are_headers_right(const Case& seen, const Assessment& assessment) {
    return seen.published != nullptr && seen.published->malformed.empty() &&
           std::ranges::find(assessment.findings, "header-names-missing", &Finding::cause) == assessment.findings.end();
}

}  // namespace

void judge_guessed_certificates(const Case& seen, Assessment& assessment) {
    if (!seen.read.empty() || seen.published == nullptr || seen.published->requestheader_ca.empty()) return;
    const auto* guess = mismatch(seen);
    if (guess == nullptr || is_refuted(seen)) return;
    if (is_borne_out(seen)) judge_mismatch(seen, *guess, assessment);
    report_open_identity(seen, *guess, assessment);
}

void judge_unexplained_trust(const Case& seen, Assessment& assessment) {
    const auto& proxies = seen.read.empty() ? seen.guessed : seen.read;
    for (const auto& api : seen.apis) {
        if (is_explained(assessment, api.apiservice->name)) continue;
        const auto identity = identity_at(api, seen.observation, proxies);
        const auto stranger = named_stranger(seen.observation, api);
        if (!stranger.empty()) {
            judge_stranger(seen, api, stranger, assessment);
        } else if (is_masked(identity) || is_timed_masked(seen, api)) {
            const auto common_name = proxies.empty() ? std::string() : proxies.front().leaf.common_name;
            const auto confidence = identity == Identity::named ? Confidence::certain : Confidence::probable;
            auto collapse = identity_collapse(seen, api, identity, common_name, confidence, "");
            // Without the certificates nobody knows which fault it is the consequence of.
            const bool is_told = std::ranges::any_of(assessment.findings,
                                                     [](const Finding& each) { return is_trust_cause(each.cause); });
            if (seen.read.empty() && identity != Identity::named && !is_told) {
                collapse.confidence = Confidence::ambiguous;
                collapse.candidates = {"identity-collapse", "cn-not-allowed", "proxy-cert-wrong-issuer",
                                       "stale-ca-in-extension"};
            }
            assessment.findings.push_back(std::move(collapse));
        } else if (is_rejected(api)) {
            assessment.findings.push_back(certificate_fault(seen, api, are_headers_right(seen, assessment)));
        }
    }
}

}  // namespace aggmedic::probes
