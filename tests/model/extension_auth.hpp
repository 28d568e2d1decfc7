#pragma once

#include <string>
#include <variant>
#include <vector>

#include "tests/model/access.hpp"

// How an API server behind the aggregator (and kube-apiserver itself, for proxies in front of it) decides whose request
// it is.
namespace aggmedic::model {

enum class ExtensionKind {
    reads_once,            // service-catalog 0.1.38: ConfigMap at start only, no client-CA authentication
    reads_once_client_ca,  // service-catalog 0.1.42
    reloads                // sample-apiserver 1.20: within a second, and client-CA authentication
};

bool trusts_client_ca(ExtensionKind kind);
bool reloads_config(ExtensionKind kind);
int library_minor(ExtensionKind kind);  // the Kubernetes minor of the library it was built with

// The certificate that the peer presented, with the verdicts of the two CA bundles (chain, dates and key usage for
// clients).
struct PresentedCertificate {
    bool presented = false;
    bool verifies_for_requestheader = false;
    bool verifies_for_client = false;
    std::string requestheader_fault{},
        client_fault{};     // why not, in the words of Go's library; empty where it verifies
    std::string numbers{};  // SN=..., SKID=..., AKID=..., as newer servers log them
    std::string common_name;
    std::vector<std::string> organizations;
};

struct RemoteHeaders {
    std::string user;  // X-Remote-User; empty: not sent
    std::vector<std::string> groups;
};

enum class Via { front_proxy, client_certificate, anonymous };

struct Authenticated {
    Identity identity;
    Via via = Via::front_proxy;
};
struct Rejected {};  // 401
using AuthDecision = std::variant<Authenticated, Rejected>;

struct AuthRules {
    bool trusts_client_ca = false;
    bool allows_anonymous = true;
    std::vector<std::string> allowed_names;  // empty: any common name
};

bool name_allowed(const std::vector<std::string>& allowed_names, const std::string& common_name);
AuthDecision authenticate(const AuthRules& rules, const PresentedCertificate& certificate,
                          const RemoteHeaders& headers);

}  // namespace aggmedic::model
