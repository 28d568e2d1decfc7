#include "tests/lab/apiserver/apiserver_objects.hpp"

namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;

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

}  // namespace

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

}  // namespace aggmedic::lab
