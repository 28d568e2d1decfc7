#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

#include "tests/sim/history.hpp"

// Plays seeds on all cores: ./dev sim --seeds N [--first-seed S]; exit 1 on the first one that breaks an invariant.
namespace aggmedic::sim {
namespace {

struct Totals {
    std::uint64_t seeds = 0, exchanges = 0, lives = 0, violations = 0;
    std::map<std::string, std::uint64_t> outcomes, happened;
    std::optional<std::uint64_t> first_violating;
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> kinds;  // of violations: how many, the first seed

    void add(std::uint64_t seed, const History& history) {
        ++seeds;
        exchanges += static_cast<std::uint64_t>(history.exchanges);
        lives += static_cast<std::uint64_t>(history.lives);
        ++outcomes[history.outcome.empty() ? "none" : history.outcome];
        for (const auto& [what, count] : history.happened) happened[what] += static_cast<std::uint64_t>(count);
        if (!history.violation) return;
        ++violations;
        count_kind(without_numbers(*history.violation), 1, seed);
        if (!first_violating || seed < *first_violating) first_violating = seed;
    }
    void count_kind(const std::string& kind, std::uint64_t count, std::uint64_t seed) {
        auto& known = kinds.try_emplace(kind, 0, seed).first->second;
        known = {known.first + count, std::min(known.second, seed)};
    }
    static std::string without_numbers(std::string text) {  // of masters: m0 and m1 are one kind
        std::ranges::replace_if(text, [](char c) { return c >= '0' && c <= '9'; }, 'N');
        return text;
    }
    void add(const Totals& other) {
        for (const auto& [kind, known] : other.kinds) count_kind(kind, known.first, known.second);
        seeds += other.seeds;
        exchanges += other.exchanges;
        lives += other.lives;
        violations += other.violations;
        for (const auto& [what, count] : other.outcomes) outcomes[what] += count;
        for (const auto& [what, count] : other.happened) happened[what] += count;
        if (other.first_violating && (!first_violating || *other.first_violating < *first_violating))
            first_violating = other.first_violating;
    }
};

// Some seeds take the long way, so that the short cuts of the others stay honest.
HistoryOptions options_of(std::uint64_t seed) {
    return {.told = false, .real_journal = seed % 512 == 511, .reads_text = seed % 64 == 63, .sabotage = {}};
}

// Tells on stderr how far it is, every ten seconds.
class Display {
  public:
    explicit Display(std::uint64_t count) : count_(count) {}
    void played(std::uint64_t seeds) {
        const std::scoped_lock held(lock_);
        const auto now = std::chrono::steady_clock::now();
        if (now - told_ < std::chrono::seconds(10)) return;
        told_ = now;
        const std::chrono::duration<double> took = now - began_;
        fmt::print(stderr, "{} of {} seeds, {:.0f} seeds/s\n", seeds, count_,
                   static_cast<double>(seeds) / took.count());
    }

  private:
    std::uint64_t count_;
    std::mutex lock_;
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point told_ = began_;
};

Totals play_all(std::uint64_t first, std::uint64_t count, unsigned threads, bool keep_going) {
    std::atomic<std::uint64_t> next{0};
    std::atomic<bool> stop{false};
    Totals all;
    std::mutex lock;
    Display display(count);
    const auto work = [&] {
        Totals mine;
        while (!stop) {
            const auto at = next++;
            if (at >= count) break;
            const auto history = play(first + at, options_of(first + at));
            mine.add(first + at, history);
            if (history.violation && !keep_going) stop = true;
            if (at % 256 == 0) display.played(at);
        }
        const std::scoped_lock held(lock);
        all.add(mine);
    };
    std::vector<std::jthread> workers;
    for (unsigned at = 0; at < threads; ++at) workers.emplace_back(work);
    workers.clear();
    return all;
}

void print_history(std::uint64_t seed) {
    auto options = options_of(seed);
    options.told = true;
    const auto history = play(seed, options);
    fmt::print("seed {}: {}\n", seed,
               history.violation ? "VIOLATION: " + *history.violation : "ended " + history.outcome);
    for (const auto& line : history.lines) fmt::print("  {}\n", line);
}

void print_totals(const Totals& totals, double took, unsigned threads) {
    const auto seeds = static_cast<double>(totals.seeds);
    fmt::print("{} seeds in {:.1f} s: {:.0f} seeds/s on {} threads, {} exchanges, {} lives of the daemon\n",
               totals.seeds, took, seeds / took, threads, totals.exchanges, totals.lives);
    fmt::print("outcomes:");
    for (const auto& [outcome, count] : totals.outcomes) fmt::print(" {} {}", outcome, count);
    fmt::print("\nfaults:");
    for (const auto& [what, count] : totals.happened) fmt::print(" {} {}", what, count);
    fmt::print("\nviolations: {}\n", totals.violations);
    for (const auto& [kind, known] : totals.kinds)
        fmt::print("  {} x {}, first by seed {}\n", known.first, kind, known.second);
}

}  // namespace
}  // namespace aggmedic::sim

int main(int argc, char** argv) {
    using namespace aggmedic::sim;
    CLI::App app("The simulator: repairs on clusters in memory, under virtual time, while everything goes wrong");
    std::uint64_t seeds = 10000, first = 0;
    unsigned threads = std::max(1U, std::thread::hardware_concurrency());
    std::optional<std::uint64_t> one;
    bool keep_going = false;
    app.add_option("--seeds", seeds, "how many histories");
    app.add_option("--first-seed", first, "the first one");
    app.add_option("--threads", threads, "that play them");
    app.add_option("--seed", one, "play this one and print its history");
    app.add_flag("--keep-going", keep_going, "count violations instead of stopping at the first");
    CLI11_PARSE(app, argc, argv);
    if (one) {
        print_history(*one);
        return 0;
    }
    const auto began = std::chrono::steady_clock::now();
    const auto totals = play_all(first, seeds, threads, keep_going);
    print_totals(totals, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(), threads);
    if (!totals.first_violating) return 0;
    print_history(*totals.first_violating);
    return 1;
}
