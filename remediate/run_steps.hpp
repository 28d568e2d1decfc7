#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "remediate/api_state.hpp"
#include "remediate/projection.hpp"
#include "remediate/published_list.hpp"
#include "remediate/run.hpp"
#include "remediate/run_hosts.hpp"
#include "remediate/run_walk.hpp"

namespace aggmedic::remediate {

struct StepResult {
    StepOutcome outcome = StepOutcome::ok;
    std::string detail;
    bool abandoned = false;  // the daemon stops: the step stays open in the journal, and is taken up at the next start
};

// Does the steps of one run, one at a time, as the walk names them. Holds no rule of the order. By file: run_steps.cpp
// (what is sent to a master), run_wait.cpp (waiting for a master, and whether the others are there), run_apis.cpp
// (waiting for aggregated APIs), run_list.cpp (the published list), run_end.cpp (the checks before and after),
// restart_pods.cpp.
class RunSteps {
  public:
    struct Identity {
        std::string run, holder;
        std::int64_t token = 1;  // of the locks: higher than that of any earlier process that worked on this run
    };
    using Note = std::function<void(const Action&, const std::string&)>;

    RunSteps(RunContext& context, std::shared_ptr<RunEdge> edge, const Plan& plan, Identity identity,
             std::shared_ptr<RunControl> control, Note note);

    asio::awaitable<StepResult> perform(Action action, const RunWalk& walk);
    asio::awaitable<Result<probes::Look>> look(std::string master, std::chrono::milliseconds patience);
    asio::awaitable<HelperAnswer> take_lock(std::string master, std::chrono::milliseconds patience);
    asio::awaitable<void> close() { return hosts_.close(); }
    bool gave_up() const { return hosts_.gave_up(); }  // the daemon stops: a master was not waited for any longer

    // What a run that goes on has to know of its earlier life.
    void assume_restart_was_asked() { restart_was_asked_ = true; }
    void assume_pods_were_restarted(const std::string& detail);  // of the step that restarted them
    void assume_list_was_changed() { list_was_changed_ = true; }

    // Whether the ConfigMap holds the name now; nullopt: it cannot be read.
    asio::awaitable<std::optional<bool>> is_name_published();

  private:
    struct Attempt {
        enum class Kind { again, ok, failed } kind = Kind::again;
        std::string detail;
    };
    using Ask = std::function<asio::awaitable<Attempt>()>;

    // Asks every `pause` until the answer is final or the time is over (then: failed, with the last detail).
    asio::awaitable<StepResult> until(std::chrono::milliseconds limit, std::chrono::milliseconds pause, Ask ask);

    // run_steps.cpp
    asio::awaitable<StepResult> dispatch(Action action, const RunWalk& walk);
    asio::awaitable<StepResult> lock(std::string master);
    asio::awaitable<StepResult> swap(std::string master);
    asio::awaitable<StepResult> restart(std::string master);
    asio::awaitable<StepResult> restore(std::string master);
    asio::awaitable<StepResult> restart_back(std::string master);
    asio::awaitable<Attempt> ask_restart_back(std::string master);
    asio::awaitable<StepResult> unlock(std::string master, MasterState state);
    asio::awaitable<HelperAnswer> call_file_verb(std::string master, std::string verb, std::string input,
                                                 std::chrono::milliseconds patience);
    std::vector<std::string> verb_arguments(std::vector<std::string> rest) const;

    // run_wait.cpp
    asio::awaitable<std::string> others_not_ready(std::string master);  // which, and what they said; empty: none
    asio::awaitable<std::string> needed_while_others_are_away(std::string master);  // why; empty: it may be restarted
    asio::awaitable<StepResult> process(std::string master);
    asio::awaitable<StepResult> process_back(std::string master);
    asio::awaitable<StepResult> ready(std::string master, bool undo);
    asio::awaitable<Attempt> hold_readyz(std::string master, bool undo);
    asio::awaitable<Attempt> steady_process(std::string master, bool undo);
    struct Listed {
        bool master = false;
        bool another = false;
    };
    asio::awaitable<Result<std::optional<Listed>>> ask_endpoints(std::string master);
    asio::awaitable<Attempt> in_endpoints(std::string master);

    // run_apis.cpp
    asio::awaitable<StepResult> published(std::string master);
    asio::awaitable<StepResult> aggregated(std::string master);
    asio::awaitable<StepResult> after_repair(std::string master);
    asio::awaitable<StepResult> healed(std::string master);
    asio::awaitable<Attempt> ask_healed(std::string master, bool cannot_tell_is_final);
    struct Healed {
        Healing healing = Healing::not_yet;
        std::string says;
    };
    asio::awaitable<Healed> ask_one_healed(std::string master, std::string api);
    struct Restarted {
        int restarted = 0;
        std::string left_alone;  // why; empty: they were restarted
        std::string fault;       // what went wrong; empty: nothing
    };
    asio::awaitable<Restarted> restart_what_fails(std::string master, RestartPods pods);
    asio::awaitable<ApiJudgement> ask_api(std::string master, std::string apiservice);
    asio::awaitable<bool> is_published(std::string master);

    // run_list.cpp
    asio::awaitable<StepResult> add_name();
    asio::awaitable<StepResult> kept();
    asio::awaitable<StepResult> withdraw();
    asio::awaitable<StepResult> withdrawn();
    asio::awaitable<std::string> still_answering();
    asio::awaitable<StepResult> change_list(ListWish wish);
    asio::awaitable<Result<PublishedList>> read_list();
    asio::awaitable<Result<HttpReply>> patch_list(std::string patch, bool dry_run);
    asio::awaitable<NameHolder> ask_holder(std::string master);

    // run_end.cpp
    asio::awaitable<StepResult> check(std::string master, const RunWalk& walk);
    asio::awaitable<Attempt> compare_with_projection(std::string master, std::vector<std::string> repaired);
    asio::awaitable<StepResult> settle();
    asio::awaitable<StepResult> verify();
    asio::awaitable<Attempt> verify_master(std::string master);
    asio::awaitable<Attempt> verify_requests(std::string master);
    asio::awaitable<std::string> renew_locks();
    asio::awaitable<void> renew_locks_in_time();

    std::vector<std::string> all_masters() const;
    void note(const std::string& text) { note_(current_, text); }

    RunContext& context_;
    std::shared_ptr<RunEdge> edge_;
    const Plan& plan_;
    Identity identity_;
    std::shared_ptr<RunControl> control_;
    Note note_;
    Hosts hosts_;
    Identities identities_;
    Action current_{Step::lock, {}};

    Method method_;
    bool restart_was_asked_ = false;
    bool list_was_changed_ = false;                                  // by this run, or may have been
    std::optional<std::pair<std::int64_t, std::uint64_t>> process_;  // pid and start of the one that is waited for
    SteadyTime held_since_{};
    int held_answers_ = 0;
    std::map<std::string, bool> in_endpoints_before_;
    std::set<std::string> restarted_apis_;  // whose pods this run restarted after the name was published
    std::optional<SteadyTime> published_at_;
    SteadyTime renewed_at_{};
};

std::string join_reasons(const std::vector<Refusal>& refusals);

}  // namespace aggmedic::remediate
