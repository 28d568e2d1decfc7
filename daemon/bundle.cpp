#include "daemon/bundle.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "daemon/tar.hpp"
#include "net/redact.hpp"
#include "net/text.hpp"
#include "net/time.hpp"

namespace aggmedic::daemon {
namespace {

using nlohmann::json;

constexpr int format_version = 1;

// Keys under which others' words are kept; elsewhere stand names, paths, digests and certificates.
bool is_free_text(const std::string& key) {
    static const std::set<std::string> keys{"body",   "failure_detail", "message", "detail",  "file_text_fault",
                                            "status", "lock",           "fact",    "because", "reason",
                                            "text"};
    return keys.contains(key);
}

void redact(json& value, bool is_free) {
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        value = is_free ? redacted(text) : without_marked_secrets(text);
    } else if (value.is_object() && value.size() == 1 && value.contains("b64") && value["b64"].is_string()) {
        // Bytes that are no UTF-8 (json_fields.hpp): they are read as they are meant.
        std::string bytes;
        if (!base64_decode(value["b64"].get<std::string>(), bytes)) return;
        const auto clean = is_free ? redacted(bytes) : without_marked_secrets(bytes);
        value["b64"] = base64_encode(clean);
    } else if (value.is_object()) {
        for (auto& [key, member] : value.items()) redact(member, is_free_text(key));
    } else if (value.is_array()) {
        for (auto& element : value) redact(element, is_free);
    }
}

std::string written(const json& value) {
    return value.dump(2, ' ', true, json::error_handler_t::replace) + "\n";
}

json moment_json(const Moment& moment) {
    json since = json::array();
    for (const auto& [key, at] : moment.since) since.push_back({key, to_rfc3339(at)});
    probes::Assessment over_time;
    over_time.findings = moment.over_time;
    return {{"at", to_rfc3339(moment.at)},
            {"platform", moment.platform},
            {"plannable", moment.plannable},
            {"since", since},
            {"over_time", probes::to_json(over_time)}};
}

json versions_json(const probes::Observation& observation) {
    json apiservers = json::array();
    for (const auto& apiserver : observation.apiservers) {
        apiservers.push_back({{"master", printable(apiserver.master)},
                              {"version", apiserver.version ? json(printable(*apiserver.version)) : json()}});
    }
    return {{"bundle", format_version}, {"aggmedic", AGGMEDIC_VERSION}, {"apiservers", apiservers}};
}

Result<Moment> read_moment(const json& value, probes::Observation observation) {
    Moment moment;
    moment.observation = std::move(observation);
    try {
        const auto at = from_rfc3339(value.at("at").get<std::string>());
        if (!at) return fail(Errc::malformed_reply, "moment.json: at is no time");
        moment.at = *at;
        moment.platform = value.at("platform").get<std::string>();
        moment.plannable = value.at("plannable").get<bool>();
        for (const auto& pair : value.at("since")) {
            const auto since = from_rfc3339(pair.at(1).get<std::string>());
            if (!since) return fail(Errc::malformed_reply, "moment.json: since holds no time");
            moment.since[pair.at(0).get<std::string>()] = *since;
        }
        auto over_time = probes::parse_assessment(value.at("over_time").dump());
        if (!over_time) return std::unexpected(over_time.error());
        moment.over_time = std::move(over_time->findings);
    } catch (const json::exception& error) {
        return fail(Errc::malformed_reply, std::string("moment.json: ") + error.what());
    }
    return moment;
}

// Both halves through the same texts, so that what is packed is what is judged when it is read again.
Result<Moment> clean(json observation, json moment) {
    redact(observation, false);
    redact(moment, false);
    auto seen = probes::parse_observation(observation.dump());
    if (!seen) return std::unexpected(seen.error());
    return read_moment(moment, std::move(*seen));
}

// "written by aggmedic 0.3.0" where the bundle says so.
std::string writer_of(const TarEntries& entries) {
    const auto found = entries.find("versions.json");
    const auto versions = found == entries.end() ? json() : json::parse(found->second, nullptr, false);
    if (!versions.is_object() || !versions.contains("aggmedic") || !versions["aggmedic"].is_string()) return "unknown";
    return "aggmedic " + printable(versions["aggmedic"].get<std::string>(), 40);
}

}  // namespace

Result<std::string> pack(const Moment& moment) {
    auto kept = clean(probes::to_json(moment.observation), moment_json(moment));
    if (!kept) return std::unexpected(kept.error());
    const TarEntries entries{{"findings.json", written({{"clusters", json::array({explained(*kept)})}})},
                             {"moment.json", written(moment_json(*kept))},
                             {"observation.json", written(probes::to_json(kept->observation))},
                             {"versions.json", written(versions_json(kept->observation))}};
    return write_tar(entries);
}

Result<Moment> unpack(std::string_view archive) {
    const auto entries = read_tar(archive);
    if (!entries) return std::unexpected(entries.error());
    const auto whence =
        fmt::format("(the bundle was written by {}; this is aggmedic {})", writer_of(*entries), AGGMEDIC_VERSION);
    const auto bytes = [&](const char* name) -> Result<std::string> {
        const auto found = entries->find(name);
        if (found != entries->end()) return found->second;
        return fail(Errc::malformed_reply, fmt::format("this is no bundle: it has no {}", name));
    };
    const auto observed = bytes("observation.json");
    if (!observed) return std::unexpected(observed.error());
    const auto rest = bytes("moment.json");
    if (!rest) return std::unexpected(rest.error());
    auto observation = probes::parse_observation(*observed);
    if (!observation) return fail(observation.error().code, observation.error().detail + " " + whence);
    auto moment = read_moment(json::parse(*rest, nullptr, false), std::move(*observation));
    if (!moment) return fail(moment.error().code, moment.error().detail + " " + whence);
    return moment;
}

}  // namespace aggmedic::daemon
