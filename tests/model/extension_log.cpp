#include "tests/model/extension_log.hpp"

#include <fmt/format.h>

namespace aggmedic::model {
namespace {

constexpr const char* config_map = "extension-apiserver-authentication";
constexpr const char* unauthenticated = "Unable to authenticate the request due to an error: ";

bool is_older(ExtensionKind kind) {
    return kind != ExtensionKind::reloads;
}

std::string go_list(const std::vector<std::string>& names) {
    return fmt::format("[{}]", fmt::join(names, " "));
}

std::string get_forbidden(std::string_view user) {
    return fmt::format(
        "configmaps \"{}\" is forbidden: User \"{}\" cannot get resource \"configmaps\" in API group \"\" in the "
        "namespace \"kube-system\"",
        config_map, user);
}

std::string usually_fixed(std::string_view placeholder) {
    return fmt::format(
        "Unable to get configmap/{} in kube-system.  Usually fixed by 'kubectl create rolebinding -n kube-system {} "
        "--role=extension-apiserver-authentication-reader --serviceaccount=YOUR_NS:YOUR_SA'",
        config_map, placeholder);
}

}  // namespace

std::string klog(char level, const LogStamp& stamp, std::string_view place, std::string_view text) {
    return fmt::format("{}{} {:>7} {}] {}", level, stamp.month_day_time, stamp.pid, place, text);
}

LogLines start_lines(ExtensionKind kind, const LogStamp& stamp) {
    if (!is_older(kind))
        return {klog('I', stamp, "requestheader_controller.go:244",
                     "Loaded a new request header values for RequestHeaderAuthRequestController"),
                klog('I', stamp, "secure_serving.go:197", "Serving securely on [::]:9443")};
    return {klog('I', stamp, "http.go:110", "HTTP2 has been explicitly disabled"),
            klog('W', stamp, "util.go:112", "OpenAPI spec will not be served"),
            klog('I', stamp, "run_server.go:110", "Running the API server"),
            klog('I', stamp, "secure_serving.go:116", "Serving securely on [::]:8443"),
            klog('I', stamp, "run_server.go:127", "etcd checker called")};
}

LogLines rejection_lines(ExtensionKind kind, const AuthRules& rules, const PresentedCertificate& certificate,
                         const LogStamp& stamp) {
    const bool chain_holds = certificate.verifies_for_requestheader;
    const std::string subject = "x509: subject with cn=" + certificate.common_name;
    if (is_older(kind)) {
        const std::string error = chain_holds ? subject + " is not allowed" : certificate.requestheader_fault;
        LogLines lines;
        if (chain_holds)
            lines.push_back(klog('W', stamp, "x509.go:171",
                                 subject + " is not in the allowed list: " + go_list(rules.allowed_names)));
        lines.push_back(klog('E', stamp, "authentication.go:62", unauthenticated + error));
        return lines;
    }
    std::string error = chain_holds ? subject + " is not in the allowed list" : certificate.requestheader_fault;
    if (rules.trusts_client_ca && !certificate.verifies_for_client)
        error = fmt::format("[{}, verifying certificate {} failed: {}]", error, certificate.numbers,
                            certificate.client_fault);
    return {klog('E', stamp, "authentication.go:53", unauthenticated + error)};
}

LogLines start_fault_lines(ExtensionKind kind, StartFault fault, std::string_view user, const LogStamp& stamp) {
    const std::string lead = is_older(kind) ? "" : "unable to load configmap based request-header-client-ca-file: ";
    if (fault == StartFault::config_map_missing)
        return {fmt::format("Error: {}configmaps \"{}\" not found", lead, config_map)};
    if (fault == StartFault::no_requestheader_ca)
        return {"Error: cluster doesn't provide requestheader-client-ca-file"};
    const std::string warning =
        is_older(kind) ? klog('W', stamp, "authentication.go:246", usually_fixed("ROLE_NAME"))
                       : klog('W', stamp, "requestheader_controller.go:193", usually_fixed("ROLEBINDING_NAME"));
    return {warning, "Error: " + lead + get_forbidden(user)};
}

LogLines without_requestheader_lines(const LogStamp& stamp) {
    return {klog('W', stamp, "authentication.go:329",
                 fmt::format("Unable to find requestheader-client-ca-file in configmap/{} in kube-system, so "
                             "request-header client certificate authentication won't work.",
                             config_map))};
}

std::string review_refused(std::string_view user) {
    return fmt::format(
        "subjectaccessreviews.authorization.k8s.io is forbidden: User \"{}\" cannot create resource "
        "\"subjectaccessreviews\" in API group \"authorization.k8s.io\" at the cluster scope",
        user);
}

LogLines review_refused_lines(std::string_view user, const LogStamp& stamp) {
    return {klog('E', stamp, "webhook.go:199", "Failed to make webhook authorizer request: " + review_refused(user)),
            klog('E', stamp, "errors.go:77", review_refused(user))};
}

LogLines component_noise_lines(const LogStamp& stamp) {
    LogLines lines;
    for (const char* name : {"system:kube-scheduler", "system:kube-proxy", "system:node:node-0"})
        lines.push_back(
            klog('W', stamp, "x509.go:171",
                 fmt::format("x509: subject with cn={} is not in the allowed list: [front-proxy-client]", name)));
    return lines;
}

LogLines kubelet_refusal_lines(std::string_view node_address, const LogStamp& stamp) {
    return {
        klog('E', stamp, "manager.go:111",
             fmt::format("unable to fully collect metrics: unable to fully scrape metrics from source "
                         "kubelet_summary:node-0: unable to fetch metrics from Kubelet node-0 ({0}): request failed "
                         "- \"401 Unauthorized\", response: \"Unauthorized\" (https://{0}:10250/stats/summary/)",
                         node_address))};
}

LogLines config_map_moved_lines(const LogStamp& stamp) {
    return {klog('I', stamp, "server.go:157",
                 fmt::format("Detected change in {} ConfigMap, exiting so apiserver can be restarted", config_map))};
}

LogLines lookup_failure_lines(std::string_view host, const LogStamp& stamp) {
    return {klog('E', stamp, "status.go:71",
                 fmt::format("apiserver received an error that is not an metav1.Status: dial tcp: lookup {} on "
                             "10.100.200.10:53: no such host",
                             host))};
}

}  // namespace aggmedic::model
