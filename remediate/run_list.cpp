#include <fmt/format.h>
#include <algorithm>
#include <utility>

#include "net/text.hpp"
#include "remediate/run_steps.hpp"

// The published list: the name into it, out of it, and the watch over both. Every change is a merge PATCH that is bound
// to a resourceVersion and was tried with dryRun=All first: without one other writers' names are lost (measured: 163 of
// 400), with one none (0 of 2,992).
namespace aggmedic::remediate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int retries_max = 5;
constexpr seconds retry_pause{1};
constexpr seconds watch_pause{5};
constexpr seconds holder_patience{15};
constexpr int unread_max = 6;

StepResult failed(std::string detail) {
    return {.outcome = StepOutcome::failed, .detail = std::move(detail)};
}
StepResult unknown(std::string detail) {
    return {.outcome = StepOutcome::unknown, .detail = std::move(detail)};
}
StepResult left_open() {
    return {.outcome = StepOutcome::unknown, .detail = {}, .abandoned = true};
}

std::string said(const Result<HttpReply>& reply) {
    if (!reply) return std::string(name(reply.error().code)) + " " + printable(reply.error().detail, 200);
    return fmt::format("{}: {}", reply->status, printable(reply->body, 200));
}

// That the object in the answer holds exactly this list.
bool stores(const HttpReply& reply, const std::vector<std::string>& names) {
    const auto list = read_published_list(reply.body);
    return list && names_of(*list) == names;
}

bool holds(const probes::Flags& flags, const std::string& name) {
    const auto names = probes::allowed_names(flags);
    return std::ranges::find(names, name) != names.end();
}

}  // namespace

asio::awaitable<Result<PublishedList>> RunSteps::read_list() {
    HttpRequest request;
    request.path = published_path;
    request.body_limit = std::size_t{8} << 20;
    const auto reply = co_await edge_->as_repair(std::move(request));
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->status != 200)
        co_return fail(Errc::command_failed, "reading the ConfigMap as the repair credential answered " + said(reply));
    co_return read_published_list(reply->body);
}

asio::awaitable<Result<HttpReply>> RunSteps::patch_list(std::string patch, bool dry_run) {
    HttpRequest request;
    request.method = "PATCH";
    request.path = std::string(published_path) + (dry_run ? "?dryRun=All" : "");
    request.body = std::move(patch);
    request.content_type = "application/merge-patch+json";
    request.body_limit = std::size_t{8} << 20;
    request.fresh_connection = true;
    co_return co_await edge_->as_repair(std::move(request));
}

// What is not heard of is looked at: a PATCH that arrives late is refused, once the object has moved.
asio::awaitable<StepResult> RunSteps::change_list(ListWish wish) {
    bool may_have_happened = false;
    std::string last;
    for (int attempt = 0; attempt <= retries_max; ++attempt) {
        if (attempt > 0) co_await edge_->sleep(retry_pause);
        if (control_->stop) co_return left_open();
        co_await renew_locks_in_time();
        const auto list = co_await read_list();
        if (!list) {
            last = printable(list.error().detail, 300);
            continue;
        }
        const auto edit = edit_published_list(*list, wish);
        if (edit.answer == ListAnswer::already_right)
            co_return StepResult{.detail = may_have_happened ? "the answer was lost; " + edit.reason : edit.reason};
        if (edit.answer != ListAnswer::changed)
            co_return StepResult{.outcome = may_have_happened ? StepOutcome::unknown : StepOutcome::failed,
                                 .detail = std::string(name(edit.answer)) + ": " + edit.reason};
        const auto tried = co_await patch_list(edit.patch, true);
        if (!tried || tried->status == 409 || tried->status >= 500 || tried->status == 429) {
            last = "the dry run answered " + said(tried);
            continue;
        }
        if (tried->status != 200 || !stores(*tried, edit.names_after)) {
            std::string detail = tried->status != 200 ? "the dry run was refused with " + said(tried)
                                                      : "the dry run would store another list than was sent";
            co_return may_have_happened ? unknown(std::move(detail)) : failed(std::move(detail));
        }
        list_was_changed_ = true;
        const auto written = co_await patch_list(edit.patch, false);
        if (written && written->status == 200) {
            if (!stores(*written, edit.names_after))
                co_return unknown("the ConfigMap now holds another list than was sent");
            co_return StepResult{.detail = edit.reason};
        }
        last = "the PATCH answered " + said(written);
        const bool refused = written && written->status >= 400 && written->status < 500 && written->status != 408;
        if (!refused) may_have_happened = true;
        if (refused && written->status != 409 && written->status != 429 && !may_have_happened) co_return failed(last);
    }
    last = fmt::format("{} tries came to nothing; the last: {}", retries_max + 1, last);
    co_return may_have_happened ? unknown(std::move(last)) : failed(std::move(last));
}

asio::awaitable<std::optional<bool>> RunSteps::is_name_published() {
    for (int tried = 0; tried < unread_max; ++tried) {
        for (const auto& master : all_masters()) {
            const auto published = co_await edge_->published(master);
            if (!published || !published->allowed_names) continue;
            const auto& names = *published->allowed_names;
            co_return std::ranges::find(names, plan_.common_name) != names.end();
        }
        co_await edge_->sleep(retry_pause);
    }
    co_return std::nullopt;
}

asio::awaitable<StepResult> RunSteps::add_name() {
    auto result = co_await change_list({.change = Change::add, .name = plan_.common_name});
    if (result.outcome == StepOutcome::ok) published_at_ = edge_->now();
    co_return result;
}

asio::awaitable<StepResult> RunSteps::kept() {
    const auto begin = edge_->now();
    for (const auto after : {kept_first(plan_), kept_last(plan_)}) {
        while (edge_->now() < begin + after) {
            if (control_->stop) co_return left_open();
            co_await renew_locks_in_time();
            const auto left = std::chrono::duration_cast<milliseconds>(begin + after - edge_->now());
            co_await edge_->sleep(std::min<milliseconds>(left, watch_pause));
        }
        const auto is_there = co_await is_name_published();
        if (!is_there) co_return failed("the ConfigMap cannot be read any more");
        if (!*is_there)
            co_return failed(fmt::format("{} s later the ConfigMap does not hold {} any more: something else writes it",
                                         std::chrono::duration_cast<seconds>(after).count(), plan_.common_name));
    }
    co_return StepResult{.detail = "the ConfigMap holds " + plan_.common_name};
}

asio::awaitable<NameHolder> RunSteps::ask_holder(std::string master) {
    using Holds = NameHolder::Holds;
    const auto seen = co_await look(master, holder_patience);
    if (!seen) co_return NameHolder{.master = master, .holds = Holds::not_known, .why = seen.error().detail};
    const auto& view = seen->view;
    if (view.process && holds(view.process->arguments.flags, plan_.common_name))
        co_return NameHolder{.master = master, .holds = Holds::in_process, .why = {}};
    if (!view.file_arguments)
        co_return NameHolder{
            .master = master, .holds = Holds::not_known, .why = "its arguments file is not understood"};
    if (holds(view.file_arguments->flags, plan_.common_name))
        co_return NameHolder{.master = master, .holds = Holds::in_file, .why = {}};
    // What its supervisor is about to start has read bytes that cannot be told any more.
    const auto* service = apiserver_service(view);
    if (service == nullptr || service->pending || (!view.process && service->running))
        co_return NameHolder{.master = master, .holds = Holds::not_known, .why = "its supervisor is at it"};
    co_return NameHolder{.master = master, .holds = Holds::nothing, .why = {}};
}

asio::awaitable<StepResult> RunSteps::withdraw() {
    const bool added = plan_.reverts.empty()
                           ? std::ranges::find(plan_.names_before, plan_.common_name) == plan_.names_before.end()
                           : plan_.withdraws;
    if (!added) co_return StepResult{.detail = plan_.common_name + " was published before the run, and stays"};
    const auto is_there = co_await is_name_published();
    if (is_there && !*is_there) co_return StepResult{.detail = "the ConfigMap does not hold " + plan_.common_name};
    ListWish wish{.change = Change::withdraw,
                  .name = plan_.common_name,
                  .added_by_us = true,
                  .needs_mark = plan_.marked || method_ == Method::configmap,
                  .holders = {},
                  .master_count = all_masters().size()};
    for (const auto& master : all_masters()) wish.holders.push_back(co_await ask_holder(master));
    if (hosts_.gave_up()) co_return left_open();
    auto result = co_await change_list(std::move(wish));
    if (result.outcome != StepOutcome::ok) {
        result.detail += "; the ConfigMap may hold " + plan_.common_name +
                         ", which is effective there although no arguments of this run ask for it";
    }
    co_return result;
}

// Proved by the ConfigMap and never by answers, which stay 200 where a server read the list at its start.
asio::awaitable<StepResult> RunSteps::withdrawn() {
    // A name that was published before the run is not this run's to miss.
    const bool added = plan_.reverts.empty()
                           ? std::ranges::find(plan_.names_before, plan_.common_name) == plan_.names_before.end()
                           : plan_.withdraws;
    // A process that never ran with the new arguments never published them: one look is enough.
    const bool is_watched = restart_was_asked_ || list_was_changed_ || method_ == Method::revert;
    const auto end = edge_->now() + (is_watched ? plan_.withdrawn_watch : milliseconds(0));
    const std::string through = all_masters().front();
    int unread = 0;
    for (;;) {
        const auto published = co_await edge_->published(through);
        if (published && published->allowed_names) {
            unread = 0;
            const auto& names = *published->allowed_names;
            if (added && std::ranges::find(names, plan_.common_name) != names.end()) {
                co_return failed("the ConfigMap holds " + plan_.common_name +
                                 " now, and nothing shrinks it: the name is effective although no master carries it");
            }
        } else if (++unread >= unread_max) {
            co_return failed("the ConfigMap cannot be read");
        }
        if (control_->stop) co_return left_open();
        if (edge_->now() >= end && unread == 0) break;
        co_await renew_locks_in_time();
        co_await edge_->sleep(watch_pause);
    }
    std::string detail = "the ConfigMap holds the old names";
    if (method_ == Method::revert) detail = "the ConfigMap does not hold " + plan_.common_name;
    if (is_watched) detail += co_await still_answering();
    co_return StepResult{.detail = std::move(detail)};
}

// Servers that read the list at their start and still believe the name; empty: none answers. What answered before a
// repair did so without the name.
asio::awaitable<std::string> RunSteps::still_answering() {
    const std::string through = all_masters().front();
    std::string still;
    for (const auto& before : plan_.baseline) {
        if (before.master != through) continue;
        if (method_ != Method::revert && before.state == name(ApiState::ok)) continue;
        const auto now = co_await ask_api(through, before.apiservice);
        if (now.state == ApiState::ok) still += (still.empty() ? "" : ", ") + printable(before.apiservice, 128);
    }
    if (still.empty()) co_return still;
    co_return "; " + std::string(still_believed) + still;
}

}  // namespace aggmedic::remediate
