#include "tests/lab/apiserver/apiserver_objects.hpp"

namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;

struct Listed {
    Endpoint at;
    std::string pod;  // empty: it is none
};

Ordered addresses_of(const std::vector<Listed>& endpoints) {
    Ordered listed = Ordered::array();
    for (const auto& endpoint : endpoints) {
        Ordered one = {{"ip", endpoint.at.address}};
        if (!endpoint.pod.empty()) one["targetRef"] = {{"kind", "Pod"}, {"name", endpoint.pod}};
        listed.push_back(std::move(one));
    }
    return listed;
}

Ordered endpoints_object(const std::string& name_space, const std::string& name, const std::vector<Listed>& ready,
                         const std::vector<Listed>& not_ready, const std::string& port_name) {
    Ordered object = {
        {"kind", "Endpoints"}, {"apiVersion", "v1"}, {"metadata", {{"name", name}, {"namespace", name_space}}}};
    object["subsets"] = Ordered::array();
    if (ready.empty() && not_ready.empty()) return object;
    const std::uint16_t port = ready.empty() ? not_ready[0].at.port : ready[0].at.port;
    Ordered subset = Ordered::object();
    if (!ready.empty()) subset["addresses"] = addresses_of(ready);
    if (!not_ready.empty()) subset["notReadyAddresses"] = addresses_of(not_ready);
    subset["ports"] = Ordered::array({Ordered{{"name", port_name}, {"port", port}, {"protocol", "TCP"}}});
    object["subsets"].push_back(subset);
    return object;
}

std::vector<Listed> pods_of(const Asked& asked, const Extension& extension, bool ready) {
    std::vector<Listed> found;
    for (const auto& [key, entry] : asked.server.store.list("pod/" + extension.name_space + "/")) {
        if (entry.value["service"] == extension.service && entry.value["ready"].get<bool>() == ready)
            found.push_back({.at = {entry.value["address"], entry.value["port"].get<std::uint16_t>()},
                             .pod = key.substr(key.rfind('/') + 1)});
    }
    return found;
}

Ordered slice_object(const Asked& asked, const Extension& extension) {
    Ordered endpoints = Ordered::array();
    for (const auto& [key, entry] : asked.server.store.list("pod/" + extension.name_space + "/")) {
        if (entry.value["service"] != extension.service) continue;
        Ordered one = {{"addresses", {entry.value["address"]}}, {"conditions", {{"ready", entry.value["ready"]}}}};
        if (asked.what.version == "v1")
            one["nodeName"] = entry.value.value("node", "");
        else
            one["topology"] = {{"kubernetes.io/hostname", entry.value.value("node", "")}};
        one["targetRef"] = {{"kind", "Pod"},
                            {"namespace", extension.name_space},
                            {"name", key.substr(key.rfind('/') + 1)},
                            {"uid", entry.value["uid"]}};
        endpoints.push_back(one);
    }
    const Ordered port = {{"name", "secure"}, {"protocol", "TCP"}, {"port", extension.endpoint.port}};
    return {{"metadata",
             {{"name", extension.service + "-x7k2p"},
              {"namespace", extension.name_space},
              {"labels", {{"kubernetes.io/service-name", extension.service}}}}},
            {"addressType", "IPv4"},
            {"endpoints", endpoints},
            {"ports", Ordered::array({port})}};
}

std::vector<Listed> live_masters(const Apiserver& server) {
    std::vector<Listed> live;
    for (const auto& [key, entry] : server.store.list("endpoint/")) {
        constexpr std::time_t lease_seconds = 7;
        if (std::time(nullptr) - entry.value["renewed"].get<std::time_t>() <= lease_seconds)
            live.push_back({.at = {key.substr(9), 8443}, .pod = {}});
    }
    return live;
}

}  // namespace

model::Answer serve_endpoints(const Asked& asked) {
    if (asked.what.name_space == "default" && asked.what.name == "kubernetes")
        return asked.ok(endpoints_object("default", "kubernetes", live_masters(asked.server), {}, "https"));
    const auto leader = asked.server.store.get("leader/" + asked.what.name);
    if (asked.what.name_space == "kube-system" && leader) {
        Ordered object = endpoints_object("kube-system", asked.what.name, {}, {}, "");
        object["metadata"]["annotations"] = {
            {"control-plane.alpha.kubernetes.io/leader",
             Ordered{{"holderIdentity", lease_holder(asked, *leader)}, {"leaseDurationSeconds", 15}}.dump()}};
        return asked.ok(object);
    }
    for (const auto& extension : asked.server.world.extensions) {
        if (extension.name_space != asked.what.name_space || extension.service != asked.what.name) continue;
        if (!service_exists(asked.server, extension.name_space, extension.service)) break;
        return asked.ok(endpoints_object(asked.what.name_space, asked.what.name, pods_of(asked, extension, true),
                                         pods_of(asked, extension, false), "secure"));
    }
    return asked.not_found();
}

std::optional<model::Answer> serve_endpoint_slices(const Asked& asked) {
    if (!asked.server.generation.has_endpoint_slices(asked.what.version)) return std::nullopt;
    Ordered items = Ordered::array();
    for (const auto& extension : asked.server.world.extensions) {
        if (!asked.what.name_space.empty() && extension.name_space != asked.what.name_space) continue;
        if (!service_exists(asked.server, extension.name_space, extension.service)) continue;
        const Ordered slice = slice_object(asked, extension);
        if (selected(slice["metadata"]["labels"], asked.request.query("labelSelector"))) items.push_back(slice);
    }
    return asked.ok(list_of(asked, "EndpointSliceList", "discovery.k8s.io/" + asked.what.version, items));
}

std::optional<model::Answer> serve_leases(const Asked& asked) {
    if (asked.server.generation.minor < 14) return std::nullopt;
    const auto lease = [&](const std::string& name, const StoredValue& entry, bool with_kind) {
        Ordered object = Ordered::object();
        if (with_kind) object = {{"kind", "Lease"}, {"apiVersion", "coordination.k8s.io/v1"}};
        object["metadata"] = {
            {"name", name}, {"namespace", "kube-system"}, {"resourceVersion", std::to_string(entry.revision)}};
        object["spec"] = {{"holderIdentity", lease_holder(asked, entry)},
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
