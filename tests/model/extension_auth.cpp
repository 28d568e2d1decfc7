#include "tests/model/extension_auth.hpp"

#include <algorithm>

namespace aggmedic::model {

bool trusts_client_ca(ExtensionKind kind) {
    return kind != ExtensionKind::reads_once;
}
bool reloads_config(ExtensionKind kind) {
    return kind == ExtensionKind::reloads;
}
int library_minor(ExtensionKind kind) {
    return kind == ExtensionKind::reloads ? 20 : 14;
}

bool name_allowed(const std::vector<std::string>& allowed_names, const std::string& common_name) {
    return allowed_names.empty() || std::ranges::find(allowed_names, common_name) != allowed_names.end();
}

AuthDecision authenticate(const AuthRules& rules, const PresentedCertificate& certificate,
                          const RemoteHeaders& headers) {
    const auto user = [](std::string name, std::vector<std::string> groups) {
        if (std::ranges::find(groups, "system:authenticated") == groups.end())
            groups.emplace_back("system:authenticated");
        return Identity{.user = std::move(name), .groups = std::move(groups)};
    };
    bool failed = false;  // an authenticator that says "error" forbids the anonymous fallback
    if (certificate.presented) {
        const bool front_proxy =
            certificate.verifies_for_requestheader && name_allowed(rules.allowed_names, certificate.common_name);
        if (front_proxy && !headers.user.empty())
            return Authenticated{user(headers.user, headers.groups), Via::front_proxy};
        failed = !front_proxy;
        if (rules.trusts_client_ca && certificate.verifies_for_client && !certificate.common_name.empty()) {
            return Authenticated{user(certificate.common_name, certificate.organizations), Via::client_certificate};
        }
        failed = failed || rules.trusts_client_ca;
    }
    if (failed || !rules.allows_anonymous) return Rejected{};
    return Authenticated{anonymous(), Via::anonymous};
}

}  // namespace aggmedic::model
