#include "daemon/explaining.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/advice.hpp"
#include "net/text.hpp"
#include "net/time.hpp"
#include "probes/canary_timing.hpp"
#include "probes/causes/case.hpp"

namespace aggmedic::daemon {
namespace {

using nlohmann::json;
using probes::Observation;

constexpr std::string_view names_flag = "--requestheader-allowed-names";

json printable_list(const std::vector<std::string>& values) {
    json list = json::array();
    for (const auto& value : values) list.push_back(printable(value));
    return list;
}

json published_of(const Observation& observation) {
    const auto* published = observation.published();
    if (published == nullptr) return nullptr;
    json names;  // null: the ConfigMap has no such key
    if (published->allowed_names) names = printable_list(*published->allowed_names);
    return {{"allowed_names", names}, {"resource_version", printable(published->resource_version)}};
}

// Why it is not ready, down to the connection; null where it is.
json reason_of(const probes::Seen<probes::Answer>& readyz) {
    if (!readyz) return printable(readyz.why().detail.empty() ? readyz.why().reason : readyz.why().detail);
    if (readyz->status == 200) return nullptr;
    return readyz->status == 0 ? printable(readyz->failure + ": " + readyz->failure_detail)
                               : fmt::format("answers {}", readyz->status);
}

json apiserver_of(const probes::ApiserverView& view) {
    const bool ready = view.readyz && view.readyz->status == 200;
    return {{"master", printable(view.master)},
            {"address", printable(view.address)},
            {"ready", ready},
            {"reason", reason_of(view.readyz)},
            {"clock_offset_ms", view.clock_offset_ms ? json(*view.clock_offset_ms) : json()},
            {"version", view.version ? json(printable(*view.version)) : json()}};
}

std::string_view name(probes::TimingSays says) {
    return says == probes::TimingSays::nothing ? "nothing" : says == probes::TimingSays::caller ? "caller" : "masked";
}

// What was measured of the canary, and why not; empty where nobody tried.
json timings_of(const Observation& observation) {
    json timings = json::array();
    for (const auto& view : observation.apiservers) {
        for (const auto& attempts : view.attempts) {
            const auto& timing = attempts.timing;
            if (!timing && timing.why().reason == "not-asked" && timing.why().detail.empty()) continue;
            json entry{{"master", printable(view.master)}, {"apiservice", printable(attempts.apiservice)}};
            entry["says"] = name(timing ? probes::judge_timing(*timing) : probes::TimingSays::nothing);
            entry["pairs"] = timing ? json(timing->pairs) : json();
            entry["slower"] = timing ? json(timing->slower) : json();
            entry["jitter_us"] = timing ? json(timing->jitter_us) : json();
            entry["reason"] = timing ? json() : json(printable(timing.why().reason + ": " + timing.why().detail));
            timings.push_back(std::move(entry));
        }
    }
    return timings;
}

json argument_of(const probes::Seen<probes::Arguments>& arguments) {
    if (!arguments) return nullptr;
    const auto found = std::ranges::find_if(arguments->flags, [](const auto& flag) {
        return names_flag.ends_with(flag.first) && flag.first.ends_with("requestheader-allowed-names");
    });
    if (found == arguments->flags.end()) return nullptr;
    return printable(fmt::format("{}={}", names_flag, fmt::join(found->second, ",")));
}

json master_of(const std::string& name, const probes::Seen<probes::MasterView>& seen, const probes::Case& facts) {
    json master{{"name", printable(name)}, {"seen", static_cast<bool>(seen)}, {"reason", nullptr}};
    if (!seen) {
        const auto& why = seen.why();
        master["reason"] = printable(why.detail.empty() ? why.reason : fmt::format("{} ({})", why.detail, why.reason));
        return master;
    }
    probes::Seen<probes::Arguments> live;
    if (seen->process) live = seen->process->arguments;
    master["pid"] = seen->process ? json(seen->process->pid) : json();
    master["file"] = printable(seen->args_file.path);
    master["argument"] = argument_of(seen->file_arguments);
    master["live_argument"] = argument_of(live);
    const auto proxy = std::ranges::find(facts.read, name, &probes::ProxyClient::master);
    if (proxy != facts.read.end() && !proxy->absent) {
        master["proxy_client_cn"] = printable(proxy->leaf.common_name);
        master["proxy_client_not_after"] = to_rfc3339(proxy->leaf.not_after);
    }
    return master;
}

// What the cause means, what it costs and what to type, beside each finding.
void add_advice(json& findings, const probes::Case& facts) {
    std::vector<std::string> failing;
    for (const auto& api : facts.apis) {
        if (api.apiservice != nullptr && api.fails()) failing.push_back(api.apiservice->name);
    }
    for (auto& finding : findings) {
        const auto cause = finding.value("cause", "");
        const auto* row = probes::find_cause(cause);
        finding["meaning"] = row == nullptr ? json() : json(row->meaning);
        const auto api = finding["apiservice"].is_string() ? finding["apiservice"].get<std::string>() : std::string();
        const bool costs = std::ranges::find(failing, api) != failing.end();
        finding["blast_radius"] = costs ? blast_radius(failing, facts.apis.size()) : std::vector<std::string>();
        finding["next"] = printable_list(next_commands(cause, api, facts.observation));
    }
}

}  // namespace

void add_explanation(json& checked, const Moment& moment) {
    const auto& observation = moment.observation;
    checked["published"] = published_of(observation);
    checked["caller"] = printable(observation.caller.user);
    checked["platform"] = printable(moment.platform);
    checked["plannable"] = moment.plannable;
    checked["apiservers"] = json::array();
    for (const auto& view : observation.apiservers) checked["apiservers"].push_back(apiserver_of(view));
    checked["canary_timing"] = timings_of(observation);
    const auto facts = probes::digest(observation, observation.finished);
    add_advice(checked["findings"], facts);
    checked["masters"] = json::array();
    for (const auto& [name, seen] : observation.masters) checked["masters"].push_back(master_of(name, seen, facts));
}

}  // namespace aggmedic::daemon
