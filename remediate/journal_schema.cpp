#include "remediate/journal_schema.hpp"

#include <array>

namespace aggmedic::remediate {
namespace {

// One entry per version, never changed once released: version N is reached by the first N entries. Times are
// milliseconds since 1970, UTC.
constexpr std::array<const char*, 2> migrations{R"sql(
CREATE TABLE plans (
    id TEXT PRIMARY KEY, cluster TEXT NOT NULL, created INTEGER NOT NULL, json TEXT NOT NULL);
CREATE INDEX plans_by_cluster ON plans (cluster, created);
CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, plan TEXT NOT NULL, cluster TEXT NOT NULL,
    trigger TEXT NOT NULL, uid INTEGER NOT NULL, reason TEXT NOT NULL, canary_only INTEGER NOT NULL,
    started INTEGER NOT NULL, finished INTEGER, outcome TEXT NOT NULL DEFAULT '', why TEXT NOT NULL DEFAULT '',
    next TEXT NOT NULL DEFAULT '');
CREATE TABLE steps (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL REFERENCES runs (id), step TEXT NOT NULL,
    master TEXT NOT NULL, intended INTEGER NOT NULL, completed INTEGER, outcome TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '');
CREATE INDEX steps_by_run ON steps (run, sequence);
CREATE TABLE pauses (cluster TEXT PRIMARY KEY, uid INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE histories (cluster TEXT PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE identity (holder TEXT NOT NULL);
)sql",
                                                R"sql(
ALTER TABLE pauses ADD COLUMN reason TEXT NOT NULL DEFAULT '';
CREATE TABLE resumed (cluster TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE suspensions (number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, why TEXT NOT NULL);
CREATE INDEX runs_by_cluster ON runs (cluster, number);
)sql"};

}  // namespace

Result<void> migrate_journal(Database& database, const std::string& file) {
    Transaction transaction(database);  // two programs may start at once
    if (!transaction.begun()) return transaction.begun();
    auto query = database.prepare("PRAGMA user_version");
    if (!query.step()) return query.error();
    const auto version = static_cast<std::size_t>(query.number(0));
    if (version > migrations.size()) {
        return fail(Errc::refused, file + " was written by a newer aggmedic (schema " + std::to_string(version) +
                                       ", this one knows " + std::to_string(migrations.size()) + ")");
    }
    static_cast<void>(query.run());
    for (std::size_t next = version; next < migrations.size(); ++next) {
        if (auto done = database.execute(migrations.at(next)); !done) return done;
    }
    if (auto done = database.execute("PRAGMA user_version=" + std::to_string(migrations.size())); !done) return done;
    return transaction.commit();
}

}  // namespace aggmedic::remediate
