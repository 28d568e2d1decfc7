#include "tests/model/apiserver_start.hpp"

#include <algorithm>
#include <array>

namespace aggmedic::model {
namespace {

// Seconds after the process's start, from the one restart that was recorded in full (start at 21.98 of its timeline).
constexpr double port_opens_at = 0.40;
constexpr double answers_at = 2.29;
constexpr double controllers_at = 2.40;  // also: aggregated paths 503 -> 404
constexpr double publishes_at = 2.52;
constexpr double first_api_at = 2.85;
constexpr double registration_at = 3.18;
constexpr double last_api_at = 3.28;
constexpr double priorities_at = 3.30;
constexpr double ready_at = 3.50;

struct Check {
    std::string_view name;
    double passes_at;
    bool readyz_only = false;
};

constexpr std::array<Check, 24> checks = {{
    {"ping", 0},
    {"log", 0},
    {"etcd", 0},
    {"informer-sync", controllers_at, true},
    {"poststarthook/start-kube-apiserver-admission-initializer", 0},
    {"poststarthook/generic-apiserver-start-informers", 0},
    {"poststarthook/priority-and-fairness-config-consumer", 0},
    {"poststarthook/priority-and-fairness-filter", 0},
    {"poststarthook/start-apiextensions-informers", 0},
    {"poststarthook/start-apiextensions-controllers", controllers_at},
    {"poststarthook/crd-informer-synced", controllers_at},
    {"poststarthook/bootstrap-controller", controllers_at},
    {"poststarthook/rbac/bootstrap-roles", ready_at},
    {"poststarthook/scheduling/bootstrap-system-priority-classes", priorities_at},
    {"poststarthook/priority-and-fairness-config-producer", 0},
    {"poststarthook/start-cluster-authentication-info-controller", 0},
    {"poststarthook/aggregator-reload-proxy-client-cert", 0},
    {"poststarthook/start-kube-aggregator-informers", 0},
    {"poststarthook/apiservice-registration-controller", registration_at},
    {"poststarthook/apiservice-status-available-controller", 0},
    {"poststarthook/kube-apiserver-autoregistration", 0},
    {"autoregister-completion", controllers_at},
    {"poststarthook/apiservice-openapi-controller", 0},
    {"shutdown", 0, true},
}};

bool belongs(const Check& check, std::string_view endpoint) {
    return endpoint == "readyz" || !check.readyz_only;
}

}  // namespace

Seconds ApiserverStart::port_opens() const {
    return scaled(port_opens_at);
}
Seconds ApiserverStart::answers_begin() const {
    return scaled(answers_at);
}
Seconds ApiserverStart::publishes() const {
    return scaled(publishes_at);
}
Seconds ApiserverStart::registers() const {
    return scaled(controllers_at);
}
Seconds ApiserverStart::becomes_ready() const {
    return scaled(ready_at) + pace_.slower_by;
}

bool ApiserverStart::flow_schemas_known(Seconds since_start) const {
    return since_start >= scaled(controllers_at);
}
bool ApiserverStart::anonymous_roles_loaded(Seconds since_start) const {
    return since_start >= scaled(controllers_at);
}

AggregatedPaths ApiserverStart::aggregated(Seconds since_start, std::size_t api_index, std::size_t api_count) const {
    if (since_start < scaled(controllers_at)) return AggregatedPaths::starting;
    const double share = api_count > 1 ? static_cast<double>(api_index) / static_cast<double>(api_count - 1) : 0.0;
    const Seconds serves = scaled(first_api_at + share * (last_api_at - first_api_at));
    return since_start < serves ? AggregatedPaths::not_found : AggregatedPaths::serving;
}

std::vector<std::string> ApiserverStart::failing_checks(Seconds since_start, std::string_view endpoint) const {
    std::vector<std::string> failing;
    for (const Check& check : checks) {
        if (belongs(check, endpoint) && since_start < passes_at(check.name)) failing.emplace_back(check.name);
    }
    return failing;
}

std::string ApiserverStart::checks_body(Seconds since_start, std::string_view endpoint) const {
    std::string body;
    bool all_passed = true;
    for (const Check& check : checks) {
        if (!belongs(check, endpoint)) continue;
        const bool passed = since_start >= passes_at(check.name);
        all_passed = all_passed && passed;
        body += (passed ? "[+]" : "[-]") + std::string(check.name) + (passed ? " ok\n" : " failed: reason withheld\n");
    }
    return body + std::string(endpoint) + (all_passed ? " check passed\n" : " check failed\n");
}

Seconds ApiserverStart::passes_at(std::string_view name) const {
    const auto check = std::ranges::find(checks, name, &Check::name);
    if (check->passes_at == ready_at) return becomes_ready();
    return scaled(check->passes_at);
}

}  // namespace aggmedic::model
