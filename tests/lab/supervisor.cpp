#include "tests/lab/supervisor.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>
#include <ranges>

#include "tests/lab/namespaces.hpp"
#include "tests/lab/store_client.hpp"

namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;

void write_local_api_services(const World& world, StoreClient& store) {
    const char* registration = world.kubernetes().has_apiregistration_v1() ? "v1" : "v1beta1";
    for (const auto& [group, version] : {std::pair{"", "v1"},
                                         {"apiregistration.k8s.io", registration},
                                         {"apps", "v1"},
                                         {"authentication.k8s.io", "v1"},
                                         {"authorization.k8s.io", "v1"},
                                         {"coordination.k8s.io", "v1"},
                                         {"rbac.authorization.k8s.io", "v1"},
                                         {"admissionregistration.k8s.io", "v1"}}) {
        const Json spec = {{"service", nullptr},
                           {"group", group},
                           {"version", version},
                           {"groupPriorityMinimum", 18000},
                           {"versionPriority", 1}};
        const Json condition = {{"status", "True"},
                                {"reason", "Local"},
                                {"message", "Local APIServices are always available"},
                                {"since", std::time(nullptr)}};
        store.write(fmt::format("apiservice/{}.{}", version, group),
                    {{"uid", "local"}, {"spec", spec}, {"condition", condition}});
    }
}

Json spec_of(const World& world, const Extension& extension, const char* ca_file) {
    return {{"service", {{"namespace", extension.name_space}, {"name", extension.service}, {"port", 443}}},
            {"group", extension.group},
            {"version", extension.version},
            {"caBundle", base64_of(read_file(world.pki(ca_file)))},
            {"groupPriorityMinimum", 1000},
            {"versionPriority", 15}};
}

void fill_store(const LabSpec& spec, const World& world, StoreClient& store) {
    write_local_api_services(world, store);
    for (const auto& extension : world.extensions) {
        const char* ca_file = spec.has("bad-ca-bundle") ? "wrong-ca.pem" : "extension-ca.pem";
        store.write("apiservice/" + extension.api_service(), {{"uid", "d35c4189-55c4-47a6-a7e7-" + extension.service},
                                                              {"spec", spec_of(world, extension, ca_file)}});
    }
    for (const char* component : {"kube-controller-manager", "kube-scheduler"})
        store.write(fmt::format("leader/{}", component), {{"holder", world.masters.back().hostname + "_7d1c0f6e-lab"}});
}

std::optional<model::Answer> ask(const World& world, const MasterPlace& master, const std::string& path) {
    HttpClient client({master.address, 8443}, TlsAsking{});
    HttpRequest request;
    request.target = path;
    request.headers = {{"Authorization", "Bearer " + read_file(world.pki("admin.token"))}};
    auto reply = client.exchange(request, std::chrono::seconds(2));
    return reply ? std::optional(*reply) : std::nullopt;
}

// monit itself is a cycle or two behind what it started; a lab is complete when every job of its VMs shows as running.
bool monit_is_content(const MasterPlace& master) {
    HttpClient client({master.address, 2822}, std::nullopt);
    HttpRequest request;
    request.target = "/_status2?format=xml";
    request.headers = {{"Authorization", "Basic " + base64_of("vcap:random-password")}};
    const auto reply = client.exchange(request, std::chrono::seconds(2));
    if (!reply || reply->status != 200 || reply->body.find("<monitor>1</monitor>") == std::string::npos) return false;
    for (const char* trouble :
         {"<status>512<", "<status>4096<", "<status>4608<", "<monitor>2<", "<monitor>0<", "<pendingaction>2<"}) {
        if (reply->body.find(trouble) != std::string::npos) return false;
    }
    return true;
}

bool expected_up(const LabSpec& spec, std::size_t master) {
    return !spec.has("stopped-master", master) && !spec.has("dead-master", master) &&
           !spec.has("failing-start", master) &&
           !(spec.has("empty-names", master) &&
             model::generation_of(spec.generation).refuses_shared_ca_without_names());
}

// Not yet up: what is missing, as a sentence. Empty when the lab is complete.
std::string missing(const LabSpec& spec, const World& world, const StoreClient& store) {
    const std::string path = world.kubernetes().has_readyz() ? "/readyz" : "/healthz";
    for (std::size_t i = 0; i < spec.masters; ++i) {
        if (!expected_up(spec, i)) continue;
        const auto answer = ask(world, world.masters[i], path);
        if (!answer || answer->status != 200) return world.masters[i].name + " does not answer 200 on " + path;
    }
    for (std::size_t i = 0; i < spec.masters; ++i) {
        if (spec.platform == "bosh" && expected_up(spec, i) && !monit_is_content(world.masters[i]))
            return world.masters[i].name + " has a job that monit does not call running";
    }
    const bool anybody = std::ranges::any_of(std::views::iota(std::size_t{0}, spec.masters),
                                             [&](std::size_t i) { return expected_up(spec, i); });
    const auto balanced = ask(world, {.name = {}, .address = world.balancer.address, .hostname = {}}, path);
    if (anybody && (!balanced || balanced->status != 200)) return "the load balancer does not answer 200 on " + path;
    for (const auto& extension : world.extensions) {
        const auto object = store.get("apiservice/" + extension.api_service());
        if (!object || !object->value.contains("condition")) return extension.api_service() + " has no condition";
        if (object->value["condition"]["reason"] == "MissingEndpoints" && !spec.has("no-backend"))
            return extension.api_service() + " has no endpoints";
    }
    return {};
}

class Children {
  public:
    explicit Children(const LabSpec& spec) : spec_(spec) { running_.supervisor = ::getpid(); }

    void start(const std::string& program, const std::vector<std::string>& arguments) {
        running_.others.push_back(spawn(described(program, arguments, program)));
        save(running_, spec_.directory);
    }
    void start_master(std::size_t index) {
        running_.masters.push_back(
            spawn_isolated(described("lab_master", {"--lab", spec_.directory, "--index", std::to_string(index)},
                                     fmt::format("master-{}", index))));
        save(running_, spec_.directory);
    }
    void stop_all() {
        for (const auto* group : {&running_.masters, &running_.others}) {
            for (const pid_t pid : *group) ::kill(pid, SIGKILL);
            for (const pid_t pid : *group) ::waitpid(pid, nullptr, 0);
        }
    }

    // A master that was rebooted on request, or whose pid 1 fell: started again when its `power` switch does not say
    // off.
    void revive_masters() {
        for (std::size_t i = 0; i < running_.masters.size(); ++i) {
            const bool off =
                fault(spec_.directory / "masters" / std::to_string(i) / "faults", "power").value_or("on") == "off";
            pid_t& pid = running_.masters[i];
            if (off && pid > 0) ::kill(pid, SIGKILL);
            if (pid > 0 && ::waitpid(pid, nullptr, WNOHANG) == pid) pid = 0;
            if (pid > 0 || off) continue;
            pid = spawn_isolated(described("lab_master", {"--lab", spec_.directory, "--index", std::to_string(i)},
                                           fmt::format("master-{}", i)));
            save(running_, spec_.directory);
        }
    }

  private:
    Spawn described(const std::string& program, const std::vector<std::string>& arguments,
                    const std::string& log) const {
        Spawn what{.argv = {(spec_.programs / program).string()},
                   .environment = {},
                   .output_file = (spec_.directory / "log" / (log + ".log")).string(),
                   .in_child = {}};
        what.argv.insert(what.argv.end(), arguments.begin(), arguments.end());
        return what;
    }

    const LabSpec& spec_;
    Running running_;
};

}  // namespace

std::string missing_programs(const LabSpec& spec) {
    const char* monit = spec.monit == "debian" ? "/usr/bin/monit" : "/bin/sh";
    for (const char* program : {"/usr/sbin/sshd", "/usr/bin/ssh-keygen", "/usr/bin/sudo", monit}) {
        if (!std::filesystem::exists(program))
            return fmt::format(
                "{} is missing; the lab needs openssh-server openssh-client sudo monit (tests/lab/README.md)", program);
    }
    if (spec.platform == "systemd" && !std::filesystem::exists("/usr/bin/systemd-nspawn"))
        return "/usr/bin/systemd-nspawn is missing; --platform systemd needs systemd-container";
    if (::geteuid() != 0) return "the lab makes namespaces and mounts, so it has to be started as root";
    return why_mounts_would_show();
}

int supervise(const LabSpec& spec, const std::function<void(const std::string& trouble)>& ready) {
    block_stop_signals();
    const World world = load_world(spec.directory);
    std::filesystem::create_directories(spec.directory / "log");
    enter_new_network();
    Children children(spec);
    children.start("lab_store", {"--address", world.store.address, "--port", std::to_string(world.store.port)});
    static StoreClient* store = new StoreClient(world.store);  // its thread reads until the process ends
    store->start();
    fill_store(spec, world, *store);
    children.start("lab_extension", {"--lab", spec.directory});
    children.start("lab_balancer", {"--lab", spec.directory});
    for (std::size_t i = 0; i < spec.masters; ++i) children.start_master(i);
    std::string lacking;
    const auto limit = std::chrono::seconds(60) + world.scaled(60);
    bool stopped = false;
    const bool up = wait_until(
        [&] {
            return (stopped = wait_for_stop(std::chrono::milliseconds(1))) ||
                   (lacking = missing(spec, world, *store)).empty();
        },
        limit, std::chrono::milliseconds(100));
    if (!stopped) ready(up ? "" : "the lab is not complete: " + lacking + "; see " + (spec.directory / "log").string());
    while (!stopped && up && !wait_for_stop(std::chrono::milliseconds(300))) children.revive_masters();
    children.stop_all();
    for (std::size_t i = 0; i < spec.masters; ++i) remove_cgroup(spec.directory.string() + "-" + std::to_string(i));
    std::filesystem::remove(spec.directory / "running.json");
    return up || stopped ? 0 : 1;
}

}  // namespace aggmedic::lab
