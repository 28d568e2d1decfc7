#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "helper_master.hpp"
#include "net/text.hpp"
#include "remediate/journal.hpp"

// Two daemons on one cluster at the same moment: the real journals, leases and locks, one winner each time.
namespace aggmedic::remediate {
namespace {

namespace fs = std::filesystem;

const std::string file = std::string(HelperMaster::config) + "/bpm.yml";
const std::string old_bytes = "args: [--requestheader-allowed-names=aggregator]\n";
const std::string new_bytes = "args: [--requestheader-allowed-names=aggregator,demo]\n";

bool is_full() {
    const char* full = std::getenv("AGGMEDIC_FULL");
    return full != nullptr && *full != '\0' && *full != '0';
}

class Folder {
  public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "aggmedic-race-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
        path_ = name;
    }
    ~Folder() { fs::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

std::unique_ptr<Journal> open_journal(const fs::path& state_dir) {
    auto journal = Journal::open(state_dir);
    if (!journal) throw std::runtime_error(journal.error().detail);
    return std::move(*journal);
}

// Both at once; what each came to.
template <class F>
auto both(F act) {
    std::array<decltype(act(0)), 2> results;
    std::barrier start(2);
    std::array<std::jthread, 2> threads;
    for (std::size_t each = 0; each < 2; ++each) {
        threads.at(each) = std::jthread([&, each] {
            start.arrive_and_wait();
            results.at(each) = act(each);
        });
    }
    for (auto& thread : threads) thread.join();
    return results;
}

TEST(Race, OneOfTwoOnTheSameStateDirectoryGetsTheLease) {
    const Folder state;
    const std::array journals{open_journal(state.path()), open_journal(state.path())};
    for (int round = 0; round < 1000; ++round) {
        const auto leases = both([&](std::size_t each) { return journals.at(each)->lease(); });
        ASSERT_EQ(std::ranges::count_if(leases, [](const auto& lease) { return lease.has_value(); }), 1)
            << "in round " << round;
    }
}

// A daemon as the masters see it: its state directory's identity, and the verbs it sends.
class Contender {
  public:
    Contender() : journal_(open_journal(state_.path())), holder_(journal_->holder().value()) {}

    // As a run begins: the lease, the run, then every master's lock with its intent, in the plan's order. What it got.
    std::size_t lock_all(std::span<HelperMaster* const> masters, int round) {
        run_ = "run-" + std::to_string(round) + "-" + holder_.substr(0, 8);
        lease_ = journal_->lease().value();
        RunRecord record;
        record.id = run_;
        record.cluster = "demo";
        EXPECT_TRUE(journal_->begin_run(record));
        std::size_t locked = 0;
        for (auto* master : masters) {
            EXPECT_TRUE(journal_->intend(run_, {.step = Step::lock, .master = "master/0"}, TimePoint{}));
            if (master->call("lock", {"bosh", holder_, run_, "1"}).output != "ok locked\n") break;
            ++locked;
        }
        return locked;
    }
    std::string swap(HelperMaster& master) { return file_verb("swap", master, new_bytes); }
    std::string restore(HelperMaster& master) { return file_verb("restore", master, {}); }
    std::string unlock(HelperMaster& master) {
        return master.call("unlock", {"bosh", holder_, run_, "1", file, sha256_hex(old_bytes)}).output;
    }
    void end(RunOutcome outcome) {
        EXPECT_TRUE(journal_->finish_run(run_, outcome, "", "", TimePoint{}));
        lease_.reset();
    }

  private:
    std::string file_verb(const std::string& verb, HelperMaster& master, const std::string& input) {
        return master
            .call(verb, {"bosh", holder_, run_, "1", file, sha256_hex(old_bytes), sha256_hex(new_bytes)}, input)
            .output;
    }

    Folder state_;
    std::unique_ptr<Journal> journal_;
    std::string holder_, run_;
    RunLease lease_;
};

TEST(Race, OneOfTwoDaemonsGetsTheMastersAndTheOtherWritesNothing) {
    if (const auto why = HelperMaster::why_not(); !why.empty()) GTEST_SKIP() << "NOT RUN: " << why;
    std::array<HelperMaster, 2> hosts{HelperMaster("dash"), HelperMaster("dash")};
    const std::array masters{&hosts[0], &hosts[1]};
    for (auto* master : masters) master->write(file, old_bytes);
    std::array<Contender, 2> daemons;
    std::array<int, 2> won{};
    const int rounds = is_full() ? 1000 : 10;
    for (int round = 0; round < rounds; ++round) {
        const auto locked = both([&](std::size_t each) { return daemons.at(each).lock_all(masters, round); });
        ASSERT_EQ(std::ranges::max(locked), masters.size()) << "nobody has all of them in round " << round;
        ASSERT_EQ(std::ranges::min(locked), 0U) << "both have one in round " << round;
        const std::size_t winner = locked[0] > 0 ? 0 : 1, loser = 1 - winner;
        ++won.at(winner);
        // Also one that does not know that it has lost.
        const auto swapped = both([&](std::size_t each) { return daemons.at(each).swap(*masters[0]); });
        ASSERT_EQ(swapped.at(winner), "ok swapped\n") << "in round " << round;
        ASSERT_THAT(swapped.at(loser), testing::StartsWith("no locked ")) << "in round " << round;
        ASSERT_EQ(masters[0]->read(file), new_bytes);
        ASSERT_THAT(daemons.at(loser).unlock(*masters[0]), testing::StartsWith("no locked "));
        ASSERT_EQ(daemons.at(winner).restore(*masters[0]), "ok restored\n");
        for (auto* master : masters) ASSERT_EQ(daemons.at(winner).unlock(*master), "ok unlocked\n");
        for (auto* master : masters) ASSERT_THAT(master->config_files(), testing::ElementsAre("bpm.yml"));
        daemons.at(winner).end(RunOutcome::rolled_back);
        daemons.at(loser).end(RunOutcome::refused);
    }
    RecordProperty("won_by_the_first", won[0]);
    RecordProperty("won_by_the_second", won[1]);
}

}  // namespace
}  // namespace aggmedic::remediate
