#include "remediate/api_state.hpp"

#include <algorithm>

#include "net/text.hpp"
#include "probes/causes/case.hpp"

namespace aggmedic::remediate {
namespace {

using probes::Answer;

Answer fine_answer() {
    Answer answer;
    answer.status = 200;
    return answer;
}

// One apiserver that is ready and takes our credential, so that the probes' own judgement can be asked about one API.
probes::Observation around(const probes::ApiServiceAttempts& attempts, const probes::Caller& caller) {
    probes::ApiserverView view;
    view.master = "asked";
    view.readyz = fine_answer();
    view.control = fine_answer();
    view.apiservices = std::vector{apiservice_named(attempts.apiservice)};
    view.attempts = {attempts};
    probes::Observation observation;
    observation.caller = caller;
    observation.apiservers.push_back(std::move(view));
    return observation;
}

probes::ProxyClient proxy_of(const Identities& identities) {
    probes::ProxyClient proxy;
    proxy.leaf.common_name = identities.common_name;
    proxy.leaf.has_common_name = true;
    if (identities.proxy_is_masters) proxy.leaf.organizations = {"system:masters"};
    return proxy;
}

const Answer* last_answer(const probes::ApiServiceAttempts& attempts) {
    const Answer* last = nullptr;
    for (const auto* answers : {&attempts.discovery, &attempts.resource}) {
        for (const auto& answer : *answers) {
            if (last == nullptr || answer.status != 200) last = &answer;
        }
    }
    return last;
}

std::string describe(const Answer& answer) {
    if (answer.status == 0) return "no answer (" + printable(answer.failure, 64) + ")";
    std::string text = std::to_string(answer.status);
    if (answer.forbidden_user) text += " for user " + printable(*answer.forbidden_user, 128);
    return text;
}

bool has_pair(const probes::ApiServiceAttempts& attempts) {
    const auto paired = [](const std::vector<Answer>& answers) {
        return std::ranges::any_of(answers, [](const Answer& answer) {
            const auto& lines = answer.flow_schemas;
            return lines.size() == 2 && !lines[0].empty() && !lines[1].empty();
        });
    };
    return paired(attempts.discovery) || paired(attempts.resource) || paired(attempts.canary);
}

bool was_authorized(const probes::ApiServiceAttempts& attempts) {
    const auto any = [](const std::vector<Answer>& answers) {
        return std::ranges::any_of(answers, [](const Answer& answer) {
            return answer.status == 200 || answer.status == 403 || answer.status == 404;
        });
    };
    return any(attempts.resource) || any(attempts.canary);
}

// A 403 that names the caller, or nobody, is an answer to the caller: permissions are not what a repair is judged by.
bool answers_caller(const probes::ApiServiceAttempts& attempts) {
    return std::ranges::any_of(attempts.resource, [](const Answer& answer) { return answer.status == 403; });
}

}  // namespace

std::string_view name(ApiState state) {
    switch (state) {
        case ApiState::unknown:
            return "unknown";
        case ApiState::failing:
            return "failing";
        case ApiState::masked:
            return "masked";
        case ApiState::ok:
            return "ok";
    }
    return "unknown";
}

ApiJudgement judge_api(const probes::ApiServiceAttempts& attempts, const Identities& identities) {
    const auto observation = around(attempts, identities.caller);
    const auto seen = probes::digest(observation, TimePoint{});
    ApiJudgement judgement;
    if (const auto* last = last_answer(attempts)) {
        judgement.status = last->status;
        judgement.says = describe(*last);
    } else {
        judgement.says = "not asked";
    }
    judgement.has_pair = has_pair(attempts);
    judgement.was_authorized = was_authorized(attempts);
    if (seen.apis.empty() || seen.apis.front().through.empty()) return judgement;
    const auto& api = seen.apis.front();
    const auto identity = probes::identity_at(api, observation, {proxy_of(identities)});
    if (identity == probes::Identity::named || identity == probes::Identity::masked) {
        judgement.state = ApiState::masked;
        judgement.proven_by = identity == probes::Identity::named ? "name" : "flow-schemas";
        judgement.says += ", as user " + printable(identities.common_name, 128);
        return judgement;
    }
    judgement.as_caller = identity == probes::Identity::caller;
    const auto& through = api.through.front();
    if (through.discovery.fails() || through.resource.fails()) {
        judgement.state = ApiState::failing;
    } else if (through.fine() > 0 || answers_caller(attempts)) {
        judgement.state = ApiState::ok;
    }
    return judgement;
}

bool is_no_worse(const Baseline& before, const ApiJudgement& now) {
    if (before.state == "ok") return now.state == ApiState::ok;
    if (before.state == "masked") return now.state == ApiState::ok || now.state == ApiState::masked;
    return true;
}

Healing judge_healing(const Baseline& before, const ApiJudgement& now, bool name_published, bool restarted) {
    if (!name_published || now.state != ApiState::ok) return Healing::not_yet;
    if (now.as_caller || restarted) return Healing::healed;
    // A server that refused the certificate before takes it for nobody else's: only the name made this answer. And one
    // that answered well was not masked: the plan calls it masked wherever it could have been.
    if (before.state == "failing" || before.state == "ok") return Healing::healed;
    // What proved it before has to be there to disprove it now.
    if (before.proven_by == "name" && now.was_authorized) return Healing::healed;
    // A server with both lines reloads the published names by itself within a second.
    return now.has_pair ? Healing::healed : Healing::cannot_tell;
}

std::vector<std::string> apis_to_heal(const Plan& plan) {
    std::vector<std::string> apis;
    const auto add = [&](const std::string& api) {
        if (!api.empty() && std::ranges::find(apis, api) == apis.end()) apis.push_back(api);
    };
    for (const auto& finding : plan.findings) add(finding.apiservice);
    if (!apis.empty()) return apis;
    for (const auto& each : plan.baseline) {
        if (each.state == "failing" || each.state == "masked") add(each.apiservice);
    }
    if (!apis.empty()) return apis;
    for (const auto& each : plan.baseline) add(each.apiservice);
    return apis;
}

const Baseline* find_baseline(const Plan& plan, std::string_view apiservice, std::string_view master) {
    const auto found = std::ranges::find_if(
        plan.baseline, [&](const Baseline& each) { return each.apiservice == apiservice && each.master == master; });
    return found == plan.baseline.end() ? nullptr : &*found;
}

probes::ApiService apiservice_named(const std::string& name) {
    probes::ApiService api;
    api.name = name;
    const auto dot = name.find('.');
    api.version = name.substr(0, dot);
    if (dot != std::string::npos) api.group = name.substr(dot + 1);
    return api;
}

}  // namespace aggmedic::remediate
