#include <algorithm>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "net/text.hpp"
#include "probes/control_plane_reading.hpp"
#include "remediate/control_plane.hpp"
#include "remediate/run_steps.hpp"

// Waiting for a master: a new process, then its own /readyz (design 6.3, 6.6). Exit 0 of a restart proves nothing. And
// before it, whether all the others are ready.
namespace aggmedic::remediate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds look_pause{2};
constexpr seconds others_pause{1};
constexpr int others_asked_max = 2;  // one lost packet is no outage
constexpr seconds endpoints_limit{30};
constexpr int answers_to_hold = 3;

std::string answer_text(const probes::Seen<probes::Answer>& answer) {
    if (!answer) return printable(answer.why().detail, 128);
    if (answer->status == 0) return printable(answer->failure, 64);
    return std::to_string(answer->status);
}

std::string cannot_be_read(const Error& why) {
    return "it cannot be read: " + printable(why.detail, 160);
}

}  // namespace

asio::awaitable<StepResult> RunSteps::until(milliseconds limit, milliseconds pause, Ask ask) {
    const auto deadline = edge_->now() + limit;
    std::string last;
    for (;;) {
        const auto attempt = co_await ask();
        if (attempt.kind == Attempt::Kind::ok)
            co_return StepResult{.outcome = StepOutcome::ok, .detail = attempt.detail};
        if (attempt.kind == Attempt::Kind::failed)
            co_return StepResult{.outcome = StepOutcome::failed, .detail = attempt.detail};
        if (attempt.detail != last && !attempt.detail.empty()) note(attempt.detail);
        last = attempt.detail;
        if (control_->stop) co_return StepResult{.outcome = StepOutcome::unknown, .detail = {}, .abandoned = true};
        if (edge_->now() + pause > deadline) break;
        co_await renew_locks_in_time();
        co_await edge_->sleep(pause);
    }
    const auto waited = std::chrono::duration_cast<seconds>(limit).count();
    co_return StepResult{.outcome = StepOutcome::failed,
                         .detail = "not within " + std::to_string(waited) + " s: " + last};
}

// All of them again after a pause: an answer must not be old because another one was waited for.
asio::awaitable<std::string> RunSteps::others_not_ready(std::string master) {
    std::string missing;
    for (int asked = 0; asked < others_asked_max; ++asked) {
        if (asked > 0) co_await edge_->sleep(others_pause);
        missing.clear();
        for (const auto& other : all_masters()) {
            if (other == master) continue;
            const auto answer = co_await edge_->readyz(other);
            if (answer && answer->status == 200) continue;
            missing += (missing.empty() ? "" : "; ") + (other + " is not ready (/readyz: " + answer_text(answer) + ")");
        }
        if (missing.empty()) break;
    }
    co_return missing;
}

// One that is down already is put back at once; one that serves with its new arguments is not taken away beside
// another.
asio::awaitable<std::string> RunSteps::needed_while_others_are_away(std::string master) {
    const auto own = co_await edge_->readyz(master);
    if (!own || own->status != 200) co_return std::string();
    const auto missing = co_await others_not_ready(master);
    co_return missing.empty() ? missing : "it serves, and must not be restarted while " + missing;
}

asio::awaitable<StepResult> RunSteps::process(std::string master) {
    const auto& planned = *find_master(plan_, master);
    const auto ask = [this, master, &planned]() -> asio::awaitable<Attempt> {
        const auto seen = co_await look(master, milliseconds(0));
        if (!seen) co_return Attempt{.detail = cannot_be_read(seen.error())};
        const auto& view = seen->view;
        // Not so where the undo of an earlier life had begun and no disk took its record, or where somebody edits.
        if (view.args_file.sha256 != planned.sha256_after) {
            co_return Attempt{.kind = Attempt::Kind::failed, .detail = "its file is not the new one any more"};
        }
        if (!view.process) co_return Attempt{.detail = "no process yet"};
        const std::pair now(view.process->pid, view.process->start_ticks);
        if (now == std::pair(planned.pid, planned.start_ticks))
            co_return Attempt{.detail = "the old process still runs"};
        if (view.process->arguments.sha256 != planned.arguments_sha256_after) {
            co_return Attempt{.detail = "the new process does not run the new arguments"};
        }
        const auto* service = apiserver_service(view);
        if (service == nullptr) co_return Attempt{.detail = "the supervisor does not answer"};
        if (!service->running || service->pending) {
            co_return Attempt{.detail = "the supervisor says: " + printable(service->status, 64)};
        }
        process_ = now;
        co_return Attempt{.kind = Attempt::Kind::ok,
                          .detail = "process " + std::to_string(now.first) + " runs the new arguments"};
    };
    const auto result = co_await until(plan_.verify_timeout, look_pause, ask);
    co_return result;
}

asio::awaitable<StepResult> RunSteps::process_back(std::string master) {
    const auto& planned = *find_master(plan_, master);
    const auto ask = [this, master, &planned]() -> asio::awaitable<Attempt> {
        const auto seen = co_await look(master, milliseconds(0));
        if (!seen) co_return Attempt{.detail = cannot_be_read(seen.error())};
        const auto& view = seen->view;
        if (view.args_file.sha256 != planned.sha256_before) {
            co_return Attempt{.kind = Attempt::Kind::failed, .detail = "its file is not the old one"};
        }
        if (!view.process) co_return Attempt{.detail = "no process yet"};
        if (view.process->arguments.sha256 != planned.arguments_sha256) {
            co_return Attempt{.detail = "its process does not run the old arguments yet"};
        }
        const auto* service = apiserver_service(view);
        if (service == nullptr || !service->running || service->pending)
            co_return Attempt{.detail = "the supervisor is not done"};
        process_ = std::pair(view.process->pid, view.process->start_ticks);
        co_return Attempt{.kind = Attempt::Kind::ok, .detail = "its process runs the old arguments"};
    };
    const auto result = co_await until(plan_.verify_timeout, look_pause, ask);
    co_return result;
}

asio::awaitable<StepResult> RunSteps::ready(std::string master, bool undo) {
    held_answers_ = 0;
    const auto ask = [this, master, undo]() { return hold_readyz(master, undo); };
    // The answers spread over the hold: one at its start, one in its middle, one at its end.
    const auto pause = std::max(milliseconds(200), plan_.readyz_hold / (answers_to_hold - 1));
    const auto result = co_await until(plan_.verify_timeout + plan_.readyz_hold, pause, ask);
    co_return result;
}

asio::awaitable<RunSteps::Attempt> RunSteps::hold_readyz(std::string master, bool undo) {
    const auto answer = co_await edge_->readyz(master);
    if (!answer || answer->status != 200) {
        held_answers_ = 0;
        co_return Attempt{.detail = "/readyz: " + answer_text(answer)};
    }
    if (held_answers_ == 0) held_since_ = edge_->now();
    ++held_answers_;
    const bool held = held_answers_ >= answers_to_hold && edge_->now() - held_since_ >= plan_.readyz_hold;
    if (!held) co_return Attempt{.detail = "/readyz answers 200, it has to hold"};
    co_return co_await steady_process(master, undo);
}

asio::awaitable<RunSteps::Attempt> RunSteps::steady_process(std::string master, bool undo) {
    const int held = std::exchange(held_answers_, 0);  // to be held again, unless only the endpoints are late
    const auto seen = co_await look(master, milliseconds(0));
    if (!seen) co_return Attempt{.detail = cannot_be_read(seen.error())};
    const auto& view = seen->view;
    const auto& planned = *find_master(plan_, master);
    if (view.args_file.sha256 != (undo ? planned.sha256_before : planned.sha256_after))
        co_return Attempt{.kind = Attempt::Kind::failed, .detail = "its file was changed meanwhile"};
    if (!view.process) co_return Attempt{.detail = "its process is gone again"};
    const std::pair now(view.process->pid, view.process->start_ticks);
    const auto expected = std::exchange(process_, now);
    if (expected && *expected != now) co_return Attempt{.detail = "its process was started again meanwhile"};
    const auto& arguments = undo ? planned.arguments_sha256 : planned.arguments_sha256_after;
    if (view.process->arguments.sha256 != arguments) co_return Attempt{.detail = "its process runs other arguments"};
    if (!all_services_run(view)) co_return Attempt{.detail = "not all jobs of the VM run"};

    auto attempt = co_await in_endpoints(master);
    if (attempt.kind == Attempt::Kind::again) held_answers_ = held;  // their lease is written every 10 s
    co_return attempt;
}

// A master that was in the endpoints has to come back into them. Of a master that nothing was seen of before (the run
// was taken up) that is asked where the endpoints list another master by an address that we know it by.
asio::awaitable<RunSteps::Attempt> RunSteps::in_endpoints(std::string master) {
    const bool late = edge_->now() - held_since_ >= plan_.readyz_hold + endpoints_limit;
    const auto listed = co_await ask_endpoints(master);
    if (!listed) {
        co_return Attempt{.detail = "the endpoints of default/kubernetes cannot be read: " +
                                    printable(listed.error().detail, 128)};
    }
    const auto& found = *listed;
    if (!found) {
        co_return Attempt{.kind = Attempt::Kind::ok,
                          .detail = "ready; whether default/kubernetes lists it may not be read"};
    }
    const auto before = in_endpoints_before_.find(master);
    const bool has_to = before != in_endpoints_before_.end() ? before->second : found->another;
    if (found->master || !has_to) co_return Attempt{.kind = Attempt::Kind::ok, .detail = "ready"};
    if (!late) co_return Attempt{.detail = "its address is not yet in the endpoints of default/kubernetes"};
    co_return Attempt{.kind = Attempt::Kind::failed, .detail = "its address left the endpoints of default/kubernetes"};
}

// nullopt: they may not be read. Errors: they could not be read this time.
asio::awaitable<Result<std::optional<RunSteps::Listed>>> RunSteps::ask_endpoints(std::string master) {
    HttpRequest request;
    request.path = "/api/v1/namespaces/default/endpoints/kubernetes";
    request.fresh_connection = true;
    const auto reply = co_await edge_->as_probe(master, std::move(request));
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->status == 403 || reply->status == 404) co_return std::nullopt;
    if (reply->status != 200) co_return fail(Errc::malformed_reply, std::to_string(reply->status));
    const auto endpoints = probes::parse_addresses(reply->body);
    if (!endpoints) co_return std::unexpected(endpoints.error());
    Listed listed;
    for (const auto& planned : plan_.masters) {
        const bool found = std::ranges::any_of(*endpoints, [&](const std::string& address) {
            return address == host_of(planned.address) || address == planned.advertised;
        });
        (planned.name == master ? listed.master : listed.another) |= found;
    }
    co_return listed;
}

}  // namespace aggmedic::remediate
