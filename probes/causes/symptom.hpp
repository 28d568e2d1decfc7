#pragma once

#include <string_view>

#include "probes/observation.hpp"

namespace aggmedic::probes {

// What one answer, or one condition, says of the way to an extension API server. Evidence, never a verdict by itself.
enum class Symptom {
    none,             // works, or says nothing
    uninformative,    // silent, starting up, or the caller's own permissions
    unauthorized,     // 401 of the extension API server
    other_identity,   // 403 that names somebody else than the caller
    anonymous,        // 403 that names system:anonymous
    forbidden,        // condition only: a 403 of unknown name
    unavailable,      // kube-apiserver does not even try: the condition says why
    missing_backend,  // no port or endpoint
    missing_service,  // no service: removed with the rest, or not there yet
    refused,          // connection refused
    untrusted,        // TLS: the serving certificate
    refused_cert,     // TLS: the other side refuses the proxy-client certificate during the handshake
    no_tls,           // TLS fails without a word about a certificate, or the other side does not speak it
    timed_out,
    no_route,
    lost_http2,
    no_agent,          // egress tunnel
    no_status,         // the transport failed without saying more (EOF, a proxy's Forbidden)
    not_found,         // 404, or a redirect
    review_forbidden,  // 500: may not create subjectaccessreviews
    server_error,      // 5xx
};

Symptom symptom_of(const Answer& answer, const Caller& caller);
// Of the Available condition; none where it is True or absent.
Symptom symptom_of(const ApiService& apiservice);
// The extension API server was reached and did not believe the proxy, or not as a proxy.
bool is_trust(Symptom symptom);
bool is_missing(Symptom symptom);  // nothing is there that could be reached
// Whether an answer shows a kube-apiserver that is not up yet (or no longer): nothing around it counts (design 4.6).
// A refused connection counts only where the address is the apiserver's own: one that stands for several refuses for
// one of them.
bool shows_restart(const Answer& answer, bool at_own_address);

}  // namespace aggmedic::probes
