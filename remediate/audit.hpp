#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"
#include "net/time.hpp"

namespace aggmedic::remediate {

// Who did what, when, on which plan, with which outcome (design 6.12). Pure.
struct AuditRecord {
    TimePoint at{};
    std::int64_t uid = -1;  // of the peer that asked; -1: nobody, aggmedic by itself
    std::string user{};     // of that uid, when it was written
    std::string action{};   // plan, revert, apply, abort, pause, resume, suspend, reload, run-taken-up, run-ended
    std::string cluster{}, plan{}, run{};
    std::string outcome{};  // of a run; or "refused"
    std::string text{};     // the reason given, or why it ended so
    bool operator==(const AuditRecord&) const = default;
};

// A record as it is kept. `line` is JSON that carries its sequence, the log and the hash of the line before, `hash` is
// the SHA-256 of `line` in hex: whatever is changed, moved, taken out or put in breaks the chain from there on.
struct SealedRecord {
    std::string line, hash;
    bool operator==(const SealedRecord&) const = default;
};

// The end of the chain: with it alone the whole log before it can be checked. `log` is the state directory's UUID.
struct AuditHead {
    std::string log;
    std::int64_t sequence = 0;  // of the last record; 0: there is none
    std::string hash{};
    bool operator==(const AuditHead&) const = default;
};

SealedRecord seal(const AuditRecord& record, const AuditHead& before);
AuditHead head_after(const SealedRecord& record, const AuditHead& before);
// The record inside a sealed one, whether or not the chain holds. Errors: malformed_reply.
Result<AuditRecord> read_audit(std::string_view line);

struct AuditVerdict {
    AuditHead head;                   // of the part that holds
    std::vector<std::string> faults;  // sentences; empty: nothing was changed
    std::size_t witnessed = 0;        // heads seen elsewhere that the log agrees with
};
// `log`: the whole log from its first record on. `witnesses`: heads that were sent elsewhere when they were new, in any
// order; only they can tell that the end was cut off, that an older copy was put back, or, being of another log that is
// not one of `known_logs`, that this one was put in the place of that.
AuditVerdict verify_audit(std::string_view log, std::span<const SealedRecord> records,
                          std::span<const AuditHead> witnesses, std::span<const std::string> known_logs = {});

}  // namespace aggmedic::remediate
