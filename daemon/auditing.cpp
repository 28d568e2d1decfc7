#include <pwd.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "daemon/log.hpp"
#include "daemon/program.hpp"
#include "daemon/system_journal.hpp"

// Who asked for what, and what came of it (design 6.12).
namespace aggmedic::daemon {
namespace {

constexpr std::size_t page_size = 1000;

std::string user_name(std::int64_t uid) {
    if (uid < 0) return {};
    std::array<char, 16384> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(static_cast<uid_t>(uid), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return {};
    return entry.pw_name;
}

}  // namespace

// An error means that nothing was recorded: whoever is about to change something must not.
asio::awaitable<Result<void>> Program::record(remediate::AuditRecord record) {
    record.at = wall_clock();
    const auto appended = co_await run_blocking(*journal_thread_, [log = audit_.get(), record]() mutable {
        record.user = user_name(record.uid);
        auto head = log->append(record);
        if (head) send_head(*head);
        return head;
    });
    if (appended) co_return Result<void>();
    log_error("what was asked for cannot be recorded in the audit log", {{"action", record.action},
                                                                         {"cluster", record.cluster},
                                                                         {"plan", record.plan},
                                                                         {"run", record.run},
                                                                         {"uid", std::to_string(record.uid)},
                                                                         {"outcome", record.outcome},
                                                                         {"error", appended.error().detail}});
    co_return std::unexpected(appended.error());
}

asio::awaitable<void> Program::note(remediate::AuditRecord record) {
    static_cast<void>(co_await this->record(std::move(record)));
}

asio::awaitable<Reply> Program::audit(Request request) {
    const auto page = co_await run_blocking(
        *journal_thread_, [log = audit_.get(), after = request.after] { return log->read(after, page_size); });
    if (!page) co_return failed(exit_status::usage, page.error().detail);
    nlohmann::json records = nlohmann::json::array();
    for (const auto& sealed : *page) records.push_back({{"line", sealed.line}, {"hash", sealed.hash}});
    co_return Reply{.exit_status = exit_status::good,
                    .error = {},
                    .result = {{"log", audit_->name()},
                               {"owner", ::geteuid()},
                               {"more", page->size() == page_size},
                               {"records", std::move(records)}}};
}

}  // namespace aggmedic::daemon
