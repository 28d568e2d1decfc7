#include "tests/lab/apiserver/apiserver_objects.hpp"

namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;

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

}  // namespace

std::optional<model::Answer> serve_api_services(const Asked& asked) {
    if (asked.what.version == "v1" && !asked.server.generation.has_apiregistration_v1()) return std::nullopt;
    if (asked.request.method != "GET")
        return asked.failure(405, "MethodNotAllowed",
                             "the server does not allow this method on the requested resource");
    if (asked.what.name.empty()) return asked.ok(api_service_list(asked));
    const auto entry = asked.server.store.get("apiservice/" + asked.what.name);
    return entry ? asked.ok(api_service_object(asked.what.name, *entry, asked.what.version, true)) : asked.not_found();
}

}  // namespace aggmedic::lab
