#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "probes/observation.hpp"
#include "remediate/plan.hpp"

namespace aggmedic::remediate {

enum class ApiState { unknown, failing, masked, ok };
std::string_view name(ApiState state);

// How an aggregated API answers through one apiserver, judged as diagnose() does.
struct ApiJudgement {
    ApiState state = ApiState::unknown;
    std::string proven_by;        // as Baseline::proven_by
    bool as_caller = false;       // the answers show that the extension server saw the caller
    bool was_authorized = false;  // an answer came from behind authentication: a 403 would have named who we are
    bool has_pair = false;        // both flow schema lines: the extension server's library is of 1.20 or later
    unsigned status = 0;          // of the last answer
    std::string says;             // one clause for people, printable
};
// What is known of the proxy-client certificate and of who asks, without which a masked identity cannot be told.
struct Identities {
    probes::Caller caller;
    std::string common_name;
    bool proxy_is_masters = false;
};
ApiJudgement judge_api(const probes::ApiServiceAttempts& attempts, const Identities& identities);

// Whether `now` is no worse than before the repair. A masked 200 that became the caller's own 403 is no worse.
bool is_no_worse(const Baseline& before, const ApiJudgement& now);

enum class Healing {
    healed,
    not_yet,
    cannot_tell,  // it answers 200 as before, and nothing shows as whom
};
// Whether an aggregated API of the finding is healed. `name_published` at the ConfigMap; `restarted`: its servers were
// restarted after that, so that they have read it.
Healing judge_healing(const Baseline& before, const ApiJudgement& now, bool name_published, bool restarted);

// The aggregated APIs that the plan has to heal: those its findings name; where they name none, those that did not
// answer well; where all did, all.
std::vector<std::string> apis_to_heal(const Plan& plan);
const Baseline* find_baseline(const Plan& plan, std::string_view apiservice, std::string_view master);

// The value that asking needs, from the name alone: v1beta1.servicecatalog.k8s.io.
probes::ApiService apiservice_named(const std::string& name);

}  // namespace aggmedic::remediate
