#pragma once

#include <string>
#include <string_view>

namespace aggmedic::model {

// A Kubernetes minor as far as its behaviour differs here.
struct Generation {
    int minor = 20;

    // 1.15 began to look at the status code of the availability check.
    bool judges_status_code() const { return minor >= 15; }
    // 1.17 made the published authentication config a union over all masters.
    bool publishes_union() const { return minor >= 17; }
    // /readyz and /livez exist since 1.16.
    bool has_readyz() const { return minor >= 16; }
    // apiregistration.k8s.io/v1 exists since 1.10 upstream, but the 1.11 lab serves v1beta1 alone so that the fallback
    // is used.
    bool has_apiregistration_v1() const { return minor >= 12; }
    // API priority and fairness (X-Kubernetes-Pf-*), on by default since 1.20.
    bool has_flow_schemas() const { return minor >= 20; }
    // 1.14 took /api and /apis away from anonymous users.
    bool anonymous_may_discover() const { return minor < 14; }
    // 1.34 counts EndpointSlices where it counted Endpoints.
    bool checks_endpoint_slices() const { return minor >= 34; }
    // 1.36 verifies the serving certificate in the availability check too.
    bool check_verifies_bundle() const { return minor >= 36; }
    // discovery.k8s.io: v1beta1 from 1.17 to 1.24, v1 from 1.21 on.
    bool has_endpoint_slices(std::string_view version) const {
        return version == "v1" ? minor >= 21 : version == "v1beta1" && minor >= 17 && minor <= 24;
    }
    // Up to 1.19 the proxy-client certificate is read once, and a key that does not fit shows with the first request.
    bool reloads_proxy_certificate() const { return minor >= 20; }
    bool checks_proxy_key_at_start() const { return minor >= 15; }
    // 1.35 refuses to start when the two CAs share a certificate and the list of names is empty.
    bool refuses_shared_ca_without_names() const { return minor >= 35; }

    std::string git_version() const {
        return minor == 11 ? "v1.11.6" : minor == 20 ? "v1.20.2" : "v1." + std::to_string(minor) + ".0";
    }
};

inline Generation generation_of(std::string_view name) {
    const auto dot = name.find('.');
    return Generation{.minor = dot == std::string_view::npos ? 20 : std::stoi(std::string(name.substr(dot + 1)))};
}

}  // namespace aggmedic::model
