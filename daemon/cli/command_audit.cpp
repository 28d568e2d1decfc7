#include <charconv>
#include <optional>

#include "daemon/cli/commands.hpp"
#include "daemon/cli/fields.hpp"
#include "daemon/system_journal.hpp"
#include "remediate/audit.hpp"

// The chain is checked here, in the auditor's process, not by the daemon that wrote it.
namespace aggmedic::cli {
namespace {

struct WholeLog {
    std::string name;
    std::int64_t owner = 0;
    std::vector<remediate::SealedRecord> records;
};

daemon::Reply failure(std::string error) {
    return {.exit_status = exit_status::usage, .error = std::move(error), .result = nullptr};
}

Result<WholeLog> read_log(const Invocation& invocation, const Console& console) {
    WholeLog log;
    for (bool more = true; more;) {
        daemon::Request request;
        request.command = "audit";
        request.after = static_cast<std::int64_t>(log.records.size());
        auto display = open_progress(console, false, {});
        const auto reply = ask(invocation, std::move(request), false, display);
        display.clear();
        if (!reply.result.is_object()) return fail(Errc::io_failed, reply.error);
        log.name = reply.result.value("log", "");
        log.owner = number_of(reply.result, "owner").value_or(0);
        const auto& page = list_of(reply.result, "records");
        for (const auto& record : page)
            log.records.push_back({.line = record.value("line", ""), .hash = record.value("hash", "")});
        more = truth_of(reply.result, "more") && !page.empty();
    }
    return log;
}

// "12:9f86d0..." as verify prints it.
std::optional<remediate::AuditHead> read_head(const std::string& word, const std::string& log) {
    remediate::AuditHead head{.log = log, .sequence = 0, .hash = {}};
    const auto colon = word.find(':');
    if (colon == std::string::npos || word.size() - colon - 1 != 64) return std::nullopt;
    const auto [end, error] = std::from_chars(word.data(), word.data() + colon, head.sequence);
    if (error != std::errc() || end != word.data() + colon || head.sequence < 1) return std::nullopt;
    head.hash = word.substr(colon + 1);
    return head;
}

nlohmann::json shown(const WholeLog& log) {
    auto records = nlohmann::json::array();
    for (const auto& sealed : log.records) {
        auto value = nlohmann::json::parse(sealed.line, nullptr, false);
        if (!value.is_object()) value = {{"unreadable", sealed.line}};
        records.push_back(std::move(value));
    }
    return {{"log", log.name}, {"records", std::move(records)}};
}

daemon::Reply verified(const WholeLog& log, const std::vector<remediate::AuditHead>& witnesses,
                       const std::vector<std::string>& known_logs) {
    const auto verdict = remediate::verify_audit(log.name, log.records, witnesses, known_logs);
    const nlohmann::json result{{"log", log.name},
                                {"records", log.records.size()},
                                {"head", std::to_string(verdict.head.sequence) + ":" + verdict.head.hash},
                                {"witnessed", verdict.witnessed},
                                {"faults", verdict.faults}};
    const int whole = verdict.witnessed > 0 ? exit_status::ok : exit_status::unobserved;
    return {.exit_status = verdict.faults.empty() ? whole : exit_status::findings, .error = {}, .result = result};
}

int verify(const Invocation& invocation, const WholeLog& log, const Console& console) {
    std::vector<remediate::AuditHead> witnesses;
    if (!invocation.head.empty()) {
        auto head = read_head(invocation.head, log.name);
        if (!head) return finish(failure("--head wants SEQUENCE:HASH, as verify prints it"), invocation, {});
        witnesses.push_back(*std::move(head));
    }
    auto journal = daemon::heads_in_system_journal(log.name, log.owner);
    if (!journal) complain(journal.error().detail + "; it is left out");
    if (journal) witnesses.insert(witnesses.end(), journal->begin(), journal->end());
    return finish(verified(log, witnesses, invocation.former_logs), invocation,
                  [&](const nlohmann::json& result) { return render_audit_verdict(result, console.view); });
}

}  // namespace

int run_audit(const Invocation& invocation, const Console& console) {
    const auto log = read_log(invocation, console);
    if (!log) return finish(failure(log.error().detail), invocation, {});
    if (invocation.command == Command::audit_verify) return verify(invocation, *log, console);
    const daemon::Reply reply{.exit_status = exit_status::ok, .error = {}, .result = shown(*log)};
    return finish(reply, invocation, [&](const nlohmann::json& result) { return render_audit(result, console.view); });
}

}  // namespace aggmedic::cli
