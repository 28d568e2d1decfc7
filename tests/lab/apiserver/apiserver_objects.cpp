#include "tests/lab/apiserver/apiserver_objects.hpp"

namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;

// Kinds that exist and are empty here.
std::optional<model::Answer> serve_empty_kinds(const Asked& asked) {
    static const std::map<std::string, std::string> kinds = {{"secrets", "Secret"}, {"events", "Event"}};
    const auto kind = kinds.find(asked.what.resource);
    if (kind == kinds.end()) return std::nullopt;
    if (!asked.what.name.empty()) return asked.not_found();
    const std::string api_version =
        asked.what.group.empty() ? asked.what.version : asked.what.group + "/" + asked.what.version;
    return asked.ok(list_of(asked, kind->second + "List", api_version, Ordered::array()));
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

// Of the extension servers' service accounts: they are bound to system:auth-delegator unless the lab's switch says
// otherwise, and to nothing else.
model::Answer review_access(const Asked& asked) {
    const Json review = Json::parse(asked.request.body, nullptr, false);
    const Json spec = review.is_object() ? review.value("spec", Json::object()) : Json::object();
    const Json wanted = spec.value("resourceAttributes", Json::object());
    const bool is_review =
        wanted.value("resource", "") == "subjectaccessreviews" && wanted.value("verb", "") == "create";
    const bool allowed =
        is_review && std::ranges::any_of(asked.server.world.extensions, [&](const Extension& extension) {
            const auto user = "system:serviceaccount:" + extension.name_space + ":" + extension.service;
            const auto struck = fault(asked.server.world.faults(), "no-delegator");
            const bool is_unbound = struck && (struck->empty() || *struck == extension.service);
            return spec.value("user", "") == user && !is_unbound;
        });
    const Ordered body = {{"kind", "SubjectAccessReview"},
                          {"apiVersion", "authorization.k8s.io/v1"},
                          {"metadata", Ordered::object()},
                          {"spec", spec},
                          {"status", {{"allowed", allowed}}}};
    return model::own_answer(asked.server.generation, asked.trace, 201, model::Content::json, body.dump() + "\n");
}

}  // namespace

std::string timestamp(std::time_t when) {
    std::tm parts{};
    gmtime_r(&when, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

Ordered list_of(const Asked& asked, const std::string& kind, const std::string& api_version, Ordered items) {
    return {{"kind", kind},
            {"apiVersion", api_version},
            {"metadata", {{"resourceVersion", std::to_string(asked.server.store.revision())}}},
            {"items", std::move(items)}};
}

std::optional<model::Answer> serve_objects(Apiserver& server, const model::RequestTrace& trace,
                                           const model::Attributes& what, const HttpRequest& request) {
    const Asked asked{server, trace, what, request};
    if (what.group == "apiregistration.k8s.io" && what.resource == "apiservices") return serve_api_services(asked);
    if (what.group == "coordination.k8s.io" && what.resource == "leases") return serve_leases(asked);
    if (what.group == "authorization.k8s.io" && what.resource == "selfsubjectaccessreviews")
        return review_own_access(asked);
    if (what.group == "authorization.k8s.io" && what.resource == "subjectaccessreviews") return review_access(asked);
    if (what.group.empty() && what.resource == "configmaps") return serve_config_maps(asked);
    if (what.group.empty() && what.resource == "pods") return serve_pods(asked);
    if (what.group.empty() && what.resource == "pods/log") return serve_pod_log(asked);
    if (what.group.empty() && what.resource == "services") return serve_services(asked);
    if (what.group.empty() && what.resource == "nodes") return serve_nodes(asked);
    if (what.group == "discovery.k8s.io" && what.resource == "endpointslices") return serve_endpoint_slices(asked);
    if (what.group.empty() && what.resource == "endpoints") return serve_endpoints(asked);
    if (what.group.empty() && what.resource == "componentstatuses") return serve_component_statuses(asked);
    if (what.group == "admissionregistration.k8s.io") return serve_webhook_configurations(asked);
    if (what.group.empty() && what.resource == "namespaces") return serve_namespaces(asked);
    if (what.group == "autoscaling" && what.resource == "horizontalpodautoscalers") return serve_autoscalers(asked);
    return serve_empty_kinds(asked);
}

}  // namespace aggmedic::lab
