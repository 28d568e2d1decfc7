#include <algorithm>
#include <array>
#include <utility>

#include "remediate/run_walk.hpp"

namespace aggmedic::remediate {
namespace {

template <class T, std::size_t N>
using Words = std::array<std::pair<T, std::string_view>, N>;

template <class T, std::size_t N>
std::string_view word_of(const Words<T, N>& words, T value) {
    return std::ranges::find(words, value, &std::pair<T, std::string_view>::first)->second;
}
template <class T, std::size_t N>
std::optional<T> value_of(const Words<T, N>& words, std::string_view word) {
    const auto found = std::ranges::find(words, word, &std::pair<T, std::string_view>::second);
    if (found == words.end()) return std::nullopt;
    return found->first;
}

constexpr Words<Step, 21> steps{{
    {Step::lock, "lock"},
    {Step::check, "check"},
    {Step::swap, "swap"},
    {Step::restart, "restart"},
    {Step::process, "process"},
    {Step::ready, "ready"},
    {Step::published, "published"},
    {Step::aggregated, "aggregated"},
    {Step::after_repair, "after_repair"},
    {Step::healed, "healed"},
    {Step::settle, "settle"},
    {Step::add_name, "add_name"},
    {Step::kept, "kept"},
    {Step::verify, "verify"},
    {Step::restore, "restore"},
    {Step::restart_back, "restart_back"},
    {Step::process_back, "process_back"},
    {Step::ready_back, "ready_back"},
    {Step::withdraw, "withdraw"},
    {Step::withdrawn, "withdrawn"},
    {Step::unlock, "unlock"},
}};
constexpr Words<Method, 3> methods{
    {{Method::args, "args"}, {Method::configmap, "configmap"}, {Method::revert, "revert"}}};
constexpr Words<StepOutcome, 3> step_outcomes{
    {{StepOutcome::ok, "ok"}, {StepOutcome::failed, "failed"}, {StepOutcome::unknown, "unknown"}}};
constexpr Words<RunOutcome, 5> run_outcomes{{{RunOutcome::applied, "applied"},
                                             {RunOutcome::healed, "healed"},
                                             {RunOutcome::rolled_back, "rolled-back"},
                                             {RunOutcome::refused, "refused"},
                                             {RunOutcome::needs_person, "needs-person"}}};
constexpr Words<MasterState, 6> master_states{{{MasterState::untouched, "untouched"},
                                               {MasterState::patched, "patched"},
                                               {MasterState::restarted, "restarted"},
                                               {MasterState::repaired, "repaired"},
                                               {MasterState::restored, "restored"},
                                               {MasterState::unknown, "unknown"}}};

}  // namespace

std::string_view name(Step step) {
    return word_of(steps, step);
}
std::optional<Step> step_from(std::string_view name) {
    return value_of(steps, name);
}
bool is_undo(Step step) {
    return step >= Step::restore && step <= Step::withdrawn;
}
std::string_view name(Method method) {
    return word_of(methods, method);
}
std::optional<Method> method_from(std::string_view name) {
    return value_of(methods, name);
}
std::string_view name(StepOutcome outcome) {
    return word_of(step_outcomes, outcome);
}
std::optional<StepOutcome> step_outcome_from(std::string_view name) {
    return value_of(step_outcomes, name);
}
std::string_view name(RunOutcome outcome) {
    return word_of(run_outcomes, outcome);
}
std::optional<RunOutcome> run_outcome_from(std::string_view name) {
    return value_of(run_outcomes, name);
}
std::string_view name(MasterState state) {
    return word_of(master_states, state);
}
MasterState told(Method method, MasterState state) {
    if (method != Method::revert) return state;
    if (state == MasterState::repaired) return MasterState::restored;
    return state == MasterState::restored ? MasterState::repaired : state;
}

}  // namespace aggmedic::remediate
