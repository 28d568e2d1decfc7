#include <ctime>

#include "tests/lab/apiserver/apiserver.hpp"

namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;
using Ordered = nlohmann::ordered_json;

std::string timestamp(std::time_t when) {
    std::tm parts{};
    gmtime_r(&when, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

// Everything an answer about objects needs.
struct Asked {
    Apiserver& server;
    const model::RequestTrace& trace;
    const model::Attributes& what;
    const HttpRequest& request;

    model::Answer ok(const Ordered& body) const {
        return model::own_answer(server.generation, trace, 200, model::Content::json, body.dump() + "\n");
    }
    model::Answer failure(int status, std::string_view reason, const std::string& message) const {
        Ordered details = {{"name", what.name}, {"kind", what.resource}};
        if (!what.group.empty()) details = {{"name", what.name}, {"group", what.group}, {"kind", what.resource}};
        return model::status_answer(server.generation, trace, status, reason, message, details.dump());
    }
    std::string qualified() const { return what.group.empty() ? what.resource : what.resource + "." + what.group; }
    model::Answer not_found() const {
        return failure(404, "NotFound", qualified() + " \"" + what.name + "\" not found");
    }
    model::Answer conflict() const {
        return failure(
            409, "Conflict",
            "Operation cannot be fulfilled on " + qualified() + " \"" + what.name +
                "\": the object has been modified; please apply your changes to the latest version and try again");
    }
};

Ordered list_of(const Asked& asked, const std::string& kind, const std::string& api_version, Ordered items) {
    return {{"kind", kind},
            {"apiVersion", api_version},
            {"metadata", {{"resourceVersion", std::to_string(asked.server.store.revision())}}},
            {"items", std::move(items)}};
}

// --- APIServices ---

Ordered api_service_object(const std::string& name, const StoredValue& entry, const std::string& version,
                           bool with_kind) {
    Ordered object = Ordered::object();
    if (with_kind) object = {{"kind", "APIService"}, {"apiVersion", "apiregistration.k8s.io/" + version}};
    object["metadata"] = {{"name", name},
                          {"uid", entry.value.value("uid", "")},
                          {"resourceVersion", std::to_string(entry.revision)},
                          {"creationTimestamp", "2026-11-22T23:47:22Z"}};
    object["spec"] = entry.value["spec"];
    const auto& condition = entry.value.value("condition", Json::object());
    if (condition.empty()) {
        object["status"] = Ordered::object();
        return object;
    }
    const Ordered available = {{"type", "Available"},
                               {"status", condition["status"]},
                               {"lastTransitionTime", timestamp(condition.value("since", std::time_t{0}))},
                               {"reason", condition["reason"]},
                               {"message", condition["message"]}};
    object["status"] = {{"conditions", Ordered::array({available})}};
    return object;
}

Ordered many_api_services(const Asked& asked, std::size_t count) {
    Ordered items = Ordered::array();
    for (std::size_t i = 0; i < count; ++i) {
        const std::string group = "g" + std::to_string(i) + ".example.com";
        const Json spec = {{"service", {{"namespace", "many"}, {"name", "s" + std::to_string(i)}, {"port", 443}}},
                           {"group", group},
                           {"version", "v1"}};
        items.push_back(
            api_service_object("v1." + group, {.value = {{"spec", spec}}, .revision = 1}, asked.what.version, false));
    }
    return items;
}

// limit and continue as the real list has them; the continue token is simply the index.
Ordered api_service_list(const Asked& asked) {
    Ordered items = Ordered::array();
    for (const auto& [key, entry] : asked.server.store.list("apiservice/"))
        items.push_back(api_service_object(key.substr(11), entry, asked.what.version, false));
    if (const auto many = fault(asked.server.faults(), "many-apiservices"))
        items = many_api_services(asked, many->empty() ? 10000 : std::stoul(*many));
    const std::string limit = asked.request.query("limit"), token = asked.request.query("continue");
    const std::size_t first = token.empty() ? 0 : std::stoul(token);
    const std::size_t last =
        limit.empty() || limit == "0" ? items.size() : std::min(items.size(), first + std::stoul(limit));
    Ordered page = Ordered::array();
    for (std::size_t i = first; i < last; ++i) page.push_back(items[i]);
    Ordered body = list_of(asked, "APIServiceList", "apiregistration.k8s.io/" + asked.what.version, page);
    if (last < items.size()) {
        body["metadata"]["continue"] = std::to_string(last);
        body["metadata"]["remainingItemCount"] = items.size() - last;
    }
    return body;
}

std::optional<model::Answer> serve_api_services(const Asked& asked) {
    if (asked.what.version == "v1" && !asked.server.generation.has_apiregistration_v1()) return std::nullopt;
    if (asked.request.method != "GET")
        return asked.failure(405, "MethodNotAllowed",
                             "the server does not allow this method on the requested resource");
    if (asked.what.name.empty()) return asked.ok(api_service_list(asked));
    const auto entry = asked.server.store.get("apiservice/" + asked.what.name);
    return entry ? asked.ok(api_service_object(asked.what.name, *entry, asked.what.version, true)) : asked.not_found();
}

// --- ConfigMaps ---

Ordered config_map_object(const Asked& asked, const std::string& key, const StoredValue& entry) {
    Ordered object = {{"kind", "ConfigMap"}, {"apiVersion", "v1"}};
    object["metadata"] = {{"name", key.substr(key.rfind('/') + 1)},
                          {"namespace", asked.what.name_space},
                          {"uid", entry.value.value("uid", "")},
                          {"resourceVersion", std::to_string(entry.revision)},
                          {"creationTimestamp", "2026-11-23T00:16:54Z"}};
    object["data"] = entry.value["data"];
    return object;
}

// A merge PATCH or a PUT. With a resourceVersion in it, it is refused when the object has moved; without one the last
// writer wins.
model::Answer change_config_map(const Asked& asked, const std::string& key, const StoredValue& entry) {
    const Json change = Json::parse(asked.request.body, nullptr, false);
    if (!change.is_object())
        return asked.failure(400, "BadRequest", "the object provided is unrecognized (must be of type ConfigMap)");
    const std::string wanted = change.value("metadata", Json::object()).value("resourceVersion", "");
    if (!wanted.empty() && wanted != std::to_string(entry.revision)) return asked.conflict();
    Json object = entry.value;
    if (asked.request.method == "PUT") object["data"] = Json::object();
    object["data"].merge_patch(change.value("data", Json::object()));
    std::optional<std::int64_t> expect;
    if (!wanted.empty()) expect = entry.revision;
    const auto written = asked.server.store.write(key, object, expect);
    return written ? asked.ok(config_map_object(asked, key, {object, *written})) : asked.conflict();
}

model::Answer serve_config_maps(const Asked& asked) {
    if (asked.what.name.empty()) {
        Ordered items = Ordered::array();
        const std::string prefix =
            asked.what.name_space.empty() ? "configmap/" : "configmap/" + asked.what.name_space + "/";
        for (const auto& [key, entry] : asked.server.store.list(prefix))
            items.push_back(config_map_object(asked, key, entry));
        return asked.ok(list_of(asked, "ConfigMapList", "v1", items));
    }
    const std::string key = "configmap/" + asked.what.name_space + "/" + asked.what.name;
    const auto entry = asked.server.store.get(key);
    if (!entry) return asked.not_found();
    if (asked.request.method == "PATCH" || asked.request.method == "PUT") return change_config_map(asked, key, *entry);
    if (asked.request.method == "DELETE") {
        asked.server.store.remove(key);
        return asked.ok(
            {{"kind", "Status"},
             {"apiVersion", "v1"},
             {"metadata", Ordered::object()},
             {"status", "Success"},
             {"details", {{"name", asked.what.name}, {"kind", "configmaps"}, {"uid", entry->value.value("uid", "")}}}});
    }
    return asked.ok(config_map_object(asked, key, *entry));
}

// --- pods ---

Ordered pod_object(const std::string& key, const StoredValue& entry, bool with_kind) {
    const auto& pod = entry.value;
    Ordered object = Ordered::object();
    if (with_kind) object = {{"kind", "Pod"}, {"apiVersion", "v1"}};
    const auto slash = key.rfind('/');
    object["metadata"] = {{"name", key.substr(slash + 1)},
                          {"namespace", key.substr(4, slash - 4)},
                          {"uid", pod["uid"]},
                          {"resourceVersion", std::to_string(entry.revision)},
                          {"creationTimestamp", timestamp(pod["created"])},
                          {"labels", pod["labels"]}};
    if (pod.value("deleting", false)) object["metadata"]["deletionTimestamp"] = timestamp(std::time(nullptr));
    object["metadata"]["ownerReferences"] = Ordered::array({{{"apiVersion", "apps/v1"},
                                                             {"kind", "ReplicaSet"},
                                                             {"name", pod["owner"]},
                                                             {"uid", pod["owner_uid"]},
                                                             {"controller", true}}});
    object["spec"] = {{"containers", Ordered::array({{{"name", "apiserver"}}})}};
    const bool ready = pod["ready"].get<bool>();
    const Ordered condition = {{"type", "Ready"}, {"status", ready ? "True" : "False"}};
    const Ordered container = {{"name", "apiserver"}, {"ready", ready}, {"restartCount", 0}};
    object["status"] = {{"phase", "Running"},
                        {"podIP", pod["address"]},
                        {"conditions", Ordered::array({condition})},
                        {"containerStatuses", Ordered::array({container})}};
    return object;
}

bool selected(const Json& labels, std::string selector) {
    while (!selector.empty()) {
        const std::string part = selector.substr(0, selector.find(','));
        selector.erase(0, part.size() + 1);
        const auto equals = part.find('=');
        if (equals == std::string::npos) {
            if (!labels.contains(part)) return false;
            continue;
        }
        const auto value_at = part.find_first_not_of('=', equals);
        const std::string value = value_at == std::string::npos ? "" : part.substr(value_at);
        if (labels.value(part.substr(0, equals), "") != value) return false;
    }
    return true;
}

model::Answer serve_pods(const Asked& asked) {
    const std::string prefix = asked.what.name_space.empty() ? "pod/" : "pod/" + asked.what.name_space + "/";
    if (asked.what.name.empty()) {
        Ordered items = Ordered::array();
        for (const auto& [key, entry] : asked.server.store.list(prefix)) {
            if (!selected(entry.value["labels"], asked.request.query("labelSelector"))) continue;
            items.push_back(pod_object(key, entry, false));
            if (asked.request.method == "DELETE") asked.server.store.remove(key);
        }
        return asked.ok(list_of(asked, "PodList", "v1", items));
    }
    const std::string key = prefix + asked.what.name;
    const auto entry = asked.server.store.get(key);
    if (!entry) return asked.not_found();
    if (asked.request.method == "DELETE") {
        const Json options = Json::parse(asked.request.body, nullptr, false);
        const std::string uid =
            options.is_object() ? options.value("preconditions", Json::object()).value("uid", "") : "";
        if (!uid.empty() && uid != entry->value["uid"].get<std::string>()) return asked.conflict();
        asked.server.store.remove(key);  // the lab's kubelet sees it go and starts another
        StoredValue going = *entry;
        going.value["deleting"] = true;
        return asked.ok(pod_object(key, going, true));
    }
    return asked.ok(pod_object(key, *entry, true));
}

// --- endpoints and leases ---

Ordered endpoints_object(const std::string& name_space, const std::string& name, const std::vector<Endpoint>& addresses,
                         const std::string& port_name) {
    Ordered object = {
        {"kind", "Endpoints"}, {"apiVersion", "v1"}, {"metadata", {{"name", name}, {"namespace", name_space}}}};
    Ordered listed = Ordered::array();
    for (const auto& endpoint : addresses) listed.push_back({{"ip", endpoint.address}});
    object["subsets"] = Ordered::array();
    if (!addresses.empty())
        object["subsets"].push_back(
            {{"addresses", listed},
             {"ports", Ordered::array({{{"name", port_name}, {"port", addresses[0].port}, {"protocol", "TCP"}}})}});
    return object;
}

std::vector<Endpoint> live_masters(const Apiserver& server) {
    std::vector<Endpoint> live;
    for (const auto& [key, entry] : server.store.list("endpoint/")) {
        constexpr std::time_t lease_seconds = 7;
        if (std::time(nullptr) - entry.value["renewed"].get<std::time_t>() <= lease_seconds)
            live.push_back({key.substr(9), 8443});
    }
    return live;
}

model::Answer serve_endpoints(const Asked& asked) {
    if (asked.what.name_space == "default" && asked.what.name == "kubernetes")
        return asked.ok(endpoints_object("default", "kubernetes", live_masters(asked.server), "https"));
    const auto leader = asked.server.store.get("leader/" + asked.what.name);
    if (asked.what.name_space == "kube-system" && leader) {
        Ordered object = endpoints_object("kube-system", asked.what.name, {}, "");
        object["metadata"]["annotations"] = {
            {"control-plane.alpha.kubernetes.io/leader",
             Ordered{{"holderIdentity", leader->value["holder"]}, {"leaseDurationSeconds", 15}}.dump()}};
        return asked.ok(object);
    }
    const auto endpoint = endpoint_of_service(asked.server.store, asked.what.name_space, asked.what.name);
    for (const auto& extension : asked.server.world.extensions) {
        if (extension.name_space != asked.what.name_space || extension.service != asked.what.name) continue;
        return asked.ok(endpoints_object(asked.what.name_space, asked.what.name,
                                         endpoint ? std::vector{*endpoint} : std::vector<Endpoint>(), "secure"));
    }
    return asked.not_found();
}

std::optional<model::Answer> serve_leases(const Asked& asked) {
    if (asked.server.generation.minor < 14) return std::nullopt;
    const auto lease = [&](const std::string& name, const StoredValue& entry, bool with_kind) {
        Ordered object = Ordered::object();
        if (with_kind) object = {{"kind", "Lease"}, {"apiVersion", "coordination.k8s.io/v1"}};
        object["metadata"] = {
            {"name", name}, {"namespace", "kube-system"}, {"resourceVersion", std::to_string(entry.revision)}};
        object["spec"] = {{"holderIdentity", entry.value["holder"]},
                          {"leaseDurationSeconds", 15},
                          {"renewTime", timestamp(std::time(nullptr)).substr(0, 19) + ".000000Z"}};
        return object;
    };
    if (asked.what.name.empty()) {
        Ordered items = Ordered::array();
        for (const auto& [key, entry] : asked.server.store.list("leader/"))
            items.push_back(lease(key.substr(7), entry, false));
        return asked.ok(list_of(asked, "LeaseList", "coordination.k8s.io/v1", items));
    }
    const auto entry = asked.server.store.get("leader/" + asked.what.name);
    return entry ? asked.ok(lease(asked.what.name, *entry, true)) : asked.not_found();
}

// --- the rest: kinds that exist and are empty here ---

std::optional<model::Answer> serve_empty_kinds(const Asked& asked) {
    static const std::map<std::string, std::string> kinds = {
        {"secrets", "Secret"},
        {"nodes", "Node"},
        {"events", "Event"},
        {"services", "Service"},
        {"validatingwebhookconfigurations", "ValidatingWebhookConfiguration"},
        {"mutatingwebhookconfigurations", "MutatingWebhookConfiguration"}};
    const auto kind = kinds.find(asked.what.resource);
    if (kind == kinds.end()) return std::nullopt;
    if (!asked.what.name.empty()) return asked.not_found();
    const std::string api_version =
        asked.what.group.empty() ? asked.what.version : asked.what.group + "/" + asked.what.version;
    return asked.ok(list_of(asked, kind->second + "List", api_version, Ordered::array()));
}

model::Answer serve_namespaces(const Asked& asked) {
    std::map<std::string, bool> names = {{"default", true}, {"kube-system", true}};
    for (const auto& extension : asked.server.world.extensions) names[extension.name_space] = true;
    Ordered items = Ordered::array();
    for (const auto& [name, unused] : names)
        items.push_back({{"metadata", {{"name", name}}}, {"status", {{"phase", "Active"}}}});
    if (asked.what.name.empty()) return asked.ok(list_of(asked, "NamespaceList", "v1", items));
    if (!names.contains(asked.what.name)) return asked.not_found();
    return asked.ok({{"kind", "Namespace"},
                     {"apiVersion", "v1"},
                     {"metadata", {{"name", asked.what.name}}},
                     {"status", {{"phase", "Active"}}}});
}

model::Answer review_own_access(const Asked& asked) {
    const Json review = Json::parse(asked.request.body, nullptr, false);
    const Json wanted = review.is_object()
                            ? review.value("spec", Json::object()).value("resourceAttributes", Json::object())
                            : Json::object();
    model::Attributes what{.verb = wanted.value("verb", ""),
                           .path = {},
                           .is_resource = true,
                           .group = wanted.value("group", ""),
                           .version = {},
                           .resource = wanted.value("resource", ""),
                           .name_space = wanted.value("namespace", ""),
                           .name = wanted.value("name", "")};
    const bool allowed =
        model::allowed(asked.server.generation, *asked.trace.identity, what, asked.server.world.bindings);
    Ordered body = {{"kind", "SelfSubjectAccessReview"},
                    {"apiVersion", "authorization.k8s.io/v1"},
                    {"metadata", Ordered::object()},
                    {"spec", review.value("spec", Json::object())},
                    {"status", {{"allowed", allowed}}}};
    return model::own_answer(asked.server.generation, asked.trace, 201, model::Content::json, body.dump() + "\n");
}

}  // namespace

std::optional<model::Answer> serve_objects(Apiserver& server, const model::RequestTrace& trace,
                                           const model::Attributes& what, const HttpRequest& request) {
    const Asked asked{server, trace, what, request};
    if (what.group == "apiregistration.k8s.io" && what.resource == "apiservices") return serve_api_services(asked);
    if (what.group == "coordination.k8s.io" && what.resource == "leases") return serve_leases(asked);
    if (what.group == "authorization.k8s.io" && what.resource == "selfsubjectaccessreviews")
        return review_own_access(asked);
    if (what.group.empty() && what.resource == "configmaps") return serve_config_maps(asked);
    if (what.group.empty() && what.resource == "pods") return serve_pods(asked);
    if (what.group.empty() && what.resource == "endpoints") return serve_endpoints(asked);
    if (what.group.empty() && what.resource == "namespaces") return serve_namespaces(asked);
    return serve_empty_kinds(asked);
}

}  // namespace aggmedic::lab
