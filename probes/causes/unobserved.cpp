#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"
#include "probes/apiserver.hpp"
#include "probes/canary_timing.hpp"
#include "probes/causes/rules.hpp"
#include "probes/workload_reading.hpp"

// What could not be seen, completely: a green light needs an empty list.
namespace aggmedic::probes {

namespace {

std::string reason_of(const Unobserved& why) {
    auto reason = printable(why.reason, 64);
    if (!why.detail.empty()) reason += ": " + printable(why.detail, 256);
    return reason;
}

void add(Assessment& assessment, std::string what, std::string master, std::string reason) {
    assessment.unobserved.push_back(
        {.what = std::move(what), .master = std::move(master), .reason = std::move(reason)});
}

// Why an apiserver's answers count for nothing; empty: they count.
std::string silence_of(const ApiserverView& apiserver) {
    if (!apiserver.readyz) return reason_of(apiserver.readyz.why());
    if (apiserver.readyz->status == 0)
        return printable(apiserver.readyz->failure, 64) + ": " + printable(apiserver.readyz->failure_detail, 256);
    if (!apiserver.control) return reason_of(apiserver.control.why());
    const auto control = apiserver.control->status;
    const bool refused = !accepts_credential(*apiserver.control);
    if (refused && (control == 401 || control == 403)) return fmt::format("unauthorized: /api answers {}", control);
    if (apiserver.readyz->status != 200)
        return fmt::format("not-ready: {} answers {}", printable(apiserver.readyz_path, 16), apiserver.readyz->status);
    if (refused) return fmt::format("status: /api answers {}", control);
    return "not-ready: it restarted during this cycle, or its port refused connections";
}

int refused_connections(const ApiserverView& apiserver) {
    int refused = 0;
    for (const auto& attempts : apiserver.attempts) {
        for (const auto* answers : {&attempts.discovery, &attempts.resource}) {
            refused += static_cast<int>(std::ranges::count(*answers, "connect_failed", &Answer::failure));
        }
    }
    return refused;
}

void list_apiservers(const Case& seen, Assessment& assessment) {
    for (const auto& apiserver : seen.observation.apiservers) {
        // Through the server address: an own address that refuses is an apiserver that is down.
        if (const auto refused = refused_connections(apiserver); refused > 0 && is_usable(apiserver)) {
            add(assessment, "connections to the server address", apiserver.master,
                fmt::format("connect_failed: {} refused; it passes them on to an apiserver that is down", refused));
        }
        if (!is_usable(apiserver)) {
            add(assessment, "apiserver", apiserver.master, silence_of(apiserver));
        } else if (!apiserver.version) {
            add(assessment, "version", apiserver.master, reason_of(apiserver.version.why()));
        }
    }
}

template <class Member>
std::string why_none(const Case& seen, Member member) {
    std::string reason = "not-asked: no apiserver is ready and accepts the probe's credential";
    for (const auto* apiserver : seen.usable) {
        const auto& part = apiserver->*member;
        if (!part && part.why().reason != "not-asked") return reason_of(part.why());
        if (!part) reason = reason_of(part.why());
    }
    return reason;
}

void list_shared_facts(const Case& seen, Assessment& assessment) {
    if (seen.observation.apiservices() == nullptr) {
        add(assessment, "the list of APIServices", "", why_none(seen, &ApiserverView::apiservices));
    }
    if (seen.published == nullptr) {
        add(assessment, "the published authentication configuration", "", why_none(seen, &ApiserverView::published));
    } else {
        auto malformed = seen.published->malformed;
        if (seen.published->allowed_names_malformed)
            malformed.try_emplace("requestheader-allowed-names", "not a JSON list of strings");
        for (const auto& [key, why] : malformed) {
            const auto what = key == "requestheader-allowed-names" ? "the published allowed names"
                                                                   : "the published " + printable(key, 64);
            add(assessment, what, "",
                "malformed_reply: " + printable(why, 128) + "; extension API servers keep what they had");
        }
    }
    std::size_t left_out = 0;
    for (const auto& apiserver : seen.observation.apiservers)
        left_out = std::max(left_out, apiserver.apiservices_left_out);
    if (left_out > 0) add(assessment, fmt::format("{} more APIServices", left_out), "", "too_large: more than the cap");
}

Identity identity_of(const Case& seen, const ApiCase& api) {
    return identity_at(api, seen.observation, seen.read.empty() ? seen.guessed : seen.read);
}

bool is_refused_as_itself(const Answer& answer, const Caller& canary) {
    if (answer.status != 403 || !answer.forbidden_user) return false;
    return answer.forbidden_user->starts_with("system:") || *answer.forbidden_user == canary.user;
}

// Why the canary's answers say nothing; empty: they do, or it was not asked.
std::string canary_refusal(const Case& seen, const ApiCase& api) {
    for (const auto& through : api.through) {
        for (const auto& answer : through.attempts->canary) {
            if (answer.status == 401) return "unauthorized: the canary's credential is refused; it may have expired";
            if (is_refused_as_itself(answer, seen.observation.canary))
                return "forbidden: the canary credential may not get aggmedic-canary; the ClusterRole aggmedic-canary "
                       "of probes/rbac.yaml needs apiGroups [" +
                       printable(api.apiservice->group, 256) + "], resourceNames [aggmedic-canary], verbs [get]";
        }
    }
    return {};
}

void list_attempts(const Case& seen, Assessment& assessment) {
    for (const auto& api : seen.apis) {
        const auto what = "aggregated API " + printable(api.apiservice->name, 256);
        if (api.through.empty()) add(assessment, what, "", "not-asked");
        for (const auto& through : api.through) {
            if (through.known()) continue;
            const auto& answers = through.attempts->discovery;
            const bool silent = !answers.empty() && answers.back().status == 0;
            add(assessment, what, through.apiserver->master,
                silent ? printable(answers.back().failure, 64) : "no answer that tells anything");
        }
        if (const auto refusal = canary_refusal(seen, api);
            !refusal.empty() && identity_of(seen, api) == Identity::unknown)
            add(assessment, "canary at " + printable(api.apiservice->name, 256), "", refusal);
    }
}

// A credential that is looked at as harmless and is not: what it shows of an identity does not count.
void list_canary_credential(const Case& seen, Assessment& assessment) {
    const auto& observation = seen.observation;
    const auto& beyond = observation.canary_beyond;
    if (is_canary_blind(observation))
        add(assessment, "canary credential", "",
            "refused: it is in system:masters, about whom nothing is asked; give it the ServiceAccount aggmedic-canary "
            "of probes/rbac.yaml");
    if (beyond && (beyond->status == 404 || beyond->status == 200))
        add(assessment, "canary credential", "",
            "refused: it may get other names than aggmedic-canary; bind it to nothing but the ClusterRole "
            "aggmedic-canary of probes/rbac.yaml");
    if (!observation.canary.user.empty() && observation.canary.user == observation.caller.user)
        add(assessment, "canary credential", "",
            "refused: it is the probe's own user " + quoted(observation.caller.user) +
                "; give it the ServiceAccount aggmedic-canary of probes/rbac.yaml");
}

// Optional evidence, missed only where there is something to explain.
void list_aggregators(const Case& seen, Assessment& assessment) {
    const bool fails = std::ranges::any_of(seen.apis, [](const ApiCase& api) { return api.fails(); });
    if (!fails || assessment.findings.empty()) return;
    for (const auto* apiserver : seen.usable) {
        const auto& metrics = apiserver->aggregator;
        if (!metrics && metrics.why().reason == "forbidden")
            add(assessment, "aggregator metrics", apiserver->master, reason_of(metrics.why()));
    }
}

bool files_prove_belief(const Case& seen) {
    return all_read(seen) && std::ranges::all_of(seen.read, [](const ProxyClient& proxy) {
               return !proxy.absent && proxy.causes().empty();
           });
}

// Under a shared CA a 200 says that somebody was let in, not who. Optional, as most clusters have no canary: it makes
// none unknown.
void list_open_identity(const Case& seen, Assessment& assessment) {
    const bool is_told = std::ranges::any_of(
        assessment.unobserved, [](const UnobservedFact& fact) { return fact.what.starts_with("identity behind"); });
    if (is_told || !seen.shared_ca || files_prove_belief(seen)) return;
    const bool open = std::ranges::any_of(
        seen.apis, [&](const ApiCase& api) { return api.works() && identity_of(seen, api) == Identity::unknown; });
    if (!open) return;
    const bool is_blind = seen.observation.caller.is_system_masters;
    assessment.unobserved.push_back(
        {.what = "whom aggregated APIs take the caller for",
         .master = "",
         .reason = is_blind ? "not-proven: the probe's credential is system:masters, which sees no difference; a "
                              "canary or SSH would tell"
                            : "not-proven: no answer names it, and the CA may be shared; a canary or SSH would tell",
         .causes = {"identity-collapse"}});
}

void list_master(const std::string& name, const Seen<MasterView>& master, const Case& seen, Assessment& assessment) {
    if (!master) return add(assessment, "master over SSH", name, reason_of(master.why()));
    if (!master->file_arguments) add(assessment, "arguments file", name, reason_of(master->file_arguments.why()));
    if (!master->process) {
        add(assessment, "kube-apiserver process", name, reason_of(master->process.why()));
    } else if (seen.published != nullptr && std::ranges::find(seen.unread, name) != seen.unread.end()) {
        add(assessment, "proxy-client certificate", name,
            "not-found: the file that the live process names holds no readable certificate");
    }
    if (!master->supervisor) add(assessment, "supervisor", name, reason_of(master->supervisor.why()));
}

}  // namespace

void list_unobserved(const Case& seen, Assessment& assessment) {
    list_apiservers(seen, assessment);
    list_shared_facts(seen, assessment);
    list_attempts(seen, assessment);
    list_canary_credential(seen, assessment);
    list_aggregators(seen, assessment);
    list_open_identity(seen, assessment);
    for (const auto& workload : seen.observation.workloads) {
        for (auto& fact : unobserved_parts(workload)) assessment.unobserved.push_back(std::move(fact));
    }
    // No SSH configured is a choice, not a failure to see.
    for (const auto& [name, master] : seen.observation.masters) list_master(name, master, seen, assessment);
}

}  // namespace aggmedic::probes
