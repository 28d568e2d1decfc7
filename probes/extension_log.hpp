#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/time.hpp"

// What the log of an extension API server says about aggregation, as entries of a fixed table: no line of a log is
// kept, for logs hold other people's data.
namespace aggmedic::probes {

enum class LogEvent {
    cn_not_allowed,               // a client certificate's CN is not among the allowed names (AGG-01, noise: AGG-19)
    unknown_authority,            // a client certificate's issuer is none of the CAs held (AGG-05, AGG-06)
    certificate_expired,          // (AGG-09)
    certificate_not_yet_valid,    // (AGG-10)
    certificate_not_in_date,      // expired or not yet valid: the message of an older Go does not say which
    incompatible_key_usage,       // (AGG-11)
    authentication_failed,        // "Unable to authenticate the request" for another reason
    requestheader_ca_missing,     // the cluster provides no requestheader CA (AGG-14)
    config_map_forbidden,         // the authentication ConfigMap may not be read (AGG-16)
    config_map_missing,           // or is not there (AGG-17)
    access_review_forbidden,      // SubjectAccessReviews or TokenReviews may not be created (AGG-18)
    serving_certificate_refused,  // the client ended the handshake over our serving certificate (AGG-24)
    name_not_resolved,            // DNS of the extension server (AGG-29)
    apiserver_unreachable,        // it could not read the ConfigMap because kube-apiserver did not answer (AGG-29)
    webhook_failed,               // an admission webhook that it calls (AGG-29)
    kubelet_unauthorized,         // a kubelet answered it 401 or 403 (AGG-31)
    config_map_changed,           // it ends itself because the ConfigMap changed (AGG-32)
};
std::string_view name(LogEvent event);
std::span<const LogEvent> every(LogEvent);

// In how many lines one event occurred since the pod's last start; a rejected name takes two lines in older libraries.
// Anybody who reaches the server's port chooses the names in it, and with a line break in a name whole lines: evidence
// beside structure, and never what a plan is made from.
struct LogFact {
    LogEvent event = LogEvent::authentication_failed;
    std::string common_name;  // cn_not_allowed: the CN, may be empty; unknown_authority: the candidate CA's CN, if told
    std::size_t count = 0;
    std::optional<TimePoint> first, last;
    bool operator==(const LogFact&) const = default;
};

struct ExtensionLog {
    std::string pod;
    std::vector<LogFact> facts;      // by event, then CN
    std::size_t names_left_out = 0;  // further CNs beyond the cap
    bool is_cut = false;             // the byte or line cap was reached: older lines since the start are missing
    bool previous = false;           // of the container before the last restart
    bool operator==(const ExtensionLog&) const = default;
};

// Where a log comes from.
struct LogSource {
    std::string pod;
    TimePoint asked{};                 // gives klog's times, which have none, their year
    std::optional<TimePoint> started;  // of the container: older lines are another process's and do not count
    bool is_cut = false, previous = false;
};

// Reads the log of an extension API server, any bytes: messages of klog (plain, structured, JSON) in the wordings of
// Kubernetes 1.11 to 1.36, with or without the kubelet's timestamp before each line. One line is at most one event: of
// several errors in it the first, for header authentication is tried before the client CA (kubernetes/apiserver
// authentication/request/x509).
ExtensionLog parse_extension_log(const LogSource& source, std::string_view text);

}  // namespace aggmedic::probes
