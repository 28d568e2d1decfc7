#include "remediate/ballast.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "fake_cluster.hpp"
#include "net/descriptor.hpp"
#include "remediate/audit_log.hpp"
#include "remediate/journal.hpp"

namespace aggmedic::remediate {
namespace {

using testing::HasSubstr;

// A state directory on a disk of its own, small enough to be filled. The mount is seen by this process alone.
class FullDisk : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "aggmedic-ballast-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder = name;
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=24m") != 0)
            GTEST_SKIP() << "only root can make a small disk: the ballast is NOT tested";
        auto opened = Journal::open(folder);
        ASSERT_TRUE(opened) << opened.error().detail;
        journal = std::move(*opened);
        plan.id = std::string(64, 'a');
        plan.cluster = "demo";
        ASSERT_TRUE(journal->store_plan(plan));
    }
    void TearDown() override {
        journal.reset();
        ::umount2(folder.c_str(), MNT_DETACH);
        std::filesystem::remove_all(folder);
    }
    RunRecord run(const std::string& id) const {
        return {.id = id,
                .plan_id = plan.id,
                .cluster = "demo",
                .trigger = "person",
                .reason = {},
                .outcome = {},
                .why = {},
                .next = {}};
    }
    // Every byte that is left.
    void fill() const {
        const Descriptor filler(::open((folder / "filler").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
        std::array<char, 4096> zeros{};
        while (::write(filler.get(), zeros.data(), zeros.size()) > 0) {
        }
        ASSERT_EQ(errno, ENOSPC);
    }
    bool has_ballast() const { return std::filesystem::exists(folder / "ballast"); }
    // A step with a long story, from its intent to its end.
    Result<void> journal_step(const std::string& id) const {
        const auto sequence = journal->intend(id, Action{.step = Step::swap, .master = "master/0"}, TimePoint{});
        if (!sequence) return std::unexpected(sequence.error());
        return journal->complete(id, *sequence, StepOutcome::ok, std::string(3000, 'x'), TimePoint{});
    }

    std::filesystem::path folder;
    std::unique_ptr<Journal> journal;
    Plan plan;
};

TEST_F(FullDisk, IsNoFaultForARunThatHasBegun) {
    ASSERT_TRUE(journal->begin_run(run("one")));
    EXPECT_TRUE(has_ballast());
    fill();
    for (int step = 0; step < 300; ++step) {
        const auto kept = journal_step("one");
        ASSERT_TRUE(kept) << step << ": " << kept.error().detail;
    }
    EXPECT_FALSE(has_ballast());
    const auto ended = journal->finish_run("one", RunOutcome::applied, "why", "next", TimePoint{});
    EXPECT_TRUE(ended) << ended.error().detail;
    EXPECT_EQ(journal->steps("one")->size(), 300U);
    EXPECT_EQ(journal->run("one")->value().outcome, "applied");
}

TEST_F(FullDisk, StopsAJournalThatHasNoBallast) {
    ASSERT_TRUE(journal->begin_run(run("one")));
    ASSERT_TRUE(Ballast(folder).release());
    fill();
    Result<void> kept;
    for (int step = 0; step < 300 && kept; ++step) kept = journal_step("one");
    ASSERT_FALSE(kept) << "this disk is not full: the other tests prove nothing";
    EXPECT_THAT(kept.error().detail, HasSubstr("full"));
}

TEST_F(FullDisk, SpendsItOnNothingButRuns) {
    ASSERT_TRUE(journal->begin_run(run("one")));
    fill();
    Result<void> kept;
    for (int count = 0; count < 300 && kept; ++count)
        kept = journal->store_history("cluster " + std::to_string(count), std::string(3000, 'x'));
    EXPECT_FALSE(kept);
    EXPECT_TRUE(has_ballast());
    EXPECT_TRUE(journal_step("one"));
    EXPECT_FALSE(has_ballast());
}

TEST_F(FullDisk, LetsNoRunBeginWithoutBallast) {
    ASSERT_TRUE(journal->begin_run(run("one")));
    fill();
    ASSERT_TRUE(Ballast(folder).release());
    fill();
    const auto begun = journal->begin_run(run("two"));
    ASSERT_FALSE(begun);
    EXPECT_THAT(begun.error().detail, HasSubstr("ballast: No space left on device"));
    EXPECT_THAT(begun.error().detail, HasSubstr("free 16 MiB on the disk of " + folder.string()));
    EXPECT_FALSE(has_ballast());
    std::filesystem::remove(folder / "filler");
    const auto again = journal->begin_run(run("two"));
    EXPECT_TRUE(again) << again.error().detail;
    EXPECT_TRUE(has_ballast());
}

TEST_F(FullDisk, KeepsTheAuditLogGrowing) {
    ASSERT_TRUE(journal->begin_run(run("one")));
    auto log = AuditLog::open(folder, "log");
    ASSERT_TRUE(log);
    fill();
    for (int count = 1; count <= 100; ++count) {
        const auto head = (*log)->append({.action = "run-ended", .text = std::string(1000, 'x')});
        ASSERT_TRUE(head) << head.error().detail;
        EXPECT_EQ(head->sequence, count);
    }
    EXPECT_FALSE(has_ballast());
    EXPECT_TRUE(verify_audit("log", (*log)->read(0, 1000).value(), {}).faults.empty());
}

}  // namespace
}  // namespace aggmedic::remediate
