#include "tests/lab/apiserver/apiserver_objects.hpp"

// What a restart depends on beside the masters: etcd, webhooks that fail closed, the leaders of the control plane.
namespace aggmedic::lab {
namespace {

// The rules and the namespaces of one webhook that refuses when nobody answers; the lab's switch names its service.
Ordered closed_webhook(const std::string& backend) {
    const auto slash = backend.find('/');
    const Ordered rule = {{"apiGroups", {""}},
                          {"apiVersions", {"v1"}},
                          {"operations", {"CREATE", "UPDATE"}},
                          {"resources", {"configmaps"}},
                          {"scope", "*"}};
    const Ordered service = {
        {"namespace", backend.substr(0, slash)}, {"name", backend.substr(slash + 1)}, {"path", "/"}, {"port", 443}};
    return {{"name", "policy.lab.example"},        {"clientConfig", {{"service", service}}},
            {"rules", Ordered::array({rule})},     {"failurePolicy", "Fail"},
            {"matchPolicy", "Equivalent"},         {"namespaceSelector", Ordered::object()},
            {"objectSelector", Ordered::object()}, {"sideEffects", "None"}};
}

}  // namespace

// Every apiserver asks each of its --etcd-servers; here there are three of them. Switch etcd-lost=N: that one is gone,
// and /readyz knows nothing of it.
model::Answer serve_component_statuses(const Asked& asked) {
    const auto lost = fault(asked.server.world.faults(), "etcd-lost");
    Ordered items = Ordered::array();
    const auto add = [&](const std::string& name, bool healthy, const std::string& says) {
        const Ordered condition = {{"type", "Healthy"}, {"status", healthy ? "True" : "False"}, {"message", says}};
        items.push_back({{"metadata", {{"name", name}, {"creationTimestamp", nullptr}}},
                         {"conditions", Ordered::array({condition})}});
    };
    add("scheduler", true, "ok");
    add("controller-manager", true, "ok");
    for (const std::string member : {"0", "1", "2"}) {
        if (lost == member) {
            add("etcd-" + member, false,
                "Get \"https://10.77.0.1" + member + ":2379/health\": dial tcp 10.77.0.1" + member +
                    ":2379: connect: connection refused");
        } else {
            add("etcd-" + member, true, "{\"health\":\"true\"}");
        }
    }
    return asked.ok(list_of(asked, "ComponentStatusList", "v1", items));
}

bool webhook_blocks_config_maps(const Apiserver& server) {
    const auto backend = fault(server.world.faults(), "closed-webhook");
    if (!backend) return false;
    const auto slash = backend->find('/');
    for (const auto& [key, entry] : server.store.list("pod/" + backend->substr(0, slash) + "/")) {
        if (entry.value["service"] == backend->substr(slash + 1) && entry.value["ready"].get<bool>()) return false;
    }
    return true;
}

// Switch closed-webhook=NAMESPACE/SERVICE: one that covers ConfigMaps of every namespace.
std::optional<model::Answer> serve_webhook_configurations(const Asked& asked) {
    const bool is_v1 = asked.what.version == "v1";
    if (!is_v1 && asked.what.version != "v1beta1") return std::nullopt;
    if (is_v1 && asked.server.generation.minor < 16) return std::nullopt;
    const bool validates = asked.what.resource == "validatingwebhookconfigurations";
    if (!validates && asked.what.resource != "mutatingwebhookconfigurations") return std::nullopt;
    if (!asked.what.name.empty()) return asked.not_found();
    Ordered items = Ordered::array();
    const auto backend = fault(asked.server.world.faults(), "closed-webhook");
    if (validates && backend)
        items.push_back(
            {{"metadata", {{"name", "lab-policy"}}}, {"webhooks", Ordered::array({closed_webhook(*backend)})}});
    const std::string kind = validates ? "ValidatingWebhookConfigurationList" : "MutatingWebhookConfigurationList";
    return asked.ok(list_of(asked, kind, "admissionregistration.k8s.io/" + asked.what.version, items));
}

// Switch leader=N: both leases are held on that master.
std::string lease_holder(const Asked& asked, const StoredValue& stored) {
    const auto moved = fault(asked.server.world.faults(), "leader");
    if (!moved) return stored.value["holder"];
    const auto& masters = asked.server.world.masters;
    const auto index = static_cast<std::size_t>(std::stoul(*moved));
    return masters.at(std::min(index, masters.size() - 1)).hostname + "_7d1c0f6e-lab";
}

}  // namespace aggmedic::lab
