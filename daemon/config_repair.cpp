#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "daemon/config_cluster.hpp"
#include "net/http_message.hpp"
#include "net/time.hpp"
#include "remediate/json_path.hpp"

namespace aggmedic::daemon {
namespace {

bool is_lower_hex(std::string_view text) {
    return std::ranges::all_of(
        text, [](char digit) { return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'); });
}

// A date stands for all of that day, in UTC.
std::optional<TimePoint> end_of_day(std::string_view date) {
    if (date.size() != 10) return std::nullopt;
    const auto midnight = from_rfc3339(std::string(date) + "T00:00:00Z");
    if (!midnight) return std::nullopt;
    return *midnight + std::chrono::days(1);
}

void read_until(MapReader& map, remediate::AcceptedRisk& risk) {
    map.require("until");
    const auto setting = map.find("until");
    if (!setting) return;
    const auto text = scalar_text(*setting, map.faults());
    if (!text) return;
    risk.until = end_of_day(*text);
    if (!risk.until) map.faults().add(setting->mark, setting->path + " must be a date such as 2027-01-31");
}

void read_shared_ca(MapReader& map, remediate::AcceptedRisk& risk) {
    map.require("ca_sha256");
    map.require("cn");
    if (const auto setting = map.find("ca_sha256")) {
        const auto text = scalar_text(*setting, map.faults());
        if (text && text->size() == 64 && is_lower_hex(*text)) {
            risk.ca_sha256 = *text;
        } else if (text) {
            map.faults().add(setting->mark,
                             setting->path +
                                 " must be the CA certificate's SHA-256 in 64 lower-case hexadecimal "
                                 "digits (openssl x509 -noout -fingerprint -sha256, without the colons)");
        }
    }
    if (auto cn = map.text("cn")) risk.cn = std::move(*cn);
}

std::optional<remediate::AcceptedRisk> read_accepted(const Setting& setting, Faults& faults) {
    MapReader map(setting, faults);
    map.require("id");
    const auto id = map.find("id");
    const auto text = id ? scalar_text(*id, faults) : std::nullopt;
    if (!text) return std::nullopt;
    remediate::AcceptedRisk risk{.id = *text, .ca_sha256 = {}, .cn = {}, .until = {}, .by = "configuration"};
    if (risk.id == "shared-ca") {
        read_shared_ca(map, risk);
    } else if (risk.id != "single-master") {
        faults.add(id->mark, id->path + " must be shared-ca or single-master");
        return std::nullopt;
    }
    read_until(map, risk);
    map.finish();
    return risk;
}

// Namespaces are DNS labels; a selector is sent as one query value, so that only what Kubernetes' own grammar knows
// passes.
bool is_namespace(std::string_view text) {
    return text.size() <= 63 && text.front() != '-' && std::ranges::all_of(text, [](char character) {
               return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') ||
                      character == '-';
           });
}

bool is_selector(std::string_view text) {
    constexpr std::string_view marks = "-_./=!,() ";
    return std::ranges::all_of(text, [&](char character) {
        return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
               (character >= '0' && character <= '9') || marks.find(character) != std::string_view::npos;
    });
}

void read_after_repair(const Setting& item, Faults& faults, ClusterConfig& cluster) {
    MapReader entry(item, faults);
    entry.require("restart_pods");
    const auto setting = entry.find("restart_pods");
    entry.finish();
    if (!setting) return;
    MapReader map(*setting, faults);
    map.require("namespace");
    map.require("selector");
    const auto name = map.text("namespace");
    const auto selector = map.text("selector");
    map.finish();
    if (name && !is_namespace(*name)) faults.add(setting->mark, setting->path + ".namespace is no namespace's name");
    if (selector && !is_selector(*selector))
        faults.add(setting->mark, setting->path + ".selector is no label selector");
    if (name && selector) cluster.after_repair.push_back({.namespace_ = *name, .selector = *selector});
}

// What is asked for in the body: both keys or none.
void read_verified_value(MapReader& map, remediate::VerifyRequest& request) {
    const auto path = map.find("json_path");
    const auto value = map.find("value");
    if (!path && !value) return;
    if (!path || !value) {
        map.fault(
            fmt::format("{} needs json_path and value together: where the value is, and what it must be", map.path()));
        return;
    }
    const auto where = scalar_text(*path, map.faults());
    const auto what = scalar_text(*value, map.faults());
    if (!where || !what) return;
    if (const auto read = remediate::JsonPath::parse(*where); !read) {
        map.faults().add(path->mark, fmt::format("{}: {}", path->path, read.error().detail));
        return;
    }
    request.json_path = *where;
    request.value = *what;
}

// What was found is told in plans, journal and logs: not of a secret.
bool asks_for_secrets(std::string_view path) {
    path = path.substr(0, path.find('?'));
    return path.ends_with("/secrets") || path.contains("/secrets/");
}

void read_verify(const Setting& item, Faults& faults, ClusterConfig& cluster) {
    MapReader map(item, faults);
    map.require("get");
    remediate::VerifyRequest request;
    const auto path = map.find("get");
    const auto text = path ? scalar_text(*path, faults) : std::nullopt;
    if (const auto status = map.integer("status", 100, 599)) request.expect_status = *status;
    read_verified_value(map, request);
    map.finish();
    if (!text) return;
    if (asks_for_secrets(*text)) {
        faults.add(path->mark, path->path +
                                   " asks for secrets, and what is found is told in plans and logs: ask for "
                                   "another object");
        return;
    }
    HttpRequest asked;
    asked.path = *text;
    if (const auto usable = check_request(asked); !usable) {
        faults.add(path->mark, fmt::format("{} must be a path such as /apis/GROUP/VERSION/RESOURCE: {}", path->path,
                                           usable.error().detail));
        return;
    }
    request.get = *text;
    cluster.verify.push_back(std::move(request));
}

}  // namespace

void read_repair_settings(MapReader& map, ClusterConfig& cluster) {
    auto& faults = map.faults();
    map.each("accept_risk", [&](const Setting& item) {
        if (auto risk = read_accepted(item, faults)) cluster.accept_risk.push_back(std::move(*risk));
    });
    map.each("after_repair", [&](const Setting& item) { read_after_repair(item, faults, cluster); });
    map.each("verify", [&](const Setting& item) { read_verify(item, faults, cluster); });
    const auto after = map.find("after_repair");
    if (!cluster.after_repair.empty() && cluster.repair.empty()) {
        faults.warn(
            after->mark,
            after->path + " does nothing without credentials.repair, whose ServiceAccount may delete those pods");
    }
}

}  // namespace aggmedic::daemon
