#include "daemon/cli/render_evidence.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/cli/fields.hpp"

namespace aggmedic::cli {
namespace {

constexpr std::size_t apis_shown_max = 5;

// The same fact of several masters, said once.
struct Fact {
    std::string text, source;  // in the text, `here` stands for the master
    std::vector<std::string> masters;
};
constexpr std::string_view here = "\x01";  // printable() lets no such byte through

std::string with(std::string text, std::string_view from, std::string_view to) {
    if (from.empty()) return text;
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

std::vector<Fact> merged(const std::vector<nlohmann::json>& evidence) {
    std::vector<Fact> facts;
    for (const auto& one : evidence) {
        const auto master = text_of(one, "master");
        Fact fact{
            .text = with(text_of(one, "fact", 2048), master, here), .source = text_of(one, "source"), .masters = {}};
        auto found = std::ranges::find_if(facts, [&](const Fact& known) {
            return known.text == fact.text && known.source == fact.source && !master.empty() && !known.masters.empty();
        });
        if (found == facts.end()) found = facts.insert(facts.end(), std::move(fact));
        if (!master.empty()) found->masters.push_back(master);
    }
    return facts;
}

std::string facts(const std::vector<nlohmann::json>& evidence, std::string_view lead, const View& view) {
    std::string text;
    for (const auto& fact : merged(evidence)) {
        const auto masters = joined(fact.masters, ", ");
        auto where = fact.source;
        if (!masters.empty() && !fact.text.contains(here)) where += (where.empty() ? "" : ", ") + masters;
        const auto words = with(fact.text, here, masters);
        text += wrapped(view.style, lead, where.empty() ? words : words + " [" + where + "]");
    }
    return text;
}

}  // namespace

std::string render_evidence(const FindingGroup& group, const View& view) {
    std::string text = facts(group.evidence, "     - ", view);
    std::size_t shown = 0;
    std::size_t left_out = 0;
    for (const auto& [api, evidence] : group.evidence_by_api) {
        if (evidence.empty()) continue;
        if (++shown > apis_shown_max) {
            ++left_out;
            continue;
        }
        text += "     " + (api.empty() ? std::string("the cluster") : api) + ":\n" + facts(evidence, "       - ", view);
    }
    if (left_out > 0) text += fmt::format("     ... and likewise of {} more (-o json shows all)\n", left_out);
    return text.empty() ? text : "   What was seen:\n" + text;
}

}  // namespace aggmedic::cli
