#include "probes/extension_log.hpp"

namespace aggmedic::probes {

std::string_view name(LogEvent event) {
    switch (event) {
        case LogEvent::cn_not_allowed:
            return "cn-not-allowed";
        case LogEvent::unknown_authority:
            return "unknown-authority";
        case LogEvent::certificate_expired:
            return "certificate-expired";
        case LogEvent::certificate_not_yet_valid:
            return "certificate-not-yet-valid";
        case LogEvent::certificate_not_in_date:
            return "certificate-not-in-date";
        case LogEvent::incompatible_key_usage:
            return "incompatible-key-usage";
        case LogEvent::authentication_failed:
            return "authentication-failed";
        case LogEvent::requestheader_ca_missing:
            return "requestheader-ca-missing";
        case LogEvent::config_map_forbidden:
            return "config-map-forbidden";
        case LogEvent::config_map_missing:
            return "config-map-missing";
        case LogEvent::access_review_forbidden:
            return "access-review-forbidden";
        case LogEvent::serving_certificate_refused:
            return "serving-certificate-refused";
        case LogEvent::name_not_resolved:
            return "name-not-resolved";
        case LogEvent::apiserver_unreachable:
            return "apiserver-unreachable";
        case LogEvent::webhook_failed:
            return "webhook-failed";
        case LogEvent::kubelet_unauthorized:
            return "kubelet-unauthorized";
        case LogEvent::config_map_changed:
            return "config-map-changed";
    }
    return "authentication-failed";
}

std::span<const LogEvent> every(LogEvent) {
    static constexpr LogEvent events[] = {LogEvent::cn_not_allowed,          LogEvent::unknown_authority,
                                          LogEvent::certificate_expired,     LogEvent::certificate_not_yet_valid,
                                          LogEvent::certificate_not_in_date, LogEvent::incompatible_key_usage,
                                          LogEvent::authentication_failed,   LogEvent::requestheader_ca_missing,
                                          LogEvent::config_map_forbidden,    LogEvent::config_map_missing,
                                          LogEvent::access_review_forbidden, LogEvent::serving_certificate_refused,
                                          LogEvent::name_not_resolved,       LogEvent::apiserver_unreachable,
                                          LogEvent::webhook_failed,          LogEvent::kubelet_unauthorized,
                                          LogEvent::config_map_changed};
    return events;
}

}  // namespace aggmedic::probes
