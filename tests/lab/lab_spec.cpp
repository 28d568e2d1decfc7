#include "tests/lab/lab_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;

Extension service_catalog() {
    Extension extension{.group = "servicecatalog.k8s.io",
                        .version = "v1beta1",
                        .name_space = "catalog",
                        .service = "catalog-catalog-apiserver",
                        .pod_prefix = "catalog-catalog-apiserver",
                        .label_key = "release",
                        .label_value = "catalog",
                        .endpoint = {"10.77.1.20", 8443},
                        .cluster_ip = {"10.77.2.20", 443},
                        .node = "node-0",
                        .kind = model::ExtensionKind::reads_once,
                        .resources = {}};
    const auto add = [&](const std::string& name, const std::string& kind, bool namespaced) {
        extension.resources.push_back({name, kind, namespaced, ""});
        if (name == "serviceinstances") extension.resources.push_back({name + "/reference", kind, namespaced, ""});
        extension.resources.push_back({name + "/status", kind, namespaced, ""});
    };
    add("clusterservicebrokers", "ClusterServiceBroker", false);
    add("clusterserviceclasses", "ClusterServiceClass", false);
    add("clusterserviceplans", "ClusterServicePlan", false);
    add("servicebindings", "ServiceBinding", true);
    add("servicebrokers", "ServiceBroker", true);
    add("serviceclasses", "ServiceClass", true);
    add("serviceinstances", "ServiceInstance", true);
    add("serviceplans", "ServicePlan", true);
    return extension;
}

Extension wardle() {
    return {
        .group = "wardle.example.com",
        .version = "v1alpha1",
        .name_space = "wardle",
        .service = "api",
        .pod_prefix = "wardle-server",
        .label_key = "app",
        .label_value = "wardle",
        .endpoint = {"10.77.1.20", 9443},
        .cluster_ip = {"10.77.2.21", 443},
        .node = "node-1",
        .kind = model::ExtensionKind::reloads,
        .resources = {{"fischers", "Fischer", false, "YS5qRiSxzNM="}, {"flunders", "Flunder", true, "UHqNx5H3K7A="}}};
}

// The first of the others stands for metrics-server, which autoscalers need.
Extension metrics(Extension extension) {
    extension.group = "metrics.k8s.io";
    extension.version = "v1beta1";
    extension.resources = {{"nodes", "NodeMetrics", false, ""}};
    return extension;
}

Extension generic(std::size_t index) {
    // A listener for each costs a thread: a lab of thousands does without.
    const std::uint16_t cluster_port = index < 40 ? 443 : 0;
    const std::string name = fmt::format("ext-{:03}", index);
    return {.group = name + ".lab.example.com",
            .version = "v1",
            .name_space = "extensions",
            .service = name,
            .pod_prefix = name,
            .label_key = "app",
            .label_value = name,
            .endpoint = {"10.77.1.21", static_cast<std::uint16_t>(9500 + index)},
            .cluster_ip = {fmt::format("10.77.{}.{}", 2 + index / 200, 30 + index % 200), cluster_port},
            .node = fmt::format("node-{}", index % 2),
            .kind = model::ExtensionKind::reloads,
            .resources = {{"things", "Thing", false, ""}}};
}

model::Rule resource_rule(std::vector<std::string> verbs, std::vector<std::string> groups,
                          std::vector<std::string> resources) {
    return {.verbs = std::move(verbs),
            .groups = std::move(groups),
            .resources = std::move(resources),
            .names = {},
            .namespaces = {},
            .paths = {}};
}

// The permissions of the people and credentials in a lab. The probe may read what it has to observe, and is not
// system:masters.
std::vector<model::Binding> bindings_for(const std::vector<Extension>& extensions) {
    std::vector<std::string> groups;
    for (const auto& extension : extensions) groups.push_back(extension.group);
    const auto look = std::vector<std::string>{"get", "list", "watch"};
    model::Rule published = resource_rule({"get"}, {""}, {"configmaps"});
    published.names = {"extension-apiserver-authentication"};
    published.namespaces = {"kube-system"};
    model::Rule change_published = published;
    change_published.verbs = {"get", "patch", "update"};
    model::Rule paths{.verbs = {"get"},
                      .groups = {},
                      .resources = {},
                      .names = {},
                      .namespaces = {},
                      .paths = {"/readyz*", "/livez*", "/healthz*", "/version", "/metrics"}};
    model::Rule canary = resource_rule({"get"}, groups, {"*"});
    canary.names = {"aggmedic-canary"};
    model::Rule pods = resource_rule({"get", "list", "delete"}, {""}, {"pods"});
    pods.namespaces = {"catalog", "wardle", "extensions"};
    model::Rule look_at_pods = resource_rule({"get", "list"}, {""}, {"pods", "pods/log"});
    look_at_pods.namespaces = pods.namespaces;
    return {
        {"system:authenticated", {resource_rule({"create"}, {"authorization.k8s.io"}, {"selfsubjectaccessreviews"})}},
        {"aggmedic-probe",
         {resource_rule(look, groups, {"*"}), resource_rule(look, {"apiregistration.k8s.io"}, {"apiservices"}),
          published, paths,
          resource_rule(look, {""}, {"endpoints", "services", "namespaces", "nodes", "componentstatuses"}),
          resource_rule(look, {"discovery.k8s.io"}, {"endpointslices"}), look_at_pods,
          resource_rule(look, {"coordination.k8s.io"}, {"leases"}),
          resource_rule(look, {"autoscaling"}, {"horizontalpodautoscalers"}),
          resource_rule(look, {"admissionregistration.k8s.io"}, {"*"}),
          resource_rule({"create"}, {"authorization.k8s.io"}, {"subjectaccessreviews"})}},
        {"system:serviceaccount:aggmedic:canary", {canary}},
        {"aggmedic-repair", {pods, change_published, resource_rule(look, {"apiregistration.k8s.io"}, {"apiservices"})}},
        {"developers", {resource_rule({"get", "list", "create"}, groups, {"*"})}}};
}

std::string uuid_for(std::size_t index) {
    return fmt::format("8c2f5e1a-6d0b-4f3c-9a{:02x}-d1e7b0c4a5{:02x}", 16 + index, index);
}

}  // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Break, cause, master)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Running, supervisor, masters, others)

bool LabSpec::has(std::string_view cause, std::size_t master) const {
    return std::ranges::any_of(breaks, [&](const Break& item) {
        return item.cause == cause && (item.master < 0 || static_cast<std::size_t>(item.master) == master);
    });
}

bool LabSpec::has(std::string_view cause) const {
    return std::ranges::any_of(breaks, [&](const Break& item) { return item.cause == cause; });
}

void save(const LabSpec& spec) {
    const Json text = {{"programs", spec.programs.string()},
                       {"masters", spec.masters},
                       {"generation", spec.generation},
                       {"monit", spec.monit},
                       {"platform", spec.platform},
                       {"time_scale", spec.time_scale},
                       {"bpm", spec.bpm.string()},
                       {"extensions", spec.extensions},
                       {"accept_shared_ca", spec.accept_shared_ca},
                       {"breaks", spec.breaks}};
    write_file(spec.directory / "lab.json", text.dump(1) + "\n");
}

LabSpec load_spec(const std::filesystem::path& directory) {
    if (!std::filesystem::exists(directory / "lab.json"))
        throw std::runtime_error("there is no lab in " + directory.string() + "; `lab up --dir DIR` makes one");
    const Json text = Json::parse(read_file(directory / "lab.json"));
    return {.directory = directory,
            .programs = text["programs"].get<std::string>(),
            .masters = text["masters"],
            .generation = text["generation"],
            .monit = text["monit"],
            .platform = text["platform"],
            .time_scale = text["time_scale"],
            .bpm = text["bpm"].get<std::string>(),
            .extensions = text["extensions"],
            .accept_shared_ca = text["accept_shared_ca"],
            .breaks = text["breaks"]};
}

// By rename: other commands read it while the supervisor revives a master.
void save(const Running& running, const std::filesystem::path& directory) {
    const auto draft = directory / ".running.json";
    write_file(draft, Json(running).dump() + "\n");
    std::filesystem::rename(draft, directory / "running.json");
}

Running load_running(const std::filesystem::path& directory) {
    const auto file = directory / "running.json";
    return std::filesystem::exists(file) ? Json::parse(read_file(file)).get<Running>() : Running{};
}

World world_of(const LabSpec& spec) {
    World world;
    world.directory = spec.directory;
    world.generation = spec.generation;
    world.time_scale = spec.time_scale;
    world.store = {"10.77.1.2", 2379};
    world.balancer = {"10.77.0.10", 8443};
    for (std::size_t i = 0; i < spec.masters; ++i)
        world.masters.push_back({fmt::format("master/{}", i), fmt::format("10.77.0.{}", 11 + i), uuid_for(i)});
    world.nodes = {{"node-0", "10.77.3.10", "node-0"}, {"node-1", "10.77.3.11", "node-1"}};
    world.extensions = {service_catalog(), wardle()};
    for (std::size_t i = 0; i < spec.extensions; ++i)
        world.extensions.push_back(i == 0 ? metrics(generic(i)) : generic(i));
    world.bindings = bindings_for(world.extensions);
    return world;
}

}  // namespace aggmedic::lab
