#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "daemon/cli/by_hand.hpp"
#include "daemon/cli/fields.hpp"
#include "daemon/cli/render.hpp"
#include "daemon/cli/table.hpp"

namespace aggmedic::cli {
namespace {

// The same plan again, with every risk accepted that it shows.
std::string accepting_command(const nlohmann::json& plan, const View& view) {
    std::vector<std::string> accepted = view.accept_risk;
    for (const auto& risk : list_of(plan, "risks")) {
        const auto id = text_of(risk, "id");
        if (!truth_of(risk, "accepted") && std::ranges::find(accepted, id) == accepted.end()) accepted.push_back(id);
    }
    const auto reverts = text_of(plan, "reverts");
    std::string words =
        reverts.empty() ? "plan " + typed_word(text_of(plan, "cluster")) : "revert " + typed_word(reverts);
    if (text_of(plan, "method") == "configmap") words += " --method configmap";
    for (const auto& id : accepted) words += " --accept-risk " + typed_word(id);
    return suggested(view, words);
}

bool waits_for_acceptance(const nlohmann::json& plan) {
    return std::ranges::any_of(list_of(plan, "risks"), [](const auto& risk) { return !truth_of(risk, "accepted"); });
}

std::string refusals(const nlohmann::json& plan, const View& view) {
    if (list_of(plan, "refusals").empty()) return {};
    std::string text = "\nRefused by:\n";
    for (const auto& refusal : list_of(plan, "refusals")) {
        const auto subject = text_of(refusal, "subject");
        const auto gate = tinted(view.style, Tone::bad, text_of(refusal, "gate"));
        text += wrapped(view.style, "  - ",
                        gate + (subject.empty() ? "" : " (" + subject + ")") + ": " + text_of(refusal, "reason", 2048));
    }
    return text;
}

std::string risks(const nlohmann::json& plan, const View& view) {
    if (list_of(plan, "risks").empty()) return {};
    std::string text = "\nRisks:\n";
    for (const auto& risk : list_of(plan, "risks")) {
        const bool accepted = truth_of(risk, "accepted");
        auto mark = tinted(view.style, Tone::bad, "not accepted");
        if (accepted) {
            const auto by = text_of(risk, "accepted_by");
            mark = by.empty() ? "note" : "accepted by " + by;
        }
        text += wrapped(view.style, "  - ", text_of(risk, "id") + " [" + mark + "]: " + text_of(risk, "text", 2048));
    }
    if (waits_for_acceptance(plan)) {
        text += "  To accept: " + accepting_command(plan, view) + "\n";
    }
    return text;
}

std::string diff_lines(const nlohmann::json& master, const View& view) {
    std::string text;
    for (const auto& line : lines_of(master, "diff")) {
        const bool is_header = line.starts_with("---") || line.starts_with("+++") || line.starts_with("@@");
        const auto tone = is_header               ? Tone::strong
                          : line.starts_with('+') ? Tone::added
                          : line.starts_with('-') ? Tone::removed
                                                  : Tone::quiet;
        text += "     " + tinted(view.style, tone, line) + "\n";
    }
    return text;
}

std::string step_lines(std::size_t number, const nlohmann::json& step, const View& view) {
    const auto lead = fmt::format("     {:>2}. {:<13}", number, text_of(step, "step"));
    std::string text = wrapped(view.style, lead, text_of(step, "command", 2048));
    const std::string indent(columns(lead), ' ');
    for (const auto* key : {"check", "undo"}) {
        const auto words = text_of(step, key, 2048);
        if (!words.empty()) text += wrapped(view.style, indent + tinted(view.style, Tone::quiet, key) + ": ", words);
    }
    return text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    if (from.empty()) return text;
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

// Whether `step` says of this master, word for word, what the first master's step of that name says of the first.
bool is_as_on_first(const nlohmann::json& step, const nlohmann::json& master, const nlohmann::json& first) {
    const auto as_first = [&](std::string text) {
        for (const auto* key : {"name", "address", "sha256_after", "file", "resolved"}) {
            text = replaced(std::move(text), text_of(master, key), text_of(first, key));
        }
        return text;
    };
    return std::ranges::any_of(list_of(first, "steps"), [&](const auto& other) {
        return std::ranges::all_of(std::array{"step", "command", "undo", "check"}, [&](const char* key) {
            return as_first(text_of(step, key, 2048)) == text_of(other, key, 2048);
        });
    });
}

std::string steps(const nlohmann::json& master, const nlohmann::json& first, const View& view) {
    const auto& list = list_of(master, "steps");
    const bool is_first = &master == &first;
    if (!is_first && !list.empty() &&
        std::ranges::all_of(list, [&](const auto& step) { return is_as_on_first(step, master, first); })) {
        std::vector<std::string> names;
        for (const auto& step : list) names.push_back(text_of(step, "step"));
        return wrapped(view.style, "     ", "Steps as on " + text_of(first, "name") + ": " + joined(names, ", ") + ".");
    }
    std::string text;
    std::size_t number = 0;
    for (const auto& step : list) text += step_lines(++number, step, view);
    return text;
}

// What is done to the ConfigMap, without touching a master.
std::string list_part(const nlohmann::json& plan, const View& view) {
    const auto& list = list_of(plan, "steps");
    if (list.empty()) return {};
    std::string text =
        fmt::format("\n{}\n", tinted(view.style, Tone::strong,
                                     list_of(plan, "masters").empty() ? "The published list, without a restart:"
                                                                      : "Then the published list:"));
    std::size_t number = 0;
    for (const auto& step : list) text += step_lines(++number, step, view);
    return text;
}

std::string master_part(std::size_t index, const nlohmann::json& plan, const View& view) {
    const auto& masters = list_of(plan, "masters");
    const auto& master = masters[index];
    auto title = text_of(master, "name");
    if (const auto address = text_of(master, "address"); !address.empty()) title += " (" + address + ")";
    if (index == 0 && text_of(plan, "reverts").empty()) title += ", the canary";
    std::string text = fmt::format("\n{}. {}\n", index + 1, tinted(view.style, Tone::strong, title));
    text += "   file " + text_of(master, "file") + "\n";
    const auto digest = [&](std::string_view key) { return text_of(master, key).substr(0, 12); };
    text += fmt::format("   sha256 {}... -> {}...\n", digest("sha256_before"), digest("sha256_after"));
    text += diff_lines(master, view);
    if (const auto gap = number_of(master, "gap_seconds")) {
        text += fmt::format("   This apiserver is expected to be away for about {}.\n", seconds_text(*gap));
    }
    return text + steps(master, masters.front(), view);
}

std::string sentences(const nlohmann::json& plan, std::string_view key, std::string_view title, const View& view) {
    const auto texts = texts_of(plan, key);
    if (texts.empty()) return {};
    std::string text = "\n" + std::string(title) + ":\n";
    for (const auto& sentence : texts) text += wrapped(view.style, "  - ", sentence);
    return text;
}

std::string typed_lines(std::string_view title, const std::vector<std::string>& commands) {
    std::string text = "   " + std::string(title) + ":\n";
    for (const auto& command : commands) text += "     " + command + "\n";
    return text;
}

// Never wrapped: they are copied. What one master shows, the others differ in by file and address alone.
std::string by_hand_part(const nlohmann::json& masters, const std::string& platform) {
    std::string text;
    for (const auto& master : masters) {
        const auto lines = by_hand(master, platform);
        if (lines.change.empty()) continue;
        text += typed_lines(text_of(master, "name"), lines.change);
        if (&master == &masters.back()) text += typed_lines("back again, on any of them", lines.undo);
    }
    if (text.empty()) return {};
    return "\nThe same by hand, one master at a time, the next one only when the last is ready:\n" + text;
}

std::string opening(const nlohmann::json& plan, const View& view) {
    const auto cluster = text_of(plan, "cluster");
    const auto masters = list_of(plan, "masters").size();
    const auto id = text_of(plan, "id");
    if (!list_of(plan, "refusals").empty()) {
        return wrapped(view.style, "",
                       tinted(view.style, Tone::bad, "Plan for " + cluster + ": refused.") +
                           " Nothing was stored, nothing can be applied.");
    }
    if (id.empty() && masters == 0) {
        return tinted(view.style, Tone::good, "Plan for " + cluster + ": nothing to do.") + "\n";
    }
    std::string words = fmt::format("Plan {} for {}: {}, one at a time.", id.substr(0, 12), cluster,
                                    counted(masters, "master is changed", "masters are changed"));
    if (masters == 0) words = fmt::format("Plan {} for {}: no master is touched.", id.substr(0, 12), cluster);
    const auto name = text_of(plan, "common_name");
    if (const auto reverts = text_of(plan, "reverts"); !reverts.empty()) {
        words += " Takes back run " + reverts + ": the name " + name + " goes out of ";
        words += masters == 0 ? "the published ConfigMap." : "the arguments";
        if (masters != 0) words += truth_of(plan, "withdraws") ? ", then out of the published ConfigMap." : ".";
    } else if (text_of(plan, "method") == "configmap") {
        words += " Adds the name " + name + " to the published ConfigMap alone.";
    } else if (!name.empty()) {
        words += " Adds the name " + name + " to requestheader-allowed-names.";
    }
    return wrapped(view.style, "", words + " Nothing has been changed yet.");
}

std::string closing(const nlohmann::json& plan, const View& view) {
    const auto id = text_of(plan, "id");
    if (id.empty()) return {};
    std::string text = "\n";
    if (const auto expires = time_of(plan, "expires"); !expires.empty()) {
        text += "Expires " + expires + "; it is refused as stale when anything it rests on has moved.\n";
    }
    return text + "To apply exactly this:  " + tinted(view.style, Tone::strong, suggested(view, "apply " + id)) + "\n";
}

}  // namespace

std::string render_plan(const nlohmann::json& result, const View& view) {
    std::string text = opening(result, view) + refusals(result, view) + risks(result, view);
    const auto& masters = list_of(result, "masters");
    for (std::size_t index = 0; index < masters.size(); ++index) text += master_part(index, result, view);
    text += list_part(result, view);
    text += sentences(result, "after", "After the canary", view);
    text += sentences(result, "verify", "At the end this must hold", view);
    text += sentences(result, "not_undone",
                      text_of(result, "method") == "configmap" ? "Not undone by taking it back"
                                                               : "Not undone by restoring the arguments",
                      view);
    text += sentences(result, "permanent", "For it to last", view);
    return text + by_hand_part(masters, text_of(result, "platform")) + closing(result, view);
}

}  // namespace aggmedic::cli
