#include "tests/lab/matrix/matrix_rows.hpp"

namespace aggmedic::lab {
namespace {

using enum Level;

// The lab's healthy layout is CFCR's: one CA for clients and front proxies. `separate-ca` has two.
const std::vector<Row>& all_single() {
    static const std::vector<Row> rows = {
        {.breaks = "", .cause = "", .with_ssh = none, .without_ssh = none},
        {.breaks = "front-proxy-ca", .cause = "", .with_ssh = none, .without_ssh = none},
        {.breaks = "noise-in-log", .cause = "noise-shared-ca-log", .with_ssh = none, .without_ssh = none},
        {.breaks = "kubelet-401-in-log", .cause = "backend-scrape-401", .with_ssh = none, .without_ssh = none},
        {.breaks = "no-anonymous", .cause = "anonymous-discovery-hardening", .with_ssh = none, .without_ssh = none},
        {.breaks = "cn-not-allowed",
         .cause = "cn-not-allowed",
         .with_ssh = certain,
         .without_ssh = probable,
         .allow_list = "dangerous",
         .beside = "identity-collapse",
         .is_repairable = true},
        {.breaks = "separate-ca",
         .cause = "cn-not-allowed",
         .with_ssh = certain,
         .without_ssh = probable,
         .allow_list = "right",
         .is_repairable = true},
        {.breaks = "cn-not-allowed+proxy-cert-no-masters",
         .cause = "cn-not-allowed",
         .with_ssh = certain,
         .without_ssh = probable,
         .allow_list = "dangerous",
         .beside = "identity-collapse",
         .is_repairable = true},
        {.breaks = "hostile-cn",
         .cause = "cn-not-allowed",
         .with_ssh = certain,
         .without_ssh = open,
         .beside = "identity-collapse"},
        {.breaks = "proxy-cert-empty-cn",
         .cause = "cn-not-allowed",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong"},
        {.breaks = "empty-names", .cause = "open-door", .with_ssh = none, .without_ssh = none, .to_minor = 34},
        {.breaks = "proxy-cert-wrong-issuer",
         .cause = "proxy-cert-wrong-issuer",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong"},
        {.breaks = "proxy-cert-expired",
         .cause = "proxy-cert-expired",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong"},
        {.breaks = "proxy-cert-renewed-late",
         .cause = "proxy-cert-expired",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong",
         .to_minor = 19},
        {.breaks = "proxy-cert-server-eku",
         .cause = "wrong-key-usage",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong"},
        {.breaks = "clock-skew",
         .cause = "clock-skew",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong"},
        // The lab's second CA is as old as its pods, so that the line in the log may be about somebody else's
        // certificate.
        {.breaks = "stale-ca-in-extension",
         .cause = "stale-ca-in-extension",
         .with_ssh = probable,
         .without_ssh = open,
         .allow_list = "wrong"},
        // Without SSH only the name's absence is seen, which is cn-not-allowed; that a master has it is in the flags.
        {.breaks = "last-writer-wins@1",
         .cause = "last-writer-wins",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong",
         .beside = "identity-collapse cn-not-allowed",
         .to_minor = 16},
        {.breaks = "one-master-differs",
         .cause = "masters-differ",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong",
         .beside = "proxy-cert-wrong-issuer"},
        // Without SSH nothing tells an absent flag from a mistyped one; from 1.15 on not even the anonymous 403 is
        // seen.
        {.breaks = "no-proxy-client-cert",
         .cause = "no-proxy-client-cert",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong"},
        {.breaks = "proxy-key-twice",
         .cause = "flag-typo-or-key-mismatch",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong",
         .beside = "no-proxy-client-cert"},
        {.breaks = "no-requestheader-ca",
         .cause = "no-requestheader-ca",
         .with_ssh = certain,
         .without_ssh = certain,
         .allow_list = "wrong",
         .beside = "identity-collapse"},
        {.breaks = "header-names-missing",
         .cause = "header-names-missing",
         .with_ssh = certain,
         .without_ssh = certain,
         .allow_list = "wrong",
         .beside = "identity-collapse"},
        {.breaks = "other-header-names",
         .cause = "header-names-missing",
         .with_ssh = certain,
         .without_ssh = certain,
         .allow_list = "wrong",
         .beside = "identity-collapse"},
        {.breaks = "no-auth-reader",
         .cause = "no-auth-reader-binding",
         .with_ssh = certain,
         .without_ssh = certain,
         .allow_list = "wrong",
         .available = "False MissingEndpoints"},
        {.breaks = "auth-configmap-gone",
         .cause = "auth-configmap-gone",
         .with_ssh = certain,
         .without_ssh = certain,
         .allow_list = "wrong",
         .available = "False MissingEndpoints",
         .one_struck = true},
        {.breaks = "auth-configmap-empty",
         .cause = "auth-configmap-gone",
         .with_ssh = certain,
         .without_ssh = certain,
         .allow_list = "wrong",
         .available = "False MissingEndpoints",
         .one_struck = true},
        {.breaks = "no-auth-delegator",
         .cause = "no-auth-delegator",
         .with_ssh = certain,
         .without_ssh = certain,
         .allow_list = "wrong"},
        {.breaks = "no-backend",
         .cause = "no-backend",
         .with_ssh = certain,
         .without_ssh = certain,
         .allow_list = "wrong",
         .available = "False MissingEndpoints"},
        {.breaks = "extension-down",
         .cause = "no-backend",
         .with_ssh = open,
         .without_ssh = open,
         .available = "False FailedDiscoveryCheck"},
        {.breaks = "master-to-pod-blocked",
         .cause = "master-to-pod-blocked",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong",
         .available = "False FailedDiscoveryCheck",
         .unknown_with_ssh = true},
        {.breaks = "no-service-routing",
         .cause = "no-service-routing",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong",
         .available = "False FailedDiscoveryCheck",
         .unknown_with_ssh = true},
        {.breaks = "http-proxy-env",
         .cause = "http-proxy-env",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong",
         .available = "False FailedDiscoveryCheck"},
        {.breaks = "bad-ca-bundle",
         .cause = "serving-cert-untrusted",
         .with_ssh = certain,
         .without_ssh = certain,
         .allow_list = "wrong"},
        {.breaks = "stale-http2-pool",
         .cause = "stale-http2-pool",
         .with_ssh = certain,
         .without_ssh = open,
         .allow_list = "wrong"},
        {.breaks = "egress-tunnel-down",
         .cause = "egress-tunnel-down",
         .with_ssh = probable,
         .without_ssh = probable,
         .allow_list = "wrong",
         .available = "False FailedDiscoveryCheck",
         .from_minor = 18},
        {.breaks = "backend-slow",
         .cause = "backend-slow-or-node-dead",
         .with_ssh = probable,
         .without_ssh = probable,
         .allow_list = "wrong"},
        {.breaks = "node-dead",
         .cause = "backend-slow-or-node-dead",
         .with_ssh = probable,
         .without_ssh = probable,
         .allow_list = "wrong",
         .available = "False FailedDiscoveryCheck"},
        {.breaks = "discovery-404",
         .cause = "wrong-discovery-answer",
         .with_ssh = certain,
         .without_ssh = certain,
         .allow_list = "wrong"},
        {.breaks = "discovery-redirects",
         .cause = "wrong-discovery-answer",
         .with_ssh = certain,
         .without_ssh = certain,
         .allow_list = "wrong"},
        {.breaks = "discovery-no-list",
         .cause = "wrong-discovery-answer",
         .with_ssh = certain,
         .without_ssh = certain,
         .allow_list = "wrong"},
        {.breaks = "extension-dependency",
         .cause = "dns-or-webhook-of-extension",
         .with_ssh = probable,
         .without_ssh = probable,
         .allow_list = "wrong"},
        {.breaks = "orphan-apiservice",
         .cause = "orphan-apiservice",
         .with_ssh = certain,
         .without_ssh = certain,
         .allow_list = "wrong",
         .available = "False ServiceNotFound"},
        {.breaks = "restart-storm",
         .cause = "extension-restart-storm",
         .with_ssh = probable,
         .without_ssh = probable,
         .allow_list = "wrong",
         .available = "False MissingEndpoints",
         .from_minor = 18},
        // Before 1.18 no object tells when it was written.
        {.breaks = "restart-storm",
         .cause = "extension-restart-storm",
         .with_ssh = open,
         .without_ssh = open,
         .allow_list = "wrong",
         .available = "False MissingEndpoints",
         .to_minor = 17},
        {.breaks = "flaky-backend", .cause = "intermittent", .with_ssh = open, .without_ssh = open},
        {.breaks = "credential-invalid", .cause = "our-own-401", .with_ssh = certain, .without_ssh = certain},
    };
    return rows;
}

const std::vector<Row>& all_pairs() {
    const auto pair = [](std::string_view breaks, std::string_view causes) {
        return Row{.breaks = breaks, .cause = "", .with_ssh = two, .without_ssh = open, .beside = causes};
    };
    // Up to 1.35 nobody verifies the serving certificate before the 401 is gone: neither the availability check nor,
    // while the condition is False, a user's request. It is the run that stops at the canary then.
    const auto hidden = [&](std::string_view breaks) {
        Row row = pair(breaks, "cn-not-allowed");
        row.with_ssh = open;
        row.is_repairable = true;
        row.to_minor = 35;
        return row;
    };
    const auto from_1_36 = [](Row row) {
        row.from_minor = 36;
        return row;
    };
    static const std::vector<Row> rows = {
        pair("cn-not-allowed+proxy-cert-expired", "cn-not-allowed proxy-cert-expired identity-collapse"),
        pair("separate-ca+proxy-cert-wrong-issuer", "cn-not-allowed proxy-cert-wrong-issuer"),
        pair("separate-ca+header-names-missing", "cn-not-allowed header-names-missing"),
        pair("separate-ca+no-auth-delegator", "cn-not-allowed no-auth-delegator"),
        hidden("separate-ca+bad-ca-bundle"),
        from_1_36(pair("separate-ca+bad-ca-bundle", "cn-not-allowed serving-cert-untrusted")),
        pair("separate-ca+no-backend", "cn-not-allowed no-backend"),
        pair("separate-ca+http-proxy-env", "cn-not-allowed http-proxy-env"),
        pair("separate-ca+clock-skew", "cn-not-allowed clock-skew"),
        pair("separate-ca+one-master-differs", "cn-not-allowed masters-differ proxy-cert-wrong-issuer"),
    };
    return rows;
}

}  // namespace

std::span<const Row> single_causes() {
    return all_single();
}

std::span<const Row> pairs_of_causes() {
    return all_pairs();
}

std::vector<std::string> words_of(std::string_view text, char between) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto end = std::min(text.find(between), text.size());
        if (end > 0) words.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

}  // namespace aggmedic::lab
