#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cli/style.hpp"

namespace aggmedic::cli {

// How to draw, and how this person calls aggmedic: the commands that a result suggests carry the same options.
struct View {
    Style style;
    std::string options;                   // " --standalone --config FILE"; empty: none
    std::string kubeconfig;                // " --kubeconfig FILE --context NAME"; empty: clusters come from the daemon
    std::vector<std::string> accept_risk;  // that plan was asked with
};
// aggmedic WORDS with the person's own options.
std::string suggested(const View& view, std::string_view words);

// The results of design 5.1, and of the other commands, as a person reads them. Pure. Whatever is in `result` beyond
// the contract is ignored; whatever is missing is left out.
std::string render_check(const nlohmann::json& result, const View& view);
std::string render_explain(const nlohmann::json& result, const View& view);
std::string render_preflight(const nlohmann::json& result, const View& view);
std::string render_plan(const nlohmann::json& result, const View& view);
std::string render_apply(const nlohmann::json& result, const View& view);  // apply, abort, follow, and one run of runs
std::string render_runs(const nlohmann::json& result, const View& view);
std::string render_status(const nlohmann::json& result, const View& view);
std::string render_audit(const nlohmann::json& result, const View& view);
std::string render_audit_verdict(const nlohmann::json& result, const View& view);
std::string render_paused(const nlohmann::json& result, const View& view);  // pause and resume

}  // namespace aggmedic::cli
