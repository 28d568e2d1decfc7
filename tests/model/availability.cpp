#include "tests/model/availability.hpp"

#include <fmt/format.h>

namespace aggmedic::model {
namespace {

// Before 1.15 any HTTP answer counts, asked at the server's root.
Condition no_response(const CheckedService& service, std::string_view what) {
    return {false, "FailedDiscoveryCheck",
            fmt::format("no response from https://{0}: Get https://{0}: {1}", service.address, what)};
}

Condition failing(const CheckedService& service, std::string_view what) {
    const std::string url = fmt::format("https://{}/apis/{}/{}", service.address, service.group, service.version);
    return {false, "FailedDiscoveryCheck", fmt::format("failing or missing response from {0}: {1}", url, what)};
}

std::string url_of(const CheckedService& service) {
    return fmt::format("https://{}/apis/{}/{}", service.address, service.group, service.version);
}

std::string refused(const CheckedService& service) {
    return fmt::format("dial tcp {}: connect: connection refused", service.address);
}

constexpr std::string_view timed_out = "net/http: request canceled (Client.Timeout exceeded while awaiting headers)";

}  // namespace

Condition judge_availability(Generation generation, const CheckedService& service, const CheckResult& result) {
    if (std::holds_alternative<ServiceMissing>(result))
        return {false, "ServiceNotFound",
                fmt::format("service/{} in \"{}\" is not present", service.name, service.name_space)};
    if (std::holds_alternative<NoAddresses>(result)) {
        const std::string port = generation.judges_status_code() ? " with port name \"secure\"" : "";
        return {false, "MissingEndpoints",
                fmt::format("{} for service/{} in \"{}\" have no addresses{}",
                            generation.checks_endpoint_slices() ? "endpointslices" : "endpoints", service.name,
                            service.name_space, port)};
    }
    const bool strict = generation.judges_status_code();
    if (const auto* answered = std::get_if<Answered>(&result)) {
        if (!strict || (answered->status >= 200 && answered->status < 300))
            return {true, "Passed", "all checks passed"};
        return failing(service, fmt::format("bad status from {}: {}", url_of(service), answered->status));
    }
    const auto* broken = std::get_if<Broken>(&result);
    const std::string what = broken != nullptr                                   ? broken->text
                             : std::holds_alternative<ConnectionRefused>(result) ? refused(service)
                                                                                 : std::string(timed_out);
    return strict ? failing(service, fmt::format("Get \"{}\": {}", url_of(service), what)) : no_response(service, what);
}

std::string unreachable_body(const CheckedService& service) {
    return fmt::format("error trying to reach service: {}\n", refused(service));
}

}  // namespace aggmedic::model
