#include <fmt/format.h>

#include <algorithm>

#include "daemon/cli/fields.hpp"
#include "daemon/cli/render.hpp"
#include "daemon/cli/table.hpp"

namespace aggmedic::cli {
namespace {

Tone tone_of_outcome(std::string_view outcome) {
    if (outcome == "applied" || outcome == "healed") return Tone::good;
    return outcome == "needs-person" ? Tone::bad : Tone::warning;
}

std::string outcome_sentence(std::string_view outcome) {
    if (outcome == "applied") return "repaired and verified through every master.";
    if (outcome == "healed")
        return "healed: the first master was repaired, and every API of the finding answers again.";
    if (outcome == "rolled-back") return "rolled back: every master holds its old bytes and runs its old arguments.";
    if (outcome == "refused") return "refused: nothing was written anywhere.";
    if (outcome == "needs-person") return "stopped, and needs a person. What each master holds is below.";
    if (outcome.empty()) return "not ended.";
    return std::string(outcome) + ".";
}

Tone tone_of_master(std::string_view state) {
    if (state == "repaired") return Tone::good;
    return state == "untouched" || state == "restored" ? Tone::quiet : Tone::warning;
}

// "lock 1s, swap 1s, restart failed 180s": no blank inside a duration, so that no line breaks there
std::string step_words(const nlohmann::json& master) {
    std::vector<std::string> words;
    for (const auto& step : list_of(master, "steps")) {
        const auto outcome = text_of(step, "outcome");
        auto word = text_of(step, "step");
        if (outcome != "ok") word += " " + (outcome.empty() ? "not finished" : outcome);
        if (const auto seconds = short_seconds_of(step, "seconds"); !seconds.empty()) word += " " + seconds;
        words.push_back(std::move(word));
    }
    return joined(words, ", ");
}

// The steps that are about no single master (the verification at the end), as a row of their own.
nlohmann::json cluster_row(const nlohmann::json& result) {
    auto steps = nlohmann::json::array();
    for (const auto& step : list_of(result, "steps")) {
        if (text_of(step, "master").empty()) steps.push_back(step);
    }
    return {{"name", "cluster"}, {"state", ""}, {"steps", std::move(steps)}};
}

std::string master_lines(const nlohmann::json& result, const View& view) {
    auto rows = list_of(result, "masters");
    if (auto row = cluster_row(result); !row["steps"].empty()) rows.push_back(std::move(row));
    std::string text;
    std::size_t widest = 0;
    for (const auto& master : rows) widest = std::max(widest, columns(text_of(master, "name")));
    for (const auto& master : rows) {
        const auto name = text_of(master, "name");
        const auto state = text_of(master, "state");
        const std::string lead = "  " + name + std::string(widest - columns(name) + 2, ' ') +
                                 tinted(view.style, tone_of_master(state), state) +
                                 std::string(11 - std::min<std::size_t>(columns(state), 10), ' ');
        text += wrapped(view.style, lead, step_words(master));
    }
    return text.empty() ? text : "\n" + text;
}

}  // namespace

std::string render_apply(const nlohmann::json& result, const View& view) {
    const auto outcome = text_of(result, "outcome");
    const auto run = text_of(result, "run");
    const auto cluster = text_of(result, "cluster");
    const auto lead =
        (run.empty() ? "" : "Run " + run) + (cluster.empty() ? "" : (run.empty() ? "" : ", ") + cluster) + ": ";
    std::string text =
        wrapped(view.style, "", lead + tinted(view.style, tone_of_outcome(outcome), outcome_sentence(outcome)));
    if (const auto why = text_of(result, "why", 2048); !why.empty()) text += wrapped(view.style, "Why: ", why);
    for (const auto& refusal : list_of(result, "refusals")) {
        const auto subject = text_of(refusal, "subject");
        text += wrapped(view.style, "  - ",
                        text_of(refusal, "gate") + (subject.empty() ? "" : " (" + subject + ")") + ": " +
                            text_of(refusal, "reason", 2048));
    }
    text += master_lines(result, view);
    if (const auto next = text_of(result, "next", 2048); !next.empty())
        text += "\n" + wrapped(view.style, "Next: ", next);
    return text;
}

namespace {

std::string who(const nlohmann::json& run) {
    const auto uid = number_of(run, "uid");
    return uid && *uid >= 0 ? fmt::format("uid {}", *uid) : std::string();
}

// One run with everything that its journal holds.
std::string one_run(const nlohmann::json& run, const View& view) {
    std::string text = render_apply(run, view);
    std::string about = "Started " + time_of(run, "started");
    if (const auto by = who(run); !by.empty()) about += " by " + by;
    if (const auto reason = text_of(run, "reason"); !reason.empty()) about += ", because: " + reason;
    if (const auto finished = time_of(run, "finished"); !finished.empty()) about += "; ended " + finished;
    text += "\n" + wrapped(view.style, "", about + ".");
    Table table({"AT", "MASTER", "STEP", "OUTCOME", "TOOK", "DETAIL"});
    for (const auto& step : list_of(run, "steps")) {
        const auto outcome = text_of(step, "outcome");
        table.add({{time_of(step, "at")},
                   {text_of(step, "master")},
                   {text_of(step, "step")},
                   {outcome.empty() ? "not finished" : outcome, outcome == "ok" ? Tone::good : Tone::warning},
                   {short_seconds_of(step, "seconds")},
                   {text_of(step, "detail", 200)}});
    }
    return table.empty() ? text : text + "\n" + table.render(view.style);
}

}  // namespace

std::string render_runs(const nlohmann::json& result, const View& view) {
    const auto& runs = list_of(result, "runs");
    if (runs.empty()) return "No runs yet.\n";
    if (runs.size() == 1 && runs.front().contains("steps")) return one_run(runs.front(), view);
    Table table({"RUN", "CLUSTER", "PLAN", "STARTED", "FINISHED", "OUTCOME", "BY", "REASON"});
    for (const auto& run : runs) {
        const auto outcome = text_of(run, "outcome");
        table.add({{text_of(run, "run")},
                   {text_of(run, "cluster")},
                   {text_of(run, "plan").substr(0, 12)},
                   {time_of(run, "started")},
                   {time_of(run, "finished")},
                   {outcome.empty() ? "going on" : outcome, tone_of_outcome(outcome)},
                   {who(run)},
                   {text_of(run, "reason", 60)}});
    }
    return table.render(view.style);
}

}  // namespace aggmedic::cli
