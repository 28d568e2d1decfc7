#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"

// Which admission webhooks are called for the writes of a starting kube-apiserver (admissionregistration.k8s.io v1 and
// v1beta1; matched as k8s.io/apiserver does in pkg/admission/plugin/webhook/predicates). Where it cannot be told, the
// answer is yes: CEL matchConditions are not evaluated, and a rule of another API version counts.
namespace aggmedic::probes {

using Labels = std::map<std::string, std::string>;

// One webhook that fails closed.
struct WebhookDraft {
    std::string name;                             // validatingwebhookconfiguration NAME, webhook NAME
    std::string service_namespace, service_name;  // both empty: it is called by a URL
    nlohmann::json rules, namespace_selector, object_selector;
};

// Of a list of one kind, the webhooks that fail closed. Errors: malformed_reply, too_large.
Result<std::vector<WebhookDraft>> parse_closed_webhooks(std::string_view list);

// The labels that its selectors are held against; what has no entry is not known, and exempts nothing.
struct KnownLabels {
    std::map<std::string, Labels> namespaces;  // kube-system, default
    std::map<std::string, Labels> objects;     // by resource: of those that are written, configmaps and endpoints
};

// What of a starting kube-apiserver's writes it is called for; nullopt: nothing.
std::optional<std::string> covered_by(const WebhookDraft& webhook, const KnownLabels& known);

// Whether labels decide about it.
bool asks_for_labels(const WebhookDraft& webhook);

// metav1.LabelSelector; an operator that is not known is taken as a match.
bool selects(const nlohmann::json& selector, const Labels& labels);

}  // namespace aggmedic::probes
