#include "daemon/system_journal.hpp"

#include <fmt/format.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include <charconv>
#include <cstring>
#include <memory>
#include <system_error>

namespace aggmedic::daemon {
namespace {

constexpr const char* identifier_match = "SYSLOG_IDENTIFIER=aggmedic-audit";
constexpr const char* log_field = "AGGMEDIC_AUDIT_LOG";
constexpr const char* sequence_field = "AGGMEDIC_AUDIT_SEQUENCE";
constexpr const char* hash_field = "AGGMEDIC_AUDIT_HASH";

struct Closer {
    void operator()(sd_journal* journal) const { ::sd_journal_close(journal); }
};
using OpenJournal = std::unique_ptr<sd_journal, Closer>;

std::unexpected<Error> journal_error(int code) {
    return fail(Errc::io_failed, "the system journal: " + std::generic_category().message(-code));
}

std::string field_of(sd_journal* journal, const char* name) {
    const void* data = nullptr;
    std::size_t size = 0;
    if (::sd_journal_get_data(journal, name, &data, &size) < 0) return {};
    const std::string_view whole(static_cast<const char*>(data), size);
    return std::string(whole.substr(std::min(whole.size(), std::strlen(name) + 1)));
}

remediate::AuditHead head_of(sd_journal* journal) {
    remediate::AuditHead head{
        .log = field_of(journal, log_field), .sequence = 0, .hash = field_of(journal, hash_field)};
    const auto sequence = field_of(journal, sequence_field);
    std::from_chars(sequence.data(), sequence.data() + sequence.size(), head.sequence);
    return head;
}

}  // namespace

void send_head(const remediate::AuditHead& head) {
    const auto message = fmt::format("MESSAGE=audit record {} of {}: {}", head.sequence, head.log, head.hash);
    const auto log = fmt::format("{}={}", log_field, head.log);
    const auto sequence = fmt::format("{}={}", sequence_field, head.sequence);
    const auto hash = fmt::format("{}={}", hash_field, head.hash);
    const auto priority = fmt::format("PRIORITY={}", LOG_NOTICE);
    ::sd_journal_send(message.c_str(), priority.c_str(), identifier_match, log.c_str(), sequence.c_str(), hash.c_str(),
                      nullptr);
}

Result<std::vector<remediate::AuditHead>> heads_in_system_journal(const std::string& log, std::int64_t owner) {
    sd_journal* opened = nullptr;
    if (const int code = ::sd_journal_open(&opened, SD_JOURNAL_LOCAL_ONLY); code < 0) return journal_error(code);
    const OpenJournal journal(opened);
    // Matches of one field are alternatives, of several fields all must hold.
    const auto owner_match = fmt::format("_UID={}", owner);
    for (const auto& match : {std::string(identifier_match), std::string("_UID=0"), owner_match}) {
        if (const int code = ::sd_journal_add_match(opened, match.data(), match.size()); code < 0)
            return journal_error(code);
    }
    std::vector<remediate::AuditHead> heads;
    int more = 0;
    while ((more = ::sd_journal_next(opened)) > 0) {
        auto head = head_of(opened);
        // Root may look after several state directories; of the owner's own logs there is one.
        const bool is_owners = field_of(opened, "_UID") == std::to_string(owner);
        if (head.log == log || (is_owners && !head.log.empty())) heads.push_back(std::move(head));
    }
    if (more < 0) return journal_error(more);
    return heads;
}

}  // namespace aggmedic::daemon
