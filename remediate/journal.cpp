#include "remediate/journal.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "remediate/ballast.hpp"
#include "remediate/journal_schema.hpp"
#include "remediate/run_lease.hpp"
#include "remediate/sqlite.hpp"

namespace aggmedic::remediate {
namespace {

constexpr std::size_t prefix_length_min = 8;

std::int64_t to_number(TimePoint time) {
    return time.time_since_epoch().count();
}
TimePoint to_time(std::int64_t number) {
    return TimePoint(std::chrono::milliseconds(number));
}
std::optional<TimePoint> to_time(std::optional<std::int64_t> number) {
    if (!number) return std::nullopt;
    return to_time(*number);
}

Result<std::string> make_uuid() {
    std::array<unsigned char, 16> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        return fail(Errc::io_failed, std::string("getrandom: ") + std::strerror(errno));
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);  // RFC 4122 4.4: version 4
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::array<char, 3> hex{};
        std::snprintf(hex.data(), hex.size(), "%02x", bytes.at(at));
        if (at == 4 || at == 6 || at == 8 || at == 10) text += '-';
        text += hex.data();
    }
    return text;
}

constexpr std::string_view run_columns =
    "SELECT id, plan, cluster, trigger, uid, reason, canary_only, started, finished, outcome, why, next FROM runs ";

RunRecord read_run(const Statement& row) {
    return {.id = row.text(0),
            .plan_id = row.text(1),
            .cluster = row.text(2),
            .trigger = row.text(3),
            .uid = row.number(4),
            .reason = row.text(5),
            .canary_only = row.number(6) != 0,
            .started = to_time(row.number(7)),
            .finished = to_time(row.optional_number(8)),
            .outcome = row.text(9),
            .why = row.text(10),
            .next = row.text(11)};
}
Result<std::vector<RunRecord>> read_runs(Statement& rows) {
    std::vector<RunRecord> runs;
    while (rows.step()) runs.push_back(read_run(rows));
    if (auto error = rows.error(); !error) return std::unexpected(error.error());
    return runs;
}

class SqliteJournal : public Journal {
  public:
    SqliteJournal(std::unique_ptr<Database> database, std::filesystem::path state_dir)
        : database_(std::move(database)), state_dir_(std::move(state_dir)), ballast_(state_dir_) {
        database_->on_full_disk([this] { return is_of_run_ && ballast_.release(); });
    }

    Result<void> store_plan(const Plan& plan) override {
        if (plan.id.empty()) return fail(Errc::invalid_argument, "a plan without an id is not stored");
        Transaction transaction(*database_);
        if (!transaction.begun()) return transaction.begun();
        auto insert =
            database_->prepare("INSERT OR IGNORE INTO plans (id, cluster, created, json) VALUES (?, ?, ?, ?)");
        insert.bind(plan.id).bind(plan.cluster).bind(to_number(plan.created)).bind(to_json(plan).dump());
        if (auto done = insert.run(); !done) return done;
        auto prune = database_->prepare("DELETE FROM plans WHERE created < ? AND id NOT IN (SELECT plan FROM runs)");
        if (auto done = prune.bind(to_number(plan.created - plans_kept)).run(); !done) return done;
        return transaction.commit();
    }
    Result<std::optional<Plan>> plan(std::string_view id) override {
        auto rows = select_by_prefix("SELECT json FROM plans WHERE ", id);
        std::optional<Plan> found;
        while (rows.step()) {
            if (found) return fail(Errc::invalid_argument, "several plans begin with " + std::string(id));
            auto parsed = parse_plan(rows.text(0));
            if (!parsed) return std::unexpected(parsed.error());
            found = std::move(*parsed);
        }
        if (auto error = rows.error(); !error) return std::unexpected(error.error());
        return found;
    }
    Result<std::vector<Plan>> plans(std::string_view cluster, std::size_t limit) override {
        auto rows = database_->prepare(
            "SELECT json FROM plans WHERE ?1 = '' OR cluster = ?1 ORDER BY created DESC, rowid DESC LIMIT ?2");
        rows.bind(cluster).bind(static_cast<std::int64_t>(limit));
        std::vector<Plan> plans;
        while (rows.step()) {
            auto parsed = parse_plan(rows.text(0));
            if (!parsed) return std::unexpected(parsed.error());
            plans.push_back(std::move(*parsed));
        }
        if (auto error = rows.error(); !error) return std::unexpected(error.error());
        return plans;
    }

    Result<void> begin_run(const RunRecord& run) override {
        if (run.outcome.empty()) {
            if (auto room = ballast_.hold(); !room) return room;
        }
        auto insert = database_->prepare(
            "INSERT INTO runs (id, plan, cluster, trigger, uid, reason, canary_only, started, outcome, why, finished) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        insert.bind(run.id).bind(run.plan_id).bind(run.cluster).bind(run.trigger).bind(run.uid).bind(run.reason);
        insert.bind(std::int64_t{run.canary_only}).bind(to_number(run.started)).bind(run.outcome).bind(run.why);
        if (run.finished) insert.bind(to_number(*run.finished));  // unbound is NULL
        return insert.run();
    }
    Result<std::int64_t> intend(std::string_view run, const Action& action, TimePoint at) override {
        const OfRun of_run(is_of_run_);
        auto insert = database_->prepare("INSERT INTO steps (run, step, master, intended) VALUES (?, ?, ?, ?)");
        insert.bind(run).bind(name(action.step)).bind(action.master).bind(to_number(at));
        if (auto done = insert.run(); !done) return std::unexpected(done.error());
        return database_->last_row();
    }
    Result<void> complete(std::string_view run, std::int64_t sequence, StepOutcome outcome, std::string_view detail,
                          TimePoint at) override {
        const OfRun of_run(is_of_run_);
        auto update = database_->prepare(
            "UPDATE steps SET completed = ?, outcome = ?, detail = ? WHERE sequence = ? AND run = ?");
        update.bind(to_number(at)).bind(name(outcome)).bind(detail).bind(sequence).bind(run);
        return update_one(update, "step", std::to_string(sequence));
    }
    Result<void> finish_run(std::string_view run, RunOutcome outcome, std::string_view why, std::string_view next,
                            TimePoint at) override {
        const OfRun of_run(is_of_run_);
        auto update = database_->prepare("UPDATE runs SET finished = ?, outcome = ?, why = ?, next = ? WHERE id = ?");
        update.bind(to_number(at)).bind(name(outcome)).bind(why).bind(next).bind(run);
        return update_one(update, "run", run);
    }

    Result<std::vector<RunRecord>> runs(std::size_t limit) override {
        auto rows = database_->prepare(std::string(run_columns) + "ORDER BY number DESC LIMIT ?");
        rows.bind(static_cast<std::int64_t>(limit));
        return read_runs(rows);
    }
    Result<std::vector<RunRecord>> runs_of(std::string_view cluster, std::size_t limit) override {
        auto rows = database_->prepare(std::string(run_columns) + "WHERE cluster = ? ORDER BY number DESC LIMIT ?");
        rows.bind(cluster).bind(static_cast<std::int64_t>(limit));
        return read_runs(rows);
    }
    Result<std::optional<RunRecord>> run(std::string_view id) override {
        auto rows = select_by_prefix(std::string(run_columns) + "WHERE ", id);
        auto found = read_runs(rows);
        if (!found) return std::unexpected(found.error());
        if (found->size() > 1) return fail(Errc::invalid_argument, "several runs begin with " + std::string(id));
        if (found->empty()) return std::optional<RunRecord>();
        return std::move(found->front());
    }
    Result<std::vector<StepRecord>> steps(std::string_view run) override {
        auto rows = database_->prepare(
            "SELECT sequence, step, master, intended, completed, outcome, detail FROM steps WHERE run = ? ORDER BY "
            "sequence");
        rows.bind(run);
        std::vector<StepRecord> steps;
        while (rows.step()) {
            steps.push_back({.sequence = rows.number(0),
                             .step = rows.text(1),
                             .master = rows.text(2),
                             .intended = to_time(rows.number(3)),
                             .completed = to_time(rows.optional_number(4)),
                             .outcome = rows.text(5),
                             .detail = rows.text(6)});
        }
        if (auto error = rows.error(); !error) return std::unexpected(error.error());
        return steps;
    }
    Result<std::vector<RunRecord>> unfinished() override {
        auto rows = database_->prepare(std::string(run_columns) + "WHERE outcome = '' ORDER BY number");
        return read_runs(rows);
    }

    Result<void> pause(const Pause& pause) override {
        auto insert = database_->prepare("INSERT OR IGNORE INTO pauses (cluster, uid, at, reason) VALUES (?, ?, ?, ?)");
        return insert.bind(pause.cluster).bind(pause.uid).bind(to_number(pause.at)).bind(pause.reason).run();
    }
    Result<void> resume(std::string_view cluster, TimePoint at) override {
        auto note = database_->prepare("INSERT OR REPLACE INTO resumed (cluster, at) VALUES (?, ?)");
        if (auto done = note.bind(cluster).bind(to_number(at)).run(); !done) return done;
        return database_->prepare("DELETE FROM pauses WHERE cluster = ?").bind(cluster).run();
    }
    Result<void> suspend(const Suspension& suspension) override {
        auto insert = database_->prepare("INSERT INTO suspensions (at, why) VALUES (?, ?)");
        return insert.bind(to_number(suspension.at)).bind(suspension.why).run();
    }
    Result<Holds> holds() override {
        Holds holds;
        auto pauses = database_->prepare("SELECT cluster, uid, at, reason FROM pauses ORDER BY cluster");
        while (pauses.step())
            holds.pauses.push_back({pauses.text(0), pauses.number(1), to_time(pauses.number(2)), pauses.text(3)});
        if (auto error = pauses.error(); !error) return std::unexpected(error.error());
        auto resumed = database_->prepare("SELECT cluster, at FROM resumed");
        while (resumed.step()) holds.resumed[resumed.text(0)] = to_time(resumed.number(1));
        if (auto error = resumed.error(); !error) return std::unexpected(error.error());
        auto suspended = database_->prepare("SELECT at, why FROM suspensions ORDER BY number DESC LIMIT 1");
        if (suspended.step()) {
            holds.suspension = {.at = to_time(suspended.number(0)), .why = suspended.text(1)};
        } else if (auto error = suspended.error(); !error) {
            return std::unexpected(error.error());
        }
        const auto lifted = holds.resumed.find("");
        if (holds.suspension && lifted != holds.resumed.end() && lifted->second >= holds.suspension->at)
            holds.suspension.reset();
        return holds;
    }

    Result<void> store_history(std::string_view cluster, std::string_view json) override {
        auto insert = database_->prepare("INSERT OR REPLACE INTO histories (cluster, json) VALUES (?, ?)");
        return insert.bind(cluster).bind(json).run();
    }
    Result<std::optional<std::string>> history(std::string_view cluster) override {
        auto rows = database_->prepare("SELECT json FROM histories WHERE cluster = ?");
        rows.bind(cluster);
        std::optional<std::string> json;
        if (rows.step()) json = rows.text(0);
        if (auto error = rows.error(); !error) return std::unexpected(error.error());
        return json;
    }

    Result<std::string> holder() override {
        auto uuid = make_uuid();
        if (!uuid) return uuid;
        auto insert =
            database_->prepare("INSERT INTO identity (holder) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM identity)");
        if (auto done = insert.bind(*uuid).run(); !done) return std::unexpected(done.error());
        auto rows = database_->prepare("SELECT holder FROM identity");
        if (rows.step()) return rows.text(0);
        if (auto error = rows.error(); !error) return std::unexpected(error.error());
        return fail(Errc::io_failed, "the journal has no identity");
    }
    Result<RunLease> lease() override { return take_lease(state_dir_ / "run.lock"); }

  private:
    // The ballast is for what a run writes, not for the histories of every cycle.
    class OfRun {
      public:
        explicit OfRun(bool& flag) : flag_(flag) { flag_ = true; }
        OfRun(const OfRun&) = delete;
        OfRun& operator=(const OfRun&) = delete;
        ~OfRun() { flag_ = false; }

      private:
        bool& flag_;
    };

    // `id` whole, or its beginning when that is long enough. Never as a LIKE pattern: `%` would match everything.
    Statement select_by_prefix(std::string_view select, std::string_view id) {
        auto rows = database_->prepare(std::string(select) +
                                       "id = ?1 OR (length(?1) >= ?2 AND substr(id, 1, length(?1)) = ?1) LIMIT 2");
        rows.bind(id).bind(static_cast<std::int64_t>(prefix_length_min));
        return rows;
    }
    Result<void> update_one(Statement& update, std::string_view what, std::string_view id) {
        if (auto done = update.run(); !done) return done;
        if (database_->changed_rows() == 1) return {};
        return fail(Errc::invalid_argument, "the journal has no " + std::string(what) + " " + std::string(id));
    }

    std::unique_ptr<Database> database_;
    std::filesystem::path state_dir_;
    Ballast ballast_;
    bool is_of_run_ = false;
};

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(const std::filesystem::path& state_dir) {
    const auto file = state_dir / "journal.db";
    auto database = Database::open(file);
    if (!database) return std::unexpected(database.error());
    if (auto done = migrate_journal(**database, file.string()); !done) return std::unexpected(done.error());
    return std::make_unique<SqliteJournal>(std::move(*database), state_dir);
}

}  // namespace aggmedic::remediate
