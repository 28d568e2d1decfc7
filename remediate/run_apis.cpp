#include <algorithm>
#include <utility>

#include "net/text.hpp"
#include "remediate/guard.hpp"
#include "remediate/restart_pods.hpp"
#include "remediate/run_steps.hpp"

// Waiting for the ConfigMap and for aggregated APIs, through the one master that was just repaired (design 6.6).
namespace aggmedic::remediate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds ask_pause{1};
constexpr seconds grace{120};       // some servers restart themselves when the ConfigMap changes
constexpr seconds reload_time{35};  // a server reloads within a second; the availability check comes every 30 s

std::string not_told(const std::string& api) {
    return api +
           " answers 200 as before, and nothing shows whether as the caller: restart its pods (after_repair), or give "
           "this "
           "cluster a canary credential, then check";
}

}  // namespace

asio::awaitable<bool> RunSteps::is_published(std::string master) {
    const auto published = co_await edge_->published(master);
    if (!published || !published->allowed_names) co_return false;
    co_return std::ranges::find(*published->allowed_names, plan_.common_name) != published->allowed_names->end();
}

asio::awaitable<StepResult> RunSteps::published(std::string master) {
    const auto ask = [this, master]() -> asio::awaitable<Attempt> {
        if (co_await is_published(master))
            co_return Attempt{.kind = Attempt::Kind::ok, .detail = "the ConfigMap holds " + plan_.common_name};
        co_return Attempt{.detail = "the ConfigMap does not hold " + plan_.common_name};
    };
    auto result = co_await until(plan_.verify_timeout, ask_pause, ask);
    if (result.outcome == StepOutcome::ok) published_at_ = edge_->now();
    if (result.outcome == StepOutcome::failed) {
        result.detail += "; look for a webhook that blocks writes to ConfigMaps, and at the master's log";
    }
    co_return result;
}

asio::awaitable<ApiJudgement> RunSteps::ask_api(std::string master, std::string apiservice) {
    const auto attempts = co_await edge_->apiservice(master, apiservice_named(apiservice));
    co_return judge_api(attempts, identities_);
}

asio::awaitable<StepResult> RunSteps::aggregated(std::string master) {
    std::vector<const Baseline*> left;
    for (const auto& before : plan_.baseline) {
        if (before.master == master) left.push_back(&before);
    }
    if (method_ == Method::revert && kubernetes_minor(plan_.kubernetes).value_or(0) < 17)
        co_return StepResult{.detail = "not asked: up to Kubernetes 1.16 the name goes with the arguments"};
    if (method_ == Method::revert && left.empty()) co_return StepResult{.detail = "there is no aggregated API"};
    if (left.empty())
        co_return StepResult{.outcome = StepOutcome::failed, .detail = "the plan names no aggregated API"};
    const auto ask = [this, master, &left]() -> asio::awaitable<Attempt> {
        Attempt attempt{.kind = Attempt::Kind::ok, .detail = "no aggregated API is worse than before"};
        for (const auto* before : std::exchange(left, {})) {
            const auto now = co_await ask_api(master, before->apiservice);
            if (is_no_worse(*before, now)) continue;
            left.push_back(before);
            attempt = {.kind = Attempt::Kind::again,
                       .detail = before->apiservice + " was " + before->state + " and answers " + now.says};
        }
        co_return attempt;
    };
    const auto result = co_await until(grace, ask_pause, ask);
    co_return result;
}

asio::awaitable<RunSteps::Healed> RunSteps::ask_one_healed(std::string master, std::string api) {
    const auto now = co_await ask_api(master, api);
    const auto* before = find_baseline(plan_, api, master);
    const Baseline unknown{.apiservice = api, .master = master, .state = "unknown", .proven_by = {}};
    co_return Healed{
        .healing = judge_healing(before != nullptr ? *before : unknown, now, true, restarted_apis_.contains(api)),
        .says = now.says};
}

asio::awaitable<RunSteps::Attempt> RunSteps::ask_healed(std::string master, bool cannot_tell_is_final) {
    const bool on_list = co_await is_published(master);
    if (!on_list) co_return Attempt{.detail = "the ConfigMap does not hold " + plan_.common_name};
    Attempt attempt{.kind = Attempt::Kind::ok, .detail = "every API of the finding answers as the caller"};
    const auto apis = apis_to_heal(plan_);
    if (apis.empty()) co_return Attempt{.kind = Attempt::Kind::failed, .detail = "the plan names no aggregated API"};
    for (const auto& api : apis) {
        const auto one = co_await ask_one_healed(master, api);
        if (one.healing == Healing::not_yet) co_return Attempt{.detail = api + " answers " + one.says};
        if (one.healing == Healing::cannot_tell) {
            const auto kind = cannot_tell_is_final ? Attempt::Kind::failed : Attempt::Kind::again;
            attempt = {.kind = kind, .detail = not_told(api)};
        }
    }
    co_return attempt;
}

asio::awaitable<StepResult> RunSteps::after_repair(std::string master) {
    if (plan_.after_repair.empty()) co_return StepResult{.detail = "nothing is configured"};
    const auto ask = [this, master]() { return ask_healed(master, true); };
    const auto by_itself = co_await until(reload_time, ask_pause, ask);
    if (by_itself.abandoned) co_return by_itself;
    if (by_itself.outcome == StepOutcome::ok) co_return StepResult{.detail = "not needed: " + by_itself.detail};
    int restarted = 0;
    std::string left_alone;
    for (const auto& pods : plan_.after_repair) {
        const auto done = co_await restart_what_fails(master, pods);
        if (control_->stop) co_return StepResult{.outcome = StepOutcome::unknown, .detail = {}, .abandoned = true};
        if (!done.fault.empty()) co_return StepResult{.outcome = StepOutcome::failed, .detail = printable(done.fault)};
        restarted += done.restarted;
        if (!done.left_alone.empty()) left_alone += done.left_alone + "; ";
    }
    if (restarted == 0)
        co_return StepResult{.outcome = StepOutcome::failed,
                             .detail = left_alone + "no pod of after_repair serves what still fails"};
    std::string apis;
    for (const auto& api : restarted_apis_) apis += (apis.empty() ? "" : ", ") + api;
    co_return StepResult{.detail = left_alone + std::to_string(restarted) + std::string(pods_restarted) + ": " + apis};
}

// The pods of one entry, where they serve an API that still fails when we come to them: a server that reloads by itself
// shows that by its answers, and is left alone.
asio::awaitable<RunSteps::Restarted> RunSteps::restart_what_fails(std::string master, RestartPods pods) {
    Restarted done;
    const std::string who = "the pods " + pods.selector + " in " + pods.namespace_;
    const auto found = co_await list_pods(edge_, pods);
    if (!found) {
        done.fault = found.error().detail;
        co_return done;
    }
    std::vector<std::string> served;  // by these pods, as far as can be told
    std::string fails, answers;
    for (const auto& api : apis_to_heal(plan_)) {
        if (co_await ask_serves(edge_, master, api, pods, *found) == Serves::no) continue;
        served.push_back(api);
        const auto one = co_await ask_one_healed(master, api);
        if (one.healing == Healing::healed) answers += (answers.empty() ? "" : ", ") + api + " answers " + one.says;
        if (one.healing != Healing::healed && fails.empty()) fails = api + " answers " + one.says;
    }
    if (found->empty() || fails.empty()) {
        done.left_alone = who + (found->empty()    ? " are none"
                                 : answers.empty() ? " are left alone, as they serve no API of the finding"
                                                   : " are left alone, as " + answers);
        co_return done;
    }
    note("restarting " + who + ", as " + fails);
    const auto keep_on = [this]() -> asio::awaitable<bool> {
        co_await renew_locks_in_time();
        co_return !control_->stop;  // an abort finishes this master
    };
    const auto count = co_await restart_pods(edge_, pods, *found, plan_.verify_timeout, keep_on);
    if (!count) {
        done.fault = count.error().detail;
        co_return done;
    }
    done.restarted = *count;
    restarted_apis_.insert(served.begin(), served.end());
    co_return done;
}

// What an earlier life of this run restarted, as its step said; of one that named none, all.
void RunSteps::assume_pods_were_restarted(const std::string& detail) {
    const auto at = detail.find(pods_restarted);
    const auto named = at == std::string::npos ? std::string() : detail.substr(at + pods_restarted.size());
    for (auto& api : apis_to_heal(plan_)) {
        if (named.empty() || named.contains(api)) restarted_apis_.insert(std::move(api));
    }
}

asio::awaitable<StepResult> RunSteps::healed(std::string master) {
    const auto start = edge_->now();
    const bool is_canary = !plan_.masters.empty() && plan_.masters.front().name == master;
    const auto ask = [this, master, start, is_canary]() -> asio::awaitable<Attempt> {
        auto attempt = co_await ask_healed(master, edge_->now() - start > reload_time);
        if (attempt.kind != Attempt::Kind::ok || !is_canary) co_return attempt;
        auto requests = co_await verify_requests(master);
        if (requests.kind == Attempt::Kind::ok) requests.detail = attempt.detail + requests.detail;
        co_return requests;
    };
    auto result = co_await until(plan_.verify_timeout, ask_pause, ask);
    if (result.outcome == StepOutcome::failed) {
        result.detail +=
            "; the master is ready and is left as it is. An extension API server that reads the published names only "
            "at its "
            "start has to be restarted";
    }
    co_return result;
}

}  // namespace aggmedic::remediate
