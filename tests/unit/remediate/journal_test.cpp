#include "remediate/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "fake_cluster.hpp"

namespace aggmedic::remediate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class JournalTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "aggmedic-journal-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::unique_ptr<Journal> open() {
        auto journal = Journal::open(folder_);
        EXPECT_TRUE(journal.has_value()) << journal.error().detail;
        return std::move(*journal);
    }
    static RunRecord record(const std::string& id) {
        RunRecord made;
        made.id = id;
        made.plan_id = "plan-1";
        made.cluster = "demo";
        made.trigger = "person";
        made.uid = 1000;
        made.reason = "it's \"broken\"; DROP TABLE runs";
        made.started = at(1000);
        return made;
    }
    static TimePoint at(std::int64_t milliseconds) { return TimePoint(std::chrono::milliseconds(milliseconds)); }

    std::filesystem::path folder_;
};

TEST_F(JournalTest, KeepsRunsAndTheirStepsOverARestart) {
    {
        const auto journal = open();
        ASSERT_TRUE(journal->begin_run(record("run-00000001")));
        const auto first = journal->intend("run-00000001", {Step::lock, "m0"}, at(1100));
        ASSERT_TRUE(first);
        ASSERT_TRUE(journal->complete("run-00000001", *first, StepOutcome::ok, "locked", at(1200)));
        ASSERT_TRUE(journal->intend("run-00000001", {Step::check, "m0"}, at(1300)));
    }
    const auto journal = open();
    const auto open_runs = journal->unfinished();
    ASSERT_TRUE(open_runs);
    ASSERT_EQ(open_runs->size(), 1U);
    EXPECT_EQ(open_runs->front().reason, record("x").reason);
    EXPECT_EQ(open_runs->front().uid, 1000);
    const auto steps = journal->steps("run-00000001");
    ASSERT_EQ(steps->size(), 2U);
    EXPECT_EQ(steps->at(0).step, "lock");
    EXPECT_EQ(steps->at(0).outcome, "ok");
    EXPECT_EQ(steps->at(0).completed, at(1200));
    EXPECT_EQ(steps->at(1).outcome, "");
    EXPECT_EQ(steps->at(1).completed, std::nullopt);

    ASSERT_TRUE(journal->finish_run("run-00000001", RunOutcome::needs_person, "why", "next", at(1400)));
    EXPECT_TRUE(journal->unfinished()->empty());
    EXPECT_EQ((*journal->run("run-00000001"))->outcome, "needs-person");
}

TEST_F(JournalTest, SequencesNeverComeAgain) {
    const auto journal = open();
    ASSERT_TRUE(journal->begin_run(record("run-00000001")));
    const auto one = journal->intend("run-00000001", {Step::lock, "m0"}, at(1));
    const auto two = journal->intend("run-00000001", {Step::lock, "m1"}, at(2));
    EXPECT_LT(*one, *two);
}

TEST_F(JournalTest, FindsByAUniquePrefixOfEightAndNoPattern) {
    const auto journal = open();
    ASSERT_TRUE(journal->begin_run(record("aaaaaaaabbbb")));
    ASSERT_TRUE(journal->begin_run(record("aaaaaaaacccc")));
    EXPECT_EQ((*journal->run("aaaaaaaabb"))->id, "aaaaaaaabbbb");
    EXPECT_EQ(*journal->run("aaaaaaa"), std::nullopt);
    EXPECT_EQ(*journal->run("%%%%%%%%"), std::nullopt);
    EXPECT_EQ(*journal->run("________"), std::nullopt);
    const auto ambiguous = journal->run("aaaaaaaa");
    ASSERT_FALSE(ambiguous);
    EXPECT_EQ(ambiguous.error().code, Errc::invalid_argument);
}

TEST_F(JournalTest, StoresPlansAsTheyAre) {
    const FakeCluster cluster;
    auto input = cluster.input();
    input.accepted = {accepted_shared_ca(input)};
    const auto plan = make_plan(input);
    const auto journal = open();
    ASSERT_TRUE(journal->store_plan(plan));
    ASSERT_TRUE(journal->store_plan(plan));
    EXPECT_EQ(*journal->plan(plan.id.substr(0, 12)), plan);
    EXPECT_EQ(*journal->plan("00000000"), std::nullopt);
    EXPECT_THAT(*journal->plans("demo", 10), ElementsAre(plan));
    EXPECT_THAT(*journal->plans("other", 10), ElementsAre());
    EXPECT_THAT(*journal->plans("", 10), ElementsAre(plan));
    EXPECT_FALSE(journal->store_plan(Plan{}));
}

TEST_F(JournalTest, DropsPlansThatExpiredLongAgoAndThatNoRunIsOf) {
    const auto journal = open();
    const auto store = [&](const std::string& cluster, std::chrono::hours when) {
        Plan plan;
        plan.cluster = cluster;
        plan.created = at(0) + when;
        plan.id = content_id(plan);
        EXPECT_TRUE(journal->store_plan(plan));
        return plan;
    };
    using std::chrono::hours;
    const auto applied = store("demo", hours(0)), old = store("demo", hours(1)), other = store("gone", hours(2));
    auto run = record("run-00000001");
    run.plan_id = applied.id;
    ASSERT_TRUE(journal->begin_run(run));
    const auto kept = store("demo", hours(3)), last = store("demo", plans_kept + hours(3));
    EXPECT_THAT(*journal->plans("", 10), ElementsAre(last, kept, applied));
    EXPECT_EQ(*journal->plan(old.id), std::nullopt);
    EXPECT_EQ(*journal->plan(other.id), std::nullopt);
    EXPECT_THAT(*journal->plans("", 2), ElementsAre(last, kept));
    EXPECT_THAT(*journal->plans("demo", 1), ElementsAre(last));
}

TEST_F(JournalTest, KeepsPausesHistoriesAndItsIdentity) {
    std::string holder;
    {
        const auto journal = open();
        ASSERT_TRUE(journal->pause({.cluster = "", .uid = 0, .at = at(1), .reason = "all"}));
        ASSERT_TRUE(journal->pause({.cluster = "demo", .uid = 7, .at = at(1), .reason = "etcd"}));
        ASSERT_TRUE(journal->pause({.cluster = "demo", .uid = 8, .at = at(2), .reason = "later"}));
        ASSERT_TRUE(journal->resume("", at(3)));
        ASSERT_TRUE(journal->store_history("demo", "{1}"));
        ASSERT_TRUE(journal->store_history("demo", "{2}"));
        holder = *journal->holder();
    }
    const auto journal = open();
    const auto holds = journal->holds();
    ASSERT_TRUE(holds);
    EXPECT_THAT(holds->pauses, ElementsAre(Pause{.cluster = "demo", .uid = 7, .at = at(1), .reason = "etcd"}));
    EXPECT_EQ(holds->resumed_at("demo"), at(3));
    EXPECT_EQ(*journal->history("demo"), "{2}");
    EXPECT_EQ(*journal->history("other"), std::nullopt);
    EXPECT_EQ(*journal->holder(), holder);
    EXPECT_EQ(holder.size(), 36U);
}

TEST_F(JournalTest, ASuspensionStaysUntilThePersonWhoResumesTheFleet) {
    const auto journal = open();
    EXPECT_EQ(journal->holds()->suspension, std::nullopt);
    ASSERT_TRUE(journal->suspend({.at = at(5), .why = "six clusters"}));
    ASSERT_TRUE(journal->resume("demo", at(6)));
    EXPECT_EQ(open()->holds()->suspension, (Suspension{.at = at(5), .why = "six clusters"}));
    ASSERT_TRUE(journal->resume("", at(7)));
    EXPECT_EQ(journal->holds()->suspension, std::nullopt);
    ASSERT_TRUE(journal->suspend({.at = at(8), .why = "again"}));
    EXPECT_EQ(journal->holds()->suspension->why, "again");
}

TEST_F(JournalTest, IsForItsOwnerOnly) {
    const auto journal = open();
    struct stat facts{};
    ASSERT_EQ(::stat((folder_ / "journal.db").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

// The tables as the first released schema made them, and a plan of that time with the digest that it had then.
constexpr const char* first_schema = R"sql(
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
INSERT INTO identity VALUES ('8d2b6a1e-3f0c-4f57-9a1e-0d4b5c6e7f80');
INSERT INTO pauses VALUES ('demo', 7, 1000);
INSERT INTO runs (id, plan, cluster, trigger, uid, reason, canary_only, started)
    VALUES ('run-0001', '19f028b628f4', 'demo', 'person', 7, '', 0, 1000);
INSERT INTO steps (run, step, master, intended, completed, outcome) VALUES ('run-0001', 'lock', 'm0', 1000, 1001, 'ok');
PRAGMA user_version=1;
)sql";

TEST_F(JournalTest, TakesUpAFileOfTheFirstVersionWithItsPlansAndRuns) {
    const auto stored = fixture("plans/stored-by-version-1.json");
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ / "journal.db").c_str(), &raw), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(raw, first_schema, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
    sqlite3_stmt* insert = nullptr;
    ASSERT_EQ(sqlite3_prepare_v2(raw, "INSERT INTO plans VALUES (?1 ->> 'id', 'demo', 1, ?1)", -1, &insert, nullptr),
              SQLITE_OK)
        << sqlite3_errmsg(raw);
    sqlite3_bind_text(insert, 1, stored.c_str(), -1, SQLITE_STATIC);
    ASSERT_EQ(sqlite3_step(insert), SQLITE_DONE) << sqlite3_errmsg(raw);
    sqlite3_finalize(insert);
    sqlite3_close(raw);

    const auto journal = open();
    const auto plan = journal->plan("19f028b628f4");
    ASSERT_TRUE(plan) << plan.error().detail;
    ASSERT_TRUE(*plan);
    EXPECT_EQ((*plan)->method, "args");
    EXPECT_EQ((*plan)->masters.size(), 3U);
    EXPECT_EQ((*plan)->reverts, "");
    EXPECT_TRUE((*plan)->steps.empty());
    const auto open_runs = journal->unfinished();
    ASSERT_TRUE(open_runs);
    ASSERT_EQ(open_runs->size(), 1U);
    EXPECT_EQ(journal->steps(open_runs->front().id)->size(), 1U);
    EXPECT_THAT(journal->holds()->pauses,
                ElementsAre(Pause{.cluster = "demo", .uid = 7, .at = at(1000), .reason = ""}));
    EXPECT_EQ(*journal->holder(), "8d2b6a1e-3f0c-4f57-9a1e-0d4b5c6e7f80");
}

TEST_F(JournalTest, RefusesAFileOfANewerVersion) {
    static_cast<void>(open());
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ / "journal.db").c_str(), &raw), SQLITE_OK);
    sqlite3_exec(raw, "PRAGMA user_version=99", nullptr, nullptr, nullptr);
    sqlite3_close(raw);
    const auto journal = Journal::open(folder_);
    ASSERT_FALSE(journal);
    EXPECT_EQ(journal.error().code, Errc::refused);
    EXPECT_THAT(journal.error().detail, HasSubstr("newer"));
}

TEST_F(JournalTest, SaysWhichFileCannotBeUsed) {
    const auto journal = Journal::open(folder_ / "absent");
    ASSERT_FALSE(journal);
    EXPECT_THAT(journal.error().detail, HasSubstr("absent/journal.db"));
}

TEST_F(JournalTest, WaitsForAnotherProcessesWrite) {
    const auto one = open(), two = open();
    std::thread other([&] {
        for (int at = 0; at < 50; ++at) ASSERT_TRUE(two->pause({"b" + std::to_string(at), 0, TimePoint{}, {}}));
    });
    for (int at = 0; at < 50; ++at) ASSERT_TRUE(one->pause({"a" + std::to_string(at), 0, TimePoint{}, {}}));
    other.join();
    EXPECT_EQ(one->holds()->pauses.size(), 100U);
}

TEST_F(JournalTest, GivesOneLeaseAtATime) {
    const auto one = open(), two = open();
    auto lease = one->lease();
    ASSERT_TRUE(lease);
    const auto second = two->lease();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::refused);
    lease->reset();
    EXPECT_TRUE(two->lease());
}

TEST_F(JournalTest, RefusesOutcomesOfStepsItDoesNotKnow) {
    const auto journal = open();
    ASSERT_TRUE(journal->begin_run(record("run-00000001")));
    EXPECT_FALSE(journal->begin_run(record("run-00000001")));
    EXPECT_FALSE(journal->complete("run-00000001", 7, StepOutcome::ok, "", at(1)));
    EXPECT_FALSE(journal->intend("run-00000002", {Step::lock, "m0"}, at(1))) << "a step of no run";
    EXPECT_FALSE(journal->finish_run("run-00000002", RunOutcome::applied, "", "", at(1)));
}

}  // namespace
}  // namespace aggmedic::remediate
