#include "remediate/run_steps.hpp"

#include <algorithm>
#include <utility>

#include "net/text.hpp"
#include "remediate/edit.hpp"

// What is sent to a master. After an answer that does not tell, a look decides; nothing is sent twice without one.
namespace aggmedic::remediate {
namespace {

using Kind = HelperAnswer::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds no_patience{0};
constexpr seconds undo_patience{90};  // the master may be rebooting

StepResult done(std::string detail = {}) {
    return {.outcome = StepOutcome::ok, .detail = std::move(detail)};
}
StepResult failed(std::string detail) {
    return {.outcome = StepOutcome::failed, .detail = std::move(detail)};
}
StepResult unknown(std::string detail) {
    return {.outcome = StepOutcome::unknown, .detail = std::move(detail)};
}

bool is_process(const probes::MasterView& view, std::int64_t pid, std::uint64_t start_ticks) {
    return view.process && view.process->pid == pid && view.process->start_ticks == start_ticks;
}
bool is_pending(const probes::MasterView& view) {
    const auto* service = apiserver_service(view);
    return service != nullptr && service->pending;
}

// The kubelet acts as soon as the manifest differs.
bool is_restarted_by_swap(const Plan& plan) {
    return plan.platform == "kubeadm";
}

// A run proves the masters' processes and arguments; it dials no aggregated API's server.
asio::awaitable<Result<probes::Look>> look_without_dialling(RemoteHost& host, std::string master,
                                                            std::string platform) {
    return probes::look_at_master(host, std::move(master), std::move(platform));
}

}  // namespace

std::string join_reasons(const std::vector<Refusal>& refusals) {
    std::string text;
    for (const auto& refusal : refusals) text += (text.empty() ? "" : "; ") + refusal.subject + ": " + refusal.reason;
    return text;
}

RunSteps::RunSteps(RunContext& context, std::shared_ptr<RunEdge> edge, const Plan& plan, Identity identity,
                   std::shared_ptr<RunControl> control, Note note)
    : context_(context),
      edge_(std::move(edge)),
      plan_(plan),
      identity_(std::move(identity)),
      control_(std::move(control)),
      note_(std::move(note)),
      hosts_(context.connector, context.access, *edge_, plan.platform,
             context.look ? context.look : look_without_dialling, [this] { return control_->stop; }),
      identities_{.caller = probes::caller_of(context.target.probe),
                  .common_name = plan.common_name,
                  .proxy_is_masters = plan.proxy_is_masters},
      method_(method_from(plan.method).value_or(Method::args)) {}

asio::awaitable<StepResult> RunSteps::perform(Action action, const RunWalk& walk) {
    current_ = action;
    auto result = co_await dispatch(action, walk);
    if (result.outcome != StepOutcome::ok && hosts_.gave_up()) result.abandoned = true;
    co_return result;
}

asio::awaitable<StepResult> RunSteps::dispatch(Action action, const RunWalk& walk) {
    const std::string& master = action.master;
    switch (action.step) {
        case Step::lock:
            return lock(master);
        case Step::check:
            return check(master, walk);
        case Step::swap:
            return swap(master);
        case Step::restart:
            return restart(master);
        case Step::process:
            return process(master);
        case Step::ready:
            return ready(master, false);
        case Step::published:
            return published(master);
        case Step::aggregated:
            return aggregated(master);
        case Step::after_repair:
            return after_repair(master);
        case Step::healed:
            return healed(master);
        case Step::settle:
            return settle();
        case Step::add_name:
            return add_name();
        case Step::kept:
            return kept();
        case Step::verify:
            return verify();
        case Step::restore:
            return restore(master);
        case Step::restart_back:
            return restart_back(master);
        case Step::process_back:
            return process_back(master);
        case Step::ready_back:
            return ready(master, true);
        case Step::withdraw:
            return withdraw();
        case Step::withdrawn:
            return withdrawn();
        case Step::unlock:
            return unlock(master, walk.state_of(master));
    }
    std::unreachable();
}

std::vector<std::string> RunSteps::all_masters() const {
    std::vector<std::string> names;
    for (const auto& master : plan_.masters) names.push_back(master.name);
    for (const auto& master : plan_.untouched) names.push_back(master.name);
    return names;
}

asio::awaitable<Result<probes::Look>> RunSteps::look(std::string master, milliseconds patience) {
    return hosts_.look(std::move(master), patience);
}

std::vector<std::string> RunSteps::verb_arguments(std::vector<std::string> rest) const {
    std::vector<std::string> arguments{plan_.platform, identity_.holder, identity_.run,
                                       std::to_string(identity_.token)};
    std::ranges::move(rest, std::back_inserter(arguments));
    return arguments;
}

asio::awaitable<HelperAnswer> RunSteps::take_lock(std::string master, milliseconds patience) {
    return hosts_.call(std::move(master), "lock", verb_arguments({}), {}, patience);
}

asio::awaitable<StepResult> RunSteps::lock(std::string master) {
    const auto answer = co_await take_lock(master, no_patience);
    if (answer.kind == Kind::ok) co_return done();
    if (answer.kind == Kind::unknown) co_return unknown(answer.detail);
    co_return failed(answer.detail);
}

// swap and restore: the same arguments.
asio::awaitable<HelperAnswer> RunSteps::call_file_verb(std::string master, std::string verb, std::string input,
                                                       milliseconds patience) {
    const auto& planned = *find_master(plan_, master);
    auto arguments = verb_arguments({planned.resolved, planned.sha256_before, planned.sha256_after});
    return hosts_.call(std::move(master), std::move(verb), std::move(arguments), std::move(input), patience);
}

asio::awaitable<StepResult> RunSteps::swap(std::string master) {
    const auto& planned = *find_master(plan_, master);
    const auto fresh = co_await look(master, no_patience);
    if (!fresh) co_return failed("it could not be read again: " + printable(fresh.error().detail));
    if (fresh->view.args_file.sha256 != planned.sha256_before)
        co_return failed("its arguments file changed since the plan");
    ArgumentEdit wish;
    wish.add_name = plan_.common_name;
    wish.live_argument_count = planned.argument_count;
    const auto* platform = probes::find_platform(plan_.platform);
    if (platform == nullptr) co_return failed("the plan is for a platform that is not edited");
    if (fresh->sources.empty()) co_return failed("its arguments file is not there any more");
    auto edit = method_ == Method::revert ? take_back_arguments(*platform, fresh->sources, wish, planned.sha256_after)
                                          : edit_arguments(*platform, fresh->sources, wish);
    if (edit.answer != EditAnswer::changed || sha256_hex(edit.bytes) != planned.sha256_after) {
        co_return failed("the edit does not give the bytes that were planned");
    }
    if (is_restarted_by_swap(plan_)) {
        const auto missing = co_await others_not_ready(master);
        if (!missing.empty()) co_return failed("it was not sent, as " + missing);
    }
    const auto answer = co_await call_file_verb(master, "swap", std::move(edit.bytes), no_patience);
    if (answer.kind == Kind::ok) co_return done(answer.detail);
    if (answer.kind == Kind::not_run || (answer.kind == Kind::no && answer.word != "readback"))
        co_return failed(answer.detail);
    const auto after = co_await look(master, seconds(15));
    if (!after) co_return unknown(answer.detail + "; and it could not be read afterwards");
    if (after->view.args_file.sha256 == planned.sha256_after)
        co_return done("the answer was lost, the file is the new one");
    // The helper may still be at it: the undo waits for it, and finds out.
    co_return unknown(answer.detail + "; the file is not the new one");
}

asio::awaitable<StepResult> RunSteps::restart(std::string master) {
    const auto& planned = *find_master(plan_, master);
    // The check was before the swap, which may have waited for a lost answer.
    if (!is_restarted_by_swap(plan_)) {
        const auto missing = co_await others_not_ready(master);
        if (!missing.empty()) co_return failed("it was not sent, as " + missing);
    }
    restart_was_asked_ = true;
    auto arguments = verb_arguments(
        {planned.resolved, planned.sha256_after, std::to_string(planned.pid), std::to_string(planned.start_ticks)});
    const auto answer = co_await hosts_.call(master, "restart", std::move(arguments), {}, no_patience);
    if (answer.kind == Kind::ok) co_return done(answer.detail);
    if (answer.kind == Kind::no || answer.kind == Kind::not_run) co_return failed(answer.detail);
    const auto after = co_await look(master, seconds(15));
    if (!after) co_return unknown(answer.detail + "; and it could not be read afterwards");
    if (!is_process(after->view, planned.pid, planned.start_ticks))
        co_return done("the answer was lost, the old process is gone");
    if (is_pending(after->view)) co_return done("the answer was lost, the supervisor is at it");
    co_return failed(answer.detail + "; the old process still runs");
}

asio::awaitable<StepResult> RunSteps::restore(std::string master) {
    const auto& planned = *find_master(plan_, master);
    auto answer = co_await call_file_verb(master, "restore", {}, undo_patience);
    if (answer.kind == Kind::no && answer.word == "lock-lost") {  // it was rebooted: /run is empty
        const auto locked = co_await take_lock(master, no_patience);
        if (locked.kind != Kind::ok) co_return failed("the lock was lost and cannot be taken again: " + locked.detail);
        answer = co_await call_file_verb(master, "restore", {}, no_patience);
    }
    if (answer.kind == Kind::unknown) {
        const auto after = co_await look(master, undo_patience);
        if (!after) co_return unknown(answer.detail + "; and it could not be read afterwards");
        if (after->view.args_file.sha256 == planned.sha256_before)
            co_return done("the answer was lost, the file is the old one");
        answer = co_await call_file_verb(master, "restore", {}, no_patience);
    }
    if (answer.kind == Kind::ok) co_return done(answer.detail);
    if (answer.kind == Kind::unknown) co_return unknown(answer.detail);
    co_return failed(answer.detail);
}

asio::awaitable<RunSteps::Attempt> RunSteps::ask_restart_back(std::string master) {
    const auto& planned = *find_master(plan_, master);
    const auto seen = co_await look(master, milliseconds(0));
    if (!seen) co_return Attempt{.detail = "it cannot be read: " + printable(seen.error().detail)};
    const auto& view = seen->view;
    // Which bytes the process that it is starting has read cannot be told before it is done.
    if (is_pending(view)) co_return Attempt{.detail = "the supervisor is at it"};
    if (view.process && view.process->arguments.sha256 == planned.arguments_sha256) {
        co_return Attempt{.kind = Attempt::Kind::ok, .detail = "its process runs the old arguments"};
    }
    if (const auto missing = co_await needed_while_others_are_away(master); !missing.empty())
        co_return Attempt{.detail = missing};
    const auto pid = view.process ? view.process->pid : 0;
    const auto start = view.process ? view.process->start_ticks : 0;
    auto arguments =
        verb_arguments({planned.resolved, planned.sha256_before, std::to_string(pid), std::to_string(start)});
    const auto answer = co_await hosts_.call(master, "restart", std::move(arguments), {}, milliseconds(0));
    if (answer.kind == Kind::ok) co_return Attempt{.kind = Attempt::Kind::ok, .detail = answer.detail};
    if (answer.kind == Kind::no) co_return Attempt{.kind = Attempt::Kind::failed, .detail = answer.detail};
    // Not sent, or not heard of: the next look tells whether it happened.
    co_return Attempt{.detail = answer.detail};
}

asio::awaitable<StepResult> RunSteps::restart_back(std::string master) {
    const auto ask = [this, master]() { return ask_restart_back(master); };
    const auto result = co_await until(plan_.verify_timeout, seconds(2), ask);
    co_return result;
}

asio::awaitable<StepResult> RunSteps::unlock(std::string master, MasterState state) {
    std::string resolved, expected;
    if (const auto* planned = find_master(plan_, master)) {
        resolved = planned->resolved;
        const bool old = state == MasterState::untouched || state == MasterState::restored;
        expected = old ? planned->sha256_before : planned->sha256_after;
    } else {
        const auto bound = std::ranges::find(plan_.untouched, master, &BoundMaster::name);
        resolved = bound->resolved;
        expected = bound->sha256;
    }
    const auto arguments = verb_arguments({resolved, expected});
    auto answer = co_await hosts_.call(master, "unlock", arguments, {}, seconds(15));
    if (answer.kind == Kind::unknown) answer = co_await hosts_.call(master, "unlock", arguments, {}, seconds(15));
    if (answer.kind == Kind::ok) co_return done();
    co_return failed(answer.detail + " (the lock runs out by itself in 15 minutes)");
}

}  // namespace aggmedic::remediate
