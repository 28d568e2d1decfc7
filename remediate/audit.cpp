#include "remediate/audit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "net/text.hpp"

namespace aggmedic::remediate {
namespace {

using nlohmann::json;

constexpr std::size_t text_length_max = 1024;

json read_object(std::string_view line) {
    auto value = json::parse(line, nullptr, false);
    return value.is_object() ? value : json::object();
}
std::string text_at(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
std::int64_t number_at(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : -1;
}

// What is wrong with a record that must follow `before`; empty: nothing.
std::string fault_of(const SealedRecord& record, const AuditHead& before) {
    const auto expected = before.sequence + 1;
    const auto value = read_object(record.line);
    if (sha256_hex(record.line) != record.hash) return fmt::format("record {} was changed", expected);
    if (text_at(value, "log") != before.log) return fmt::format("record {} is of another log", expected);
    const auto sequence = number_at(value, "sequence");
    if (sequence != expected)
        return fmt::format("record {} stands where record {} belongs: one was taken out, moved or repeated", sequence,
                           expected);
    if (text_at(value, "previous") != before.hash)
        return fmt::format("record {} does not follow the one before it: that one was changed or replaced", expected);
    return {};
}

// A new name makes a new chain, which holds. What the one before it sent elsewhere is still there.
std::vector<std::string> logs_that_gave_way(std::string_view log, std::span<const AuditHead> witnesses,
                                            std::span<const std::string> known_logs) {
    struct Seen {
        std::size_t heads = 0;
        std::int64_t last = 0;
    };
    std::map<std::string, Seen> others;
    for (const auto& witness : witnesses) {
        if (witness.log == log || std::ranges::find(known_logs, witness.log) != known_logs.end()) continue;
        auto& seen = others[witness.log];
        ++seen.heads;
        seen.last = std::max(seen.last, witness.sequence);
    }
    std::vector<std::string> faults;
    for (const auto& [name, seen] : others) {
        faults.push_back(
            fmt::format("{} heads of another log, {}, up to record {}, were witnessed: it was removed or renamed, and "
                        "this one put in its place. Where it is known why it ended, or that it is another "
                        "daemon's, say --former-log {}",
                        seen.heads, printable(name, 64), seen.last, printable(name, 64)));
    }
    return faults;
}

}  // namespace

SealedRecord seal(const AuditRecord& record, const AuditHead& before) {
    const auto text = [](const std::string& value) { return printable(value, text_length_max); };
    const json value{{"log", before.log},         {"sequence", before.sequence + 1},
                     {"previous", before.hash},   {"at", to_rfc3339(record.at)},
                     {"uid", record.uid},         {"user", text(record.user)},
                     {"action", record.action},   {"cluster", text(record.cluster)},
                     {"plan", text(record.plan)}, {"run", text(record.run)},
                     {"outcome", record.outcome}, {"text", text(record.text)}};
    SealedRecord sealed{.line = value.dump(), .hash = {}};
    sealed.hash = sha256_hex(sealed.line);
    return sealed;
}

AuditHead head_after(const SealedRecord& record, const AuditHead& before) {
    return {.log = before.log, .sequence = before.sequence + 1, .hash = record.hash};
}

Result<AuditRecord> read_audit(std::string_view line) {
    const auto value = read_object(line);
    const auto at = from_rfc3339(text_at(value, "at"));
    if (!at || text_at(value, "action").empty()) return fail(Errc::malformed_reply, "this is no audit record");
    return AuditRecord{.at = *at,
                       .uid = number_at(value, "uid"),
                       .user = text_at(value, "user"),
                       .action = text_at(value, "action"),
                       .cluster = text_at(value, "cluster"),
                       .plan = text_at(value, "plan"),
                       .run = text_at(value, "run"),
                       .outcome = text_at(value, "outcome"),
                       .text = text_at(value, "text")};
}

AuditVerdict verify_audit(std::string_view log, std::span<const SealedRecord> records,
                          std::span<const AuditHead> witnesses, std::span<const std::string> known_logs) {
    AuditVerdict verdict;
    verdict.head.log = log;
    for (const auto& record : records) {
        if (auto fault = fault_of(record, verdict.head); !fault.empty()) {
            verdict.faults.push_back(std::move(fault));
            break;  // nothing behind it can be believed
        }
        verdict.head = head_after(record, verdict.head);
    }
    std::int64_t missing = 0;
    for (const auto& witness : witnesses) {
        if (witness.log != log || witness.sequence < 1) continue;
        const auto count = static_cast<std::int64_t>(records.size());
        if (witness.sequence > count) {
            missing = std::max(missing, witness.sequence);
        } else if (records[static_cast<std::size_t>(witness.sequence) - 1].hash == witness.hash) {
            ++verdict.witnessed;
        } else {
            verdict.faults.push_back(
                fmt::format("record {} is not the one that was witnessed when it was new", witness.sequence));
        }
    }
    if (missing > 0) {
        verdict.faults.push_back(
            fmt::format("the log ends with record {}, but record {} was witnessed: the end was "
                        "cut off, or an older copy was put back",
                        records.size(), missing));
    }
    for (auto& fault : logs_that_gave_way(log, witnesses, known_logs)) verdict.faults.push_back(std::move(fault));
    return verdict;
}

}  // namespace aggmedic::remediate
