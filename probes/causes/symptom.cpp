#include "probes/causes/symptom.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace aggmedic::probes {

namespace {

struct Wording {
    std::string_view text;
    Symptom symptom;
};

// Texts of Go's net, TLS and HTTP libraries, Kubernetes 1.11 to 1.36. The first that fits counts.
constexpr std::array<Wording, 30> wordings{{
    // An HTTP proxy on the way, whatever befell the way to it.
    {"proxyconnect ", Symptom::no_status},
    {"x509:", Symptom::untrusted},
    // `remote error` is the other side's alert: our certificate, not theirs.
    {"remote error: tls: bad certificate", Symptom::refused_cert},
    {"remote error: tls: unknown certificate", Symptom::refused_cert},
    {"remote error: tls: certificate required", Symptom::refused_cert},
    {"remote error: tls: expired certificate", Symptom::refused_cert},
    {"remote error: tls: unsupported certificate", Symptom::refused_cert},
    {"tls: ", Symptom::no_tls},
    {"server gave HTTP response to HTTPS client", Symptom::no_tls},
    {"No agent available", Symptom::no_agent},
    {"http2: client connection lost", Symptom::lost_http2},
    {"http2: server sent GOAWAY", Symptom::lost_http2},
    {"connection refused", Symptom::refused},
    {"no route to host", Symptom::no_route},
    {"network is unreachable", Symptom::no_route},
    {"i/o timeout", Symptom::timed_out},
    {"TLS handshake timeout", Symptom::timed_out},
    {"context deadline exceeded", Symptom::timed_out},
    {"Client.Timeout exceeded", Symptom::timed_out},
    {"request canceled", Symptom::timed_out},
    {"timed out", Symptom::timed_out},
    {"connection reset by peer", Symptom::no_status},
    {": EOF", Symptom::no_status},
    {"unexpected EOF", Symptom::no_status},
    {"broken pipe", Symptom::no_status},
    // What a proxy says to CONNECT.
    {": Forbidden", Symptom::no_status},
    {": Service Unavailable", Symptom::no_status},
    {": Bad Gateway", Symptom::no_status},
    {": Gateway Timeout", Symptom::no_status},
    {": Proxy Authentication Required", Symptom::no_status},
}};

Symptom from_wording(std::string_view text) {
    const auto at = std::ranges::find_if(wordings, [&](const Wording& wording) { return text.contains(wording.text); });
    return at == wordings.end() ? Symptom::none : at->symptom;
}

// `... bad status from https://...: 401` ends in the status that the availability check got.
unsigned bad_status(std::string_view message) {
    if (!message.contains("bad status from")) return 0;
    const auto colon = message.rfind(": ");
    if (colon == std::string_view::npos) return 0;
    unsigned status = 0;
    const auto tail = message.substr(colon + 2);
    std::from_chars(tail.data(), tail.data() + tail.size(), status);
    return status;
}

Symptom from_bad_status(unsigned status) {
    if (status == 401) return Symptom::unauthorized;
    if (status == 403) return Symptom::forbidden;
    if (status >= 500) return Symptom::server_error;
    return Symptom::not_found;
}

Symptom from_unavailable(std::string_view body) {
    if (!body.contains("error trying to reach service")) return Symptom::unavailable;
    const auto symptom = from_wording(body);
    return symptom == Symptom::none ? Symptom::no_status : symptom;
}

}  // namespace

bool shows_restart(const Answer& answer, bool at_own_address) {
    if (answer.status == 0) return at_own_address && answer.failure == "connect_failed";
    return answer.status == 503 && answer.body.contains("server is starting");
}

Symptom symptom_of(const Answer& answer, const Caller& caller) {
    if (answer.status == 0 || shows_restart(answer, true)) return Symptom::uninformative;
    if (answer.status >= 200 && answer.status < 300) return Symptom::none;
    switch (answer.status) {
        case 401:
            return Symptom::unauthorized;
        case 403:
            if (!answer.forbidden_user) return Symptom::uninformative;
            if (*answer.forbidden_user == "system:anonymous") return Symptom::anonymous;
            // Nobody known to compare with: case by case, against the certificate's CN.
            if (caller.user.empty() || *answer.forbidden_user == caller.user) return Symptom::uninformative;
            return Symptom::other_identity;
        case 429:
            return Symptom::uninformative;  // load, not a fault of the way
        case 500:
            return answer.body.contains("subjectaccessreviews.authorization.k8s.io is forbidden")
                       ? Symptom::review_forbidden
                       : Symptom::server_error;
        case 503:
            return from_unavailable(answer.body);
        case 504:
            return Symptom::timed_out;
        default:
            return answer.status > 500 ? Symptom::server_error : Symptom::not_found;
    }
}

Symptom symptom_of(const ApiService& apiservice) {
    if (apiservice.available != "False") return Symptom::none;
    if (apiservice.reason == "ServiceNotFound") return Symptom::missing_service;
    constexpr std::array<std::string_view, 4> missing{"ServicePortError", "EndpointsNotFound", "EndpointSlicesNotFound",
                                                      "MissingEndpoints"};
    if (std::ranges::find(missing, apiservice.reason) != missing.end()) return Symptom::missing_backend;
    if (const auto status = bad_status(apiservice.message); status != 0) return from_bad_status(status);
    return from_wording(apiservice.message);
}

bool is_missing(Symptom symptom) {
    return symptom == Symptom::missing_backend || symptom == Symptom::missing_service;
}

bool is_trust(Symptom symptom) {
    return symptom == Symptom::unauthorized || symptom == Symptom::other_identity || symptom == Symptom::anonymous ||
           symptom == Symptom::forbidden || symptom == Symptom::refused_cert;
}

}  // namespace aggmedic::probes
