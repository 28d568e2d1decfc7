#include "remediate/audit_log.hpp"

#include "remediate/ballast.hpp"

namespace aggmedic::remediate {
namespace {

constexpr std::int64_t schema_version = 1;

// The triggers stop a slip, not an attacker: that is the chain's work.
constexpr const char* schema = R"sql(
CREATE TABLE audit (sequence INTEGER PRIMARY KEY, line TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
PRAGMA user_version=1;
)sql";

Result<void> prepare(Database& database, const std::string& file) {
    Transaction transaction(database);  // two programs may start at once
    if (!transaction.begun()) return transaction.begun();
    std::int64_t version = 0;
    {
        auto query = database.prepare("PRAGMA user_version");
        if (!query.step()) return query.error();
        version = query.number(0);
    }
    if (version > schema_version) return fail(Errc::refused, file + " was written by a newer aggmedic");
    if (version < schema_version) {
        if (auto made = database.execute(schema); !made) return made;
    }
    return transaction.commit();
}

}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::open(const std::filesystem::path& state_dir, const std::string& log) {
    const auto file = state_dir / "audit.db";
    auto database = Database::open(file);
    if (!database) return std::unexpected(database.error());
    if (auto ready = prepare(**database, file.string()); !ready) return std::unexpected(ready.error());
    (*database)->on_full_disk([ballast = Ballast(state_dir)] { return ballast.release(); });
    return std::unique_ptr<AuditLog>(new AuditLog(std::move(*database), log));
}

Result<AuditHead> AuditLog::head() {
    AuditHead head{.log = log_, .sequence = 0, .hash = {}};
    auto last = database_->prepare("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1");
    if (last.step()) {
        head.sequence = last.number(0);
        head.hash = last.text(1);
    }
    if (auto read = last.error(); !read) return std::unexpected(read.error());
    return head;
}

Result<AuditHead> AuditLog::append(const AuditRecord& record) {
    auto appended = append_once(record);
    if (!appended && database_->made_room()) appended = append_once(record);
    return appended;
}

Result<AuditHead> AuditLog::append_once(const AuditRecord& record) {
    Transaction transaction(*database_);
    if (!transaction.begun()) return std::unexpected(transaction.begun().error());
    const auto before = head();
    if (!before) return before;
    const auto sealed = seal(record, *before);
    auto after = head_after(sealed, *before);
    {
        auto insert = database_->prepare("INSERT INTO audit (sequence, line, hash) VALUES (?, ?, ?)");
        if (auto done = insert.bind(after.sequence).bind(sealed.line).bind(sealed.hash).run(); !done)
            return std::unexpected(done.error());
    }
    if (auto kept = transaction.commit(); !kept) return std::unexpected(kept.error());
    return after;
}

Result<std::vector<SealedRecord>> AuditLog::read(std::int64_t after, std::size_t limit) {
    auto rows = database_->prepare("SELECT line, hash FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?");
    rows.bind(after).bind(static_cast<std::int64_t>(limit));
    std::vector<SealedRecord> records;
    while (rows.step()) records.push_back({.line = rows.text(0), .hash = rows.text(1)});
    if (auto error = rows.error(); !error) return std::unexpected(error.error());
    return records;
}

}  // namespace aggmedic::remediate
