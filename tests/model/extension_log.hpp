#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/model/extension_auth.hpp"

// What an extension API server writes to its log, in the words of fixtures/recorded (service-catalog 0.1.38 and
// sample-apiserver 1.20.2).
namespace aggmedic::model {

struct LogStamp {
    std::string month_day_time;  // 1123 00:17:00.947589
    int pid = 1;
};

std::string klog(char level, const LogStamp& stamp, std::string_view place, std::string_view text);

using LogLines = std::vector<std::string>;

LogLines start_lines(ExtensionKind kind, const LogStamp& stamp);
// One refused request. Only a rejection is written: a masked identity leaves no line.
LogLines rejection_lines(ExtensionKind kind, const AuthRules& rules, const PresentedCertificate& certificate,
                         const LogStamp& stamp);

enum class StartFault { config_map_forbidden, config_map_missing, no_requestheader_ca };
// The end of a server that cannot start. `user` is the identity it asks the ConfigMap with.
LogLines start_fault_lines(ExtensionKind kind, StartFault fault, std::string_view user, const LogStamp& stamp);
// Newer libraries start without a requestheader CA, and say so.
LogLines without_requestheader_lines(const LogStamp& stamp);

std::string review_refused(std::string_view user);  // the SubjectAccessReview that needs system:auth-delegator
LogLines review_refused_lines(std::string_view user, const LogStamp& stamp);
// Component certificates of a shared CA, tried as front proxies first: not a failure.
LogLines component_noise_lines(const LogStamp& stamp);
LogLines kubelet_refusal_lines(std::string_view node_address, const LogStamp& stamp);  // metrics-server's own 401
LogLines config_map_moved_lines(const LogStamp& stamp);  // calico-apiserver, before it ends by itself
LogLines lookup_failure_lines(std::string_view host, const LogStamp& stamp);

}  // namespace aggmedic::model
