#include "tests/sim/history.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "remediate/replay.hpp"
#include "tests/sim/journal.hpp"
#include "tests/unit/remediate/fake_journal.hpp"

namespace aggmedic::sim {
namespace {

using remediate::RunResult;

constexpr std::chrono::hours life_max{3};
constexpr int lives_max = 12;
constexpr seconds two_periods{130};

class Story {
  public:
    Story(std::uint64_t seed, const HistoryOptions& options)
        : options_(options),
          dice_(seed),
          schedule_(draw_schedule(dice_)),
          plan_(remediate_plan()),
          cluster_(schedule_.kind, dice_),
          watch_(cluster_, plan_, "run-1") {
        for (std::size_t at = 0; at < cluster_.masters.size(); ++at)
            cluster_.masters[at].temper = schedule_.tempers[at];
        // The processes that run have long been ready: their temper is for the next start.
        cluster_.broken = [this](const std::string& what) { watch_.broken(what); };
        if (options_.told) cluster_.told = [this](const std::string& line) { tell(line); };
        cluster_.trusts_any_token = options_.sabotage.no_fence;
        if (options_.real_journal) make_directory();
        if (options_.told) history_.lines = describe(schedule_);
    }
    ~Story() {
        sqlite_.reset();
        if (!directory_.empty()) std::filesystem::remove_all(directory_);
    }
    Story(const Story&) = delete;
    Story& operator=(const Story&) = delete;

    History play() {
        auto result = live(false);
        while (!result && history_.lives < lives_max && !watch_.violation()) {
            const auto downtime =
                schedule_.downtimes[static_cast<std::size_t>(history_.lives) % schedule_.downtimes.size()];
            tell(fmt::format("no daemon for {} ms", downtime.count()));
            cluster_.agenda.pass(downtime);
            watch_.look();
            const auto open = kept().unfinished();
            if (!open || open->empty()) break;
            result = live(true);
        }
        finish(result);
        history_.violation = watch_.violation();
        history_.took = cluster_.now();
        return std::move(history_);
    }

  private:
    const remediate::Plan remediate_plan() const { return plan_for(schedule_.kind); }
    remediate::Journal& kept() { return options_.real_journal ? *sqlite_ : static_cast<remediate::Journal&>(memory_); }
    void tell(const std::string& line) {
        if (options_.told)
            history_.lines.push_back(
                fmt::format("{:>10.3f} s  {}", static_cast<double>(cluster_.now().count()) / 1000, line));
    }
    void happens(std::string_view what) { ++history_.happened[std::string(what)]; }
    void make_directory() {
        std::string place = "/dev/shm/aggmedic-sim-XXXXXX";
        if (::mkdtemp(place.data()) == nullptr) throw std::runtime_error("no directory in /dev/shm");
        directory_ = place;
        open_journal();
    }
    void open_journal() {
        sqlite_.reset();
        auto opened = remediate::Journal::open(directory_);
        if (!opened) throw std::runtime_error(opened.error().detail);
        sqlite_ = std::move(*opened);
    }

    // --- what goes wrong ---

    Trouble trouble(Ms& delay) {
        const int offset = exchanges_since_write_++;
        for (const auto& each : schedule_.exchanges) {
            if (each.write != writes_ || each.offset != offset) continue;
            delay = each.delay;
            happens(name(each.trouble));
            tell("exchange: " + std::string(name(each.trouble)) + " (step " + watch_.step() + ")");
            return each.trouble;
        }
        return Trouble::none;
    }
    bool before_write() {
        watch_.look();
        const int write = writes_++;
        exchanges_since_write_ = 0;
        for (const auto& each : schedule_.timed) {
            if (each.write == write) cluster_.agenda.in(each.delay, [this, each] { begin(each); });
        }
        const auto kill = schedule_.kills.find(write);
        if (kill != schedule_.kills.end() && !kill->second.committed) die("before a write");
        if (cluster_.now() < jumpbox_full_until_) return false;
        return true;
    }
    void after_write() {
        const auto kill = schedule_.kills.find(writes_ - 1);
        if (kill != schedule_.kills.end() && kill->second.committed) die("after a write");
    }
    [[noreturn]] void die(const char* when) {
        happens("killed");
        tell(std::string("SIGKILL ") + when);
        throw Killed{};
    }
    void begin(const Timed& each) {
        auto& master = cluster_.masters[static_cast<std::size_t>(each.master)];
        const Ms until = cluster_.now() + each.lasts;
        happens(name(each.event));
        tell(fmt::format("{} at {} for {} ms", name(each.event), master.name, each.lasts.count()));
        switch (each.event) {
            case Event::cut:
                master.cut_until = until;
                break;
            case Event::reboot:
                return cluster_.reboot(master, std::min(each.lasts, Ms(120000)));
            case Event::master_disk_full:
                master.disk_full_until = until;
                break;
            case Event::jumpbox_disk_full:
                jumpbox_full_until_ = until;
                break;
            case Event::operator_restarts:
                return cluster_.restart_by_hand(master);
            case Event::operator_edits:
                return cluster_.edit_by_hand(master, each.hand);
            case Event::crash:
                return cluster_.crash(master);
            case Event::writes_blocked:
                cluster_.writes_blocked_until = until;
                break;
            case Event::backend_down:
                return cluster_.take_backend_down(each.lasts);
            case Event::etcd_member_lost:
                cluster_.etcd_member_lost_until = until;
                break;
            case Event::balancer_bad:
                cluster_.balancer_bad_until = until;
                break;
            case Event::second_daemon:
                return cluster_.second_daemon();
            case Event::stop:
                if (control_) control_->stop = true;
                break;
            case Event::abort:
                if (control_) control_->abort = true;
                break;
            case Event::count:
                break;
        }
    }

    // --- the daemon ---

    // One life: until the run has ended, or the daemon has. nullopt: the run has not ended.
    std::optional<RunResult> live(bool again) {
        ++history_.lives;
        watch_.starts();
        if (options_.real_journal) open_journal();
        *memory_.lease_held = 0;  // the kernel dropped it
        control_ = std::make_shared<remediate::RunControl>();
        WatchedJournal journal(kept(), watch_, [this] { return before_write(); }, [this] { after_write(); });
        journal.forgets_intents = options_.sabotage.no_journal;
        auto edge = std::make_shared<Edge>(
            cluster_, plan_, watch_, [this](Ms& delay) { return trouble(delay); }, options_.sabotage);
        edge->reads_text = options_.reads_text;
        edge->end_by = cluster_.now() + life_max;
        std::optional<RunResult> result;
        try {
            result = drive(journal, edge, again);
        } catch (const Killed&) {  // nothing is known of its end
        }
        history_.exchanges += edge->exchanges;
        control_.reset();
        if (result && result->record.outcome.empty()) result.reset();
        return result;
    }

    RunResult drive(remediate::Journal& journal, const std::shared_ptr<Edge>& edge, bool again) {
        asio::io_context io(1);
        remediate::RunContext context{
            .executor = io.get_executor(),
            .journal_thread = io.get_executor(),
            .journal = journal,
            .connector = *edge,
            .access = *edge,
            .connections = nullptr,
            .target = {},
            .repair = {},
            .probing = {},
            .now = [this] { return wall(cluster_.now()); },
            .observe = [this]() -> asio::awaitable<remediate::PlanInput> { co_return observe(cluster_); },
            .progress = {},
            .edge = edge,
            .mirror = [this](const std::string& line) { tell("mirror: " + line); },
            .look = [edge](RemoteHost&, std::string master, std::string) -> asio::awaitable<Result<probes::Look>> {
                co_return edge->look(master);
            }};
        if (options_.told) {
            context.progress = [this](const remediate::Progress& told) {
                tell(told.step + " " + told.master + ": " + told.state +
                     (told.text.empty() ? "" : " (" + told.text + ")"));
            };
        }
        std::optional<RunResult> result;
        std::exception_ptr thrown;
        auto work = again ? remediate::reconcile_run(context, plan_, kept().unfinished()->back(), control_)
                          : remediate::run_plan(context, plan_, new_record(), control_);
        asio::co_spawn(io, std::move(work), [&](std::exception_ptr error, RunResult made) {
            thrown = error;
            result = std::move(made);
        });
        io.run();
        if (thrown) std::rethrow_exception(thrown);
        return std::move(*result);
    }
    remediate::RunRecord new_record() const {
        remediate::RunRecord record;
        record.id = "run-1";
        record.trigger = "person";
        record.canary_only = schedule_.canary_only;
        return record;
    }

    // --- the end ---

    void finish(const std::optional<RunResult>& result) {
        if (watch_.violation()) return;
        if (!result) {
            const auto open = kept().unfinished();
            if (open && !open->empty())
                watch_.broken(fmt::format("the run has not ended after {} lives of the daemon", history_.lives));
            const auto known = kept().run("run-1");
            history_.outcome = known && *known && !(**known).outcome.empty() ? (**known).outcome : "none";
            return;
        }
        history_.outcome = result->record.outcome;
        tell("ended " + result->record.outcome + ": " + result->record.why);
        watch_.ended(*result);
        want_same_replay(*result);
        cluster_.agenda.pass(two_periods);
        watch_.look();
        watch_.stays_ended(*result);
    }
    // Replaying the journal is idempotent: twice the same, and where it holds everything, the same end as the run's.
    void want_same_replay(const RunResult& result) {
        remediate::WalkOptions walk{.masters = {}, .all_masters = {}, .canary_only = schedule_.canary_only};
        for (const auto& master : plan_.masters) walk.masters.push_back(master.name);
        walk.all_masters = walk.masters;
        const auto steps = kept().steps("run-1");
        const auto once = remediate::replay(walk, *steps), twice = remediate::replay(walk, *steps);
        if (!once || !twice) return watch_.broken("the journal of the run does not fit its plan");
        for (const auto& [name, state] : result.masters) {
            if (once->walk.state_of(name) != twice->walk.state_of(name))
                watch_.broken("a replay differs from the next");
            if (!once->walk.next() && remediate::name(once->walk.state_of(name)) != state)
                watch_.broken(name + " is told to be " + state + ", and by the journal it is " +
                              std::string(remediate::name(once->walk.state_of(name))));
        }
        if (once->walk.next() != twice->walk.next()) watch_.broken("a replay differs from the next");
    }

    HistoryOptions options_;
    Dice dice_;
    Schedule schedule_;
    remediate::Plan plan_;
    Cluster cluster_;
    Watch watch_;
    History history_;
    remediate::FakeJournal memory_;
    std::unique_ptr<remediate::Journal> sqlite_;
    std::filesystem::path directory_;
    std::shared_ptr<remediate::RunControl> control_;
    int writes_ = 0, exchanges_since_write_ = 0;
    Ms jumpbox_full_until_{0};
};

}  // namespace

History play(std::uint64_t seed, const HistoryOptions& options) {
    Story story(seed, options);
    return story.play();
}

}  // namespace aggmedic::sim
