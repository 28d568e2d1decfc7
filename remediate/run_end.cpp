#include <algorithm>
#include <utility>

#include "net/text.hpp"
#include "probes/observe_control_plane.hpp"
#include "remediate/control_plane.hpp"
#include "remediate/run_steps.hpp"
#include "remediate/verify_request.hpp"

// What is checked before a master is touched, between two of them, and at the end.
namespace aggmedic::remediate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds check_limit{6};
constexpr seconds check_pause{2};
constexpr seconds settle_pause{1};
constexpr seconds verify_pause{2};
constexpr std::chrono::minutes renewal{4};  // a lock lasts 15

StepResult failed(std::string detail) {
    return {.outcome = StepOutcome::failed, .detail = std::move(detail)};
}

}  // namespace

// Which lock could not be renewed, and why; empty: all of them were.
asio::awaitable<std::string> RunSteps::renew_locks() {
    renewed_at_ = edge_->now();
    std::string missed;
    for (const auto& master : all_masters()) {
        const auto answer = co_await take_lock(master, milliseconds(0));
        if (answer.kind == HelperAnswer::Kind::ok) continue;
        missed += (missed.empty() ? "" : "; ") + ("the lock on " + master + " was not renewed: " + answer.detail);
    }
    co_return missed;
}

// The verbs renew the lock of their master; a long wait on one master must not outlast those of the others.
asio::awaitable<void> RunSteps::renew_locks_in_time() {
    if (edge_->now() - renewed_at_ < renewal) co_return;
    if (const auto missed = co_await renew_locks(); !missed.empty()) note(missed);
}

asio::awaitable<RunSteps::Attempt> RunSteps::compare_with_projection(std::string master,
                                                                     std::vector<std::string> repaired) {
    FreshView seen;
    for (const auto& name : all_masters()) {
        auto looked = co_await look(name, milliseconds(0));
        seen.masters[name] =
            looked ? probes::Seen<probes::MasterView>(std::move(looked->view)) : probes::unobserved(looked.error());
        seen.readyz[name] = co_await edge_->readyz(name);
        const auto listed = co_await ask_endpoints(name);
        if (listed && *listed) in_endpoints_before_[name] = (*listed)->master;
    }
    seen.published = co_await edge_->published(master);
    auto differences = differs_from_projection(plan_, repaired, seen);
    if (differences.empty() && !plan_.masters.empty()) {
        const probes::AskThrough ask = [this](std::string through, HttpRequest request) {
            return edge_->as_probe(std::move(through), std::move(request));
        };
        const auto around = co_await probes::observe_control_plane(ask, all_masters(), false);
        differences = control_plane_refusals(around, all_masters(), plan_.cluster);
    }
    if (!differences.empty()) co_return Attempt{.detail = join_reasons(differences)};
    co_return Attempt{.kind = Attempt::Kind::ok,
                      .detail = repaired.empty() ? "everything is as planned" : "everything is as projected"};
}

asio::awaitable<StepResult> RunSteps::check(std::string master, const RunWalk& walk) {
    std::vector<std::string> repaired;
    for (const auto& planned : plan_.masters) {
        if (walk.state_of(planned.name) == MasterState::repaired) repaired.push_back(planned.name);
    }
    process_.reset();
    // Looked at again a few times: one lost packet is no difference.
    const auto ask = [this, master, repaired]() -> asio::awaitable<Attempt> {
        if (const auto missed = co_await renew_locks(); !missed.empty()) co_return Attempt{.detail = missed};
        co_return co_await compare_with_projection(master, repaired);
    };
    const auto result = co_await until(check_limit, check_pause, ask);
    co_return result;
}

asio::awaitable<StepResult> RunSteps::settle() {
    const auto end = edge_->now() + plan_.settle;
    for (;;) {
        const auto answer = co_await edge_->readyz({});
        const bool asked =
            answer || answer.why().reason != "not-asked";  // a cluster without a server address only waits
        if (asked && (!answer || answer->status != 200)) {
            const std::string said = !answer               ? printable(answer.why().detail, 128)
                                     : answer->status == 0 ? printable(answer->failure, 64)
                                                           : std::to_string(answer->status);
            co_return failed("the server address answered /readyz with " + said);
        }
        if (control_->stop) co_return StepResult{.outcome = StepOutcome::unknown, .detail = {}, .abandoned = true};
        if (control_->abort) co_return StepResult{.detail = "cut short on request"};
        if (edge_->now() >= end) co_return StepResult{.detail = "the server address was faultless"};
        co_await renew_locks_in_time();
        co_await edge_->sleep(settle_pause);
    }
}

asio::awaitable<RunSteps::Attempt> RunSteps::verify_requests(std::string master) {
    std::string passed;
    for (const auto& wanted : plan_.verify_requests) {
        const auto reply = co_await edge_->as_probe(master, http_request_of(wanted));
        const auto answer = judge_verify(wanted, master, reply);
        const std::string get = "GET " + printable(wanted.get, 256);
        if (!answer.passes) co_return Attempt{.detail = get + " through " + master + " " + answer.says};
        passed += "; " + get + " " + answer.says;
    }
    co_return Attempt{.kind = Attempt::Kind::ok, .detail = passed};
}

asio::awaitable<RunSteps::Attempt> RunSteps::verify_master(std::string master) {
    if (const auto* planned = find_master(plan_, master)) {
        const auto seen = co_await look(master, milliseconds(0));
        if (!seen) co_return Attempt{.detail = master + " cannot be read"};
        const auto differences = differs_from_repaired(*planned, seen->view);
        if (!differences.empty()) co_return Attempt{.detail = join_reasons(differences)};
    }
    const auto answer = co_await edge_->readyz(master);
    if (!answer || answer->status != 200) co_return Attempt{.detail = master + " is not ready"};
    // What the run had repaired fails again after its revert: that is what was asked for.
    if (method_ == Method::revert) co_return Attempt{.kind = Attempt::Kind::ok, .detail = {}};
    auto attempt = co_await ask_healed(master, false);
    if (attempt.kind != Attempt::Kind::ok) {
        attempt.detail = "through " + master + ": " + attempt.detail;
        co_return attempt;
    }
    co_return co_await verify_requests(master);
}

asio::awaitable<StepResult> RunSteps::verify() {
    auto left = all_masters();
    std::string passed;  // what the last master's requests said
    const auto ask = [this, &left, &passed]() -> asio::awaitable<Attempt> {
        while (!left.empty()) {
            const std::string master = left.front();
            auto attempt = co_await verify_master(master);
            if (attempt.kind != Attempt::Kind::ok) co_return attempt;
            passed = attempt.detail;
            left.erase(left.begin());
        }
        co_return Attempt{.kind = Attempt::Kind::ok, .detail = "it holds through every master" + passed};
    };
    const auto result = co_await until(plan_.verify_timeout, verify_pause, ask);
    co_return result;
}

}  // namespace aggmedic::remediate
