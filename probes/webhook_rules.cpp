#include "probes/webhook_rules.hpp"

#include <algorithm>
#include <array>

#include "net/text.hpp"
#include "probes/json_reading.hpp"

namespace aggmedic::probes {
namespace {

using nlohmann::json;

// What kube-apiserver writes while it starts and every few seconds after: the published authentication configuration,
// and its own address among those of default/kubernetes.
struct Written {
    std::string_view group, resource, space;
    bool is_read;              // its labels may be read: people add some, and they stay
    std::vector<Labels> adds;  // what an apiserver sets among its labels: newer versions one more
};
const std::array<Written, 3>& written() {
    static const std::array<Written, 3> all{
        {{"", "configmaps", "kube-system", true, {{}}},
         {"", "endpoints", "default", true, {{}, {{"endpointslice.kubernetes.io/skip-mirror", "true"}}}},
         {"discovery.k8s.io", "endpointslices", "default", false, {{{"kubernetes.io/service-name", "kubernetes"}}}}}};
    return all;
}

constexpr std::size_t name_length_max = 512;  // two names of at most 253 (RFC 1123 subdomains), and the kind

bool lists(const json& rule, std::string_view key, std::initializer_list<std::string_view> wanted) {
    return std::ranges::any_of(array_at(rule, key), [&](const json& each) {
        return each.is_string() &&
               std::ranges::find(wanted, std::string_view(each.get_ref<const std::string&>())) != wanted.end();
    });
}

bool covers(const json& rule, const Written& object) {
    const auto scope = text_at(rule, "scope");
    const auto with_parts = std::string(object.resource) + "/*";  // which means the resource itself as well
    return lists(rule, "apiGroups", {"*", object.group}) &&
           lists(rule, "resources", {"*", "*/*", object.resource, with_parts}) &&
           lists(rule, "operations", {"*", "CREATE", "UPDATE"}) && scope != "Cluster";
}

bool fits(const json& expression, const Labels& labels) {
    const auto at = labels.find(text_at(expression, "key"));
    const bool has = at != labels.end();
    const auto listed = [&] {
        const auto& values = array_at(expression, "values");
        return has && std::ranges::any_of(values, [&](const json& each) { return each == at->second; });
    };
    const auto how = text_at(expression, "operator");
    if (how == "In") return listed();
    if (how == "NotIn") return !listed();
    if (how == "Exists") return has;
    if (how == "DoesNotExist") return !has;
    return true;
}

bool is_empty(const json& selector) {
    return !selector.is_object() || selector.empty();
}

bool selects_object(const json& selector, const Written& object, const KnownLabels& known) {
    const auto labels = known.objects.find(std::string(object.resource));
    if (is_empty(selector) || (object.is_read && labels == known.objects.end())) return true;
    return std::ranges::any_of(object.adds, [&](Labels all) {
        if (object.is_read) all.insert(labels->second.begin(), labels->second.end());
        return selects(selector, all);
    });
}

}  // namespace

bool selects(const json& selector, const Labels& labels) {
    if (is_empty(selector)) return true;
    for (const auto& [key, value] : object_at(selector, "matchLabels").items()) {
        const auto at = labels.find(key);
        if (at == labels.end() || value != at->second) return false;
    }
    return std::ranges::all_of(array_at(selector, "matchExpressions"),
                               [&](const json& expression) { return fits(expression, labels); });
}

Result<std::vector<WebhookDraft>> parse_closed_webhooks(std::string_view text) {
    const auto list = read_json_object(text);
    if (!list) return std::unexpected(list.error());
    const auto list_kind = text_at(*list, "kind");
    if (!list_kind.ends_with("WebhookConfigurationList"))
        return fail(Errc::malformed_reply, "the answer is no list of webhook configurations");
    const auto kind = to_lower(list_kind.substr(0, list_kind.size() - 4));
    // The default where the key is absent; an apiserver writes it out.
    const bool is_beta = text_at(*list, "apiVersion").ends_with("/v1beta1");
    std::vector<WebhookDraft> closed;
    for (const auto& item : array_at(*list, "items")) {
        const auto name = kind + " " + text_at(object_at(item, "metadata"), "name");
        for (const auto& webhook : array_at(item, "webhooks")) {
            const auto policy = text_at(webhook, "failurePolicy");
            if (policy == "Ignore" || (policy.empty() && is_beta)) continue;
            const auto& service = object_at(object_at(webhook, "clientConfig"), "service");
            closed.push_back({.name = (name + ", webhook " + text_at(webhook, "name")).substr(0, name_length_max),
                              .service_namespace = text_at(service, "namespace"),
                              .service_name = text_at(service, "name"),
                              .rules = array_at(webhook, "rules"),
                              .namespace_selector = object_at(webhook, "namespaceSelector"),
                              .object_selector = object_at(webhook, "objectSelector")});
        }
    }
    return closed;
}

bool asks_for_labels(const WebhookDraft& webhook) {
    const bool has_any = !is_empty(webhook.namespace_selector) || !is_empty(webhook.object_selector);
    return has_any && covered_by(webhook, {}).has_value();
}

std::optional<std::string> covered_by(const WebhookDraft& webhook, const KnownLabels& known) {
    for (const auto& object : written()) {
        const bool by_rule = std::ranges::any_of(
            webhook.rules, [&](const json& rule) { return rule.is_object() && covers(rule, object); });
        if (!by_rule) continue;
        const auto space = known.namespaces.find(std::string(object.space));
        if (space != known.namespaces.end() && !selects(webhook.namespace_selector, space->second)) continue;
        if (selects_object(webhook.object_selector, object, known))
            return std::string(object.resource) + " in " + std::string(object.space);
    }
    return std::nullopt;
}

}  // namespace aggmedic::probes
