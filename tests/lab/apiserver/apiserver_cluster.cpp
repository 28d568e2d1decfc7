#include "tests/lab/apiserver/apiserver_objects.hpp"

// Namespaces, services and nodes.
namespace aggmedic::lab {
namespace {

bool is_gone(const Asked& asked, const Extension& extension) {
    const auto value = fault(asked.server.world.faults(), "namespace-gone");
    return value && (value->empty() || *value == extension.service);
}

// Metadata of a list's items, and of an object of its own, which also says what it is.
Ordered object_named(const char* kind, bool with_kind, const std::string& name, const std::string& name_space) {
    Ordered object = Ordered::object();
    if (with_kind) object = {{"kind", kind}, {"apiVersion", "v1"}};
    object["metadata"] = {{"name", name}};
    if (!name_space.empty()) object["metadata"]["namespace"] = name_space;
    object["metadata"]["creationTimestamp"] = "2026-11-22T23:47:22Z";
    return object;
}

std::vector<std::string> live_namespaces(const Asked& asked) {
    std::vector<std::string> names = {"default", "kube-system"};
    for (const auto& extension : asked.server.world.extensions) {
        if (!is_gone(asked, extension) && std::ranges::find(names, extension.name_space) == names.end())
            names.push_back(extension.name_space);
    }
    return names;
}

Ordered namespace_object(const std::string& name, bool with_kind) {
    Ordered object = object_named("Namespace", with_kind, name, "");
    object["status"] = {{"phase", "Active"}};
    return object;
}

Ordered service_object(const Extension& extension, bool with_kind) {
    Ordered object = object_named("Service", with_kind, extension.service, extension.name_space);
    const Ordered port = {
        {"name", "secure"}, {"protocol", "TCP"}, {"port", 443}, {"targetPort", extension.endpoint.port}};
    object["spec"] = {{"clusterIP", extension.cluster_ip.address},
                      {"type", "ClusterIP"},
                      {"selector", {{extension.label_key, extension.label_value}}},
                      {"ports", Ordered::array({port})}};
    return object;
}

Ordered node_object(const Asked& asked, const MasterPlace& node, bool with_kind) {
    const auto dead = fault(asked.server.world.faults(), "node-dead");
    const bool is_dead = dead && (dead->empty() || *dead == node.name);
    Ordered object = object_named("Node", with_kind, node.name, "");
    const Ordered ready = {
        {"type", "Ready"},
        {"status", is_dead ? "Unknown" : "True"},
        {"reason", is_dead ? "NodeStatusUnknown" : "KubeletReady"},
        {"message", is_dead ? "Kubelet stopped posting node status." : "kubelet is posting ready status"}};
    const Ordered address = {{"type", "InternalIP"}, {"address", node.address}};
    object["status"] = {{"conditions", Ordered::array({ready})}, {"addresses", Ordered::array({address})}};
    return object;
}

}  // namespace

bool service_exists(const Apiserver& server, const std::string& name_space, const std::string& service) {
    const auto gone = fault(server.world.faults(), "namespace-gone");
    if (gone && (gone->empty() || *gone == service)) return false;
    return std::ranges::any_of(server.world.extensions, [&](const auto& extension) {
        return extension.name_space == name_space && extension.service == service;
    });
}

model::Answer serve_namespaces(const Asked& asked) {
    const auto names = live_namespaces(asked);
    if (asked.what.name.empty()) {
        Ordered items = namespaces_that_leave(asked);
        const bool only_leaving = asked.request.query("fieldSelector") == "status.phase=Terminating";
        for (const auto& name : names) {
            if (!only_leaving) items.push_back(namespace_object(name, false));
        }
        return asked.ok(list_of(asked, "NamespaceList", "v1", items));
    }
    if (std::ranges::find(names, asked.what.name) == names.end()) return asked.not_found();
    return asked.ok(namespace_object(asked.what.name, true));
}

model::Answer serve_services(const Asked& asked) {
    Ordered items = Ordered::array();
    for (const auto& extension : asked.server.world.extensions) {
        if (!asked.what.name_space.empty() && extension.name_space != asked.what.name_space) continue;
        if (is_gone(asked, extension)) continue;
        if (asked.what.name == extension.service) return asked.ok(service_object(extension, true));
        items.push_back(service_object(extension, false));
    }
    return asked.what.name.empty() ? asked.ok(list_of(asked, "ServiceList", "v1", items)) : asked.not_found();
}

model::Answer serve_nodes(const Asked& asked) {
    Ordered items = Ordered::array();
    for (const auto& node : asked.server.world.nodes) {
        if (asked.what.name == node.name) return asked.ok(node_object(asked, node, true));
        items.push_back(node_object(asked, node, false));
    }
    return asked.what.name.empty() ? asked.ok(list_of(asked, "NodeList", "v1", items)) : asked.not_found();
}

}  // namespace aggmedic::lab
