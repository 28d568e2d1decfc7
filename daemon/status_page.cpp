#include "daemon/status_page.hpp"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

namespace aggmedic::daemon {
namespace {

using nlohmann::json;

constexpr std::string_view head = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>aggmedic</title><style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff }
table { border-collapse: collapse } th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #ddd; vertical-align: top }
.findings { color: #b00020; font-weight: 600 } .healthy { color: #0a7d33 } .unknown { color: #8a6d00 }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } th, td { border-color: #444 }
.findings { color: #ff6b81 } .healthy { color: #5fd38a } .unknown { color: #e0c060 } }
</style></head><body>
<h1>aggmedic</h1>
<table><thead><tr><th>Cluster</th><th>State</th><th>Kubernetes</th><th>Findings</th><th>Last observation</th><th>Repair</th></tr></thead><tbody>
)";

constexpr std::string_view tail = R"(</tbody></table>
<p><code>aggmedic explain CLUSTER</code> shows the evidence, <code>aggmedic plan CLUSTER</code> what would be changed. <a href="/metrics">metrics</a></p>
</body></html>
)";

std::string text_of(const json& map, const char* key) {
    const auto found = map.find(key);
    return found != map.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// cause and master of each finding, one a line.
std::string findings_of(const json& cluster) {
    std::string lines;
    for (const auto& finding : cluster.value("findings", json::array())) {
        const auto master = text_of(finding, "master");
        const auto cause = escape_html(text_of(finding, "cause"));
        lines += master.empty() ? cause : fmt::format("{} ({})", cause, escape_html(master));
        lines += "<br>";
    }
    return lines;
}

std::string repair_of(const json& cluster, bool fleet_paused) {
    const auto run = text_of(cluster, "run");
    if (!run.empty()) return "run " + escape_html(run.substr(0, 12));
    return fleet_paused || cluster.value("paused", false) ? "paused" : "";
}

}  // namespace

std::string escape_html(std::string_view text) {
    std::string escaped;
    for (const char character : text) {
        switch (character) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            case '\'':
                escaped += "&#39;";
                break;
            default:
                escaped += character;
        }
    }
    return escaped;
}

std::string status_page(const json& status) {
    std::string page(head);
    const bool fleet_paused = status.value("paused", false);
    for (const auto& cluster : status.value("clusters", json::array())) {
        const auto state = escape_html(text_of(cluster, "state"));
        fmt::format_to(std::back_inserter(page),
                       "<tr><td>{}</td><td class=\"{}\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                       escape_html(text_of(cluster, "name")), state, state, escape_html(text_of(cluster, "kubernetes")),
                       findings_of(cluster), escape_html(text_of(cluster, "last_observation")),
                       repair_of(cluster, fleet_paused));
    }
    return page + std::string(tail);
}

}  // namespace aggmedic::daemon
