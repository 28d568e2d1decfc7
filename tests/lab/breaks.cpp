#include "tests/lab/breaks.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "tests/lab/namespaces.hpp"
#include "tests/lab/store_client.hpp"

namespace aggmedic::lab {
namespace {

namespace fs = std::filesystem;

enum class How {
    config,      // the masters' files differ: rendered again, apiservers restarted, ConfigMap rebuilt, pods restarted
    lab_switch,  // a file in DIR/faults
    master_switch,  // a file in DIR/masters/N/faults
    bundle          // the APIServices' caBundle
};

struct Cause {
    const char* name;
    How how;
    const char* key;  // of the switch
    const char* value;
    int master;  // where it strikes unless said otherwise; -1: everywhere
    const char* meaning;
};

constexpr std::array<Cause, 32> causes = {{
    {"cn-not-allowed", How::config, "", "", -1,
     "allowed names `aggregator`, proxy certificate demo.pks.ik.am, shared CA: 401, 503, or a masked 200"},
    {"separate-ca", How::config, "", "", -1, "the same with a client CA of its own: 401 or 503 everywhere"},
    {"proxy-cert-expired", How::config, "", "", -1, "the proxy-client certificate ended yesterday"},
    {"proxy-cert-wrong-issuer", How::config, "", "", -1, "the proxy-client certificate comes from another CA"},
    {"proxy-cert-empty-cn", How::config, "", "", -1, "the proxy-client certificate has no CN"},
    {"proxy-cert-server-eku", How::config, "", "", -1, "the proxy-client certificate is for servers only"},
    {"proxy-cert-no-masters", How::config, "", "", -1,
     "its identity has no rights: with cn-not-allowed a 403 that names the CN"},
    {"hostile-cn", How::config, "", "", -1,
     "a CN with comma, quote, newline and dots: cn-not-allowed that must never be planned"},
    {"empty-names", How::config, "", "", -1, "allowed names empty; 1.35 refuses to start with that under a shared CA"},
    {"no-anonymous", How::config, "", "", -1, "--anonymous-auth=false"},
    {"one-master-differs", How::config, "", "", 1, "one master presents a certificate of another CA: the API flaps"},
    {"one-master-other-cn", How::config, "", "", 1, "one master presents another CN"},
    {"bad-ca-bundle", How::bundle, "", "", -1, "the APIServices' caBundle does not fit the extension servers"},
    {"no-backend", How::lab_switch, "no-backend", "", -1, "the services have no endpoints"},
    {"extension-down", How::lab_switch, "extension-down", "", -1, "the extension servers refuse connections"},
    {"stopped-master", How::master_switch, "stopped", "", 2, "one master's apiserver is stopped by monit and stays so"},
    {"dead-master", How::master_switch, "power", "off", 2, "one master is switched off"},
    {"slow-restart", How::master_switch, "start", "slow:30", 0, "the next starts take 30 s longer"},
    {"failing-restart", How::master_switch, "start", "fail", 0, "the apiserver exits when it is started again"},
    {"second-restart-fails", How::master_switch, "start", "fail", 1, "as failing-restart, on the second master"},
    {"monit-lies", How::master_switch, "monit-lies", "", 0, "monit says yes and does nothing"},
    {"no-monit", How::master_switch, "no-monit", "", 0, "the monit daemon is not running"},
    {"disk-full", How::master_switch, "disk-full", "", 0, "no room on /var/vcap/data"},
    {"changed-host-key", How::master_switch, "changed-host-key", "", 0, "sshd shows another host key"},
    {"endless-output", How::master_switch, "sudo", "endless", 0, "sudo prints without end"},
    {"garbage-output", How::master_switch, "sudo", "garbage", 0, "sudo prints garbage"},
    {"no-output", How::master_switch, "sudo", "nothing", 0, "sudo prints nothing and says 0"},
    {"hanging-sudo", How::master_switch, "sudo", "hang", 0, "sudo never ends"},
    {"slow-drip", How::master_switch, "hostile", "slow-drip", 0, "the apiserver answers five bytes a second"},
    {"endless-body", How::master_switch, "hostile", "endless", 0, "the apiserver answers with 1 GiB"},
    {"many-apiservices", How::master_switch, "many-apiservices", "10000", -1, "the apiserver lists 10000 APIServices"},
    {"pending-restart", How::master_switch, "pending-restart", "", 0, "the file is patched, the process is not"},
}};

const Cause& cause_of(const std::string& name) {
    const auto found = std::ranges::find_if(causes, [&](const Cause& cause) { return name == cause.name; });
    if (found != causes.end()) return *found;
    std::string all;
    for (const Cause& cause : causes) all += std::string(all.empty() ? "" : ", ") + cause.name;
    throw std::runtime_error("there is no way to break called " + name + "; there are " + all);
}

std::vector<std::size_t> masters_of(const LabSpec& spec, const Break& what) {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < spec.masters; ++i) {
        if (what.master < 0 || static_cast<std::size_t>(what.master) == i) all.push_back(i);
    }
    return all;
}

// --- switches that need hands inside the master ---

constexpr const char* strange_sudo = R"sh(#!/bin/sh
case "$(cat /run/lab/faults/sudo 2>/dev/null)" in
    endless) exec cat /dev/zero ;;
    garbage) exec head -c 4096 /dev/urandom ;;
    nothing) exit 0 ;;
    hang) exec sleep 86400 ;;
    *) echo "sudo: a password is required" >&2; exit 1 ;;
esac
)sh";

constexpr const char* fill_disk = R"sh(set -e
mkdir -p /run/lab/data
mount -t tmpfs -o size=2m,mode=0755 tmpfs /run/lab/data
cp -a /var/vcap/data/. /run/lab/data/
mount --move /run/lab/data /var/vcap/data
cat /dev/zero > /var/vcap/data/filler 2>/dev/null || true
)sh";

constexpr const char* other_host_key = R"sh(set -e
for type in rsa ed25519; do
    rm -f /etc/ssh/ssh_host_${type}_key
    ssh-keygen -q -t $type -N '' -C '' -f /etc/ssh/ssh_host_${type}_key
done
pkill -x -o sshd || kill "$(cat /proc/1/task/1/children | cut -d' ' -f1)"
)sh";

int shell_in(const Running& running, std::size_t master, const std::string& script) {
    return run_in_master(running.masters.at(master), {"/bin/sh", "-c", script});
}

void act_inside(const LabSpec& spec, const Running& running, std::size_t master, const std::string& key,
                const std::string& value) {
    const auto script = spec.directory / "masters" / std::to_string(master) / "faults" / ".sudo";
    if (key == "sudo" && !value.empty()) {
        write_file(script, strange_sudo);
        ::chmod(script.c_str(), 0755);
        shell_in(running, master,
                 "grep -q ' /usr/bin/sudo ' /proc/self/mountinfo || mount --bind /run/lab/faults/.sudo /usr/bin/sudo");
    }
    if (key == "sudo" && value.empty()) shell_in(running, master, "umount /usr/bin/sudo 2>/dev/null || true");
    if (key == "disk-full") shell_in(running, master, value.empty() ? "rm -f /var/vcap/data/filler" : fill_disk);
    if (key == "changed-host-key") shell_in(running, master, other_host_key);
    if (key == "stopped")
        shell_in(running, master,
                 value.empty() ? "/var/vcap/bosh/bin/monit start kube-apiserver"
                               : "/var/vcap/bosh/bin/monit stop kube-apiserver");
    if (key == "pending-restart")
        shell_in(running, master,
                 fmt::format("sed -i 's/--requestheader-allowed-names=aggregator$/&,{}/' "
                             "/var/vcap/jobs/kube-apiserver/config/bpm.yml",
                             cluster_name));
    if (key == "reboot") ::kill(running.masters.at(master), SIGKILL);
}

// --- causes that are in the masters' files ---

std::string restart_everywhere() {
    return "/var/vcap/jobs/bpm/bin/bpm stop kube-apiserver; /var/vcap/jobs/bpm/bin/bpm start kube-apiserver";
}

void apply_config(const LabSpec& spec, const Running& running) {
    for (std::size_t i = 0; i < spec.masters; ++i) {
        const fs::path vcap = "/proc/" + std::to_string(running.masters.at(i)) + "/root/var/vcap";
        write_master_config(spec, i, vcap);
        shell_in(running, i, restart_everywhere());
    }
}

class LabStore {
  public:
    explicit LabStore(const fs::path& directory, const Running& running) : world_(load_world(directory)) {
        join_network(running.supervisor);
        store_ = new StoreClient(world_.store);  // read until this short command ends
        store_->start();
    }
    void forget_published_config() { store_->remove("configmap/kube-system/extension-apiserver-authentication"); }
    void restart_pods() {
        for (const auto& [key, pod] : store_->list("pod/")) store_->remove(key);
    }
    void set_bundle(const char* file) {
        for (const auto& [key, entry] : store_->list("apiservice/")) {
            if (entry.value["spec"]["service"].is_null()) continue;
            auto changed = entry.value;
            changed["spec"]["caBundle"] = base64_of(read_file(world_.pki(file)));
            store_->write(key, changed);
        }
    }

  private:
    World world_;
    StoreClient* store_ = nullptr;
};

void switch_on_master(const LabSpec& spec, const Running* running, std::size_t master, const std::string& key,
                      const std::string& value, bool take_away) {
    set_fault(spec.directory / "masters" / std::to_string(master) / "faults", key,
              take_away ? std::nullopt : std::optional(value));
    if (running != nullptr) act_inside(spec, *running, master, key, take_away ? "" : value.empty() ? "yes" : value);
}

}  // namespace

Break parse_break(const std::string& text, int master) {
    const auto at = text.find('@');
    const Cause& cause = cause_of(text.substr(0, at));
    const int where = at != std::string::npos ? static_cast<int>(master_index(text.substr(at + 1)))
                      : master >= 0           ? master
                                              : cause.master;
    return {.cause = cause.name, .master = where};
}

std::size_t master_index(const std::string& name) {
    const auto digits = name.find_first_of("0123456789");
    if (digits == std::string::npos)
        throw std::runtime_error("\"" + name + "\" is no master; they are called master/0, master/1, ...");
    return std::stoul(name.substr(digits));
}

void list_causes(std::ostream& out) {
    for (const Cause& cause : causes)
        out << fmt::format("{:<24} {}{}\n", cause.name, cause.meaning,
                           cause.master < 0 ? "" : fmt::format(" (master/{} unless said otherwise)", cause.master));
}

void prepare_breaks(const LabSpec& spec) {
    for (const Break& item : spec.breaks) {
        const Cause& cause = cause_of(item.cause);
        if (cause.how == How::lab_switch) set_fault(spec.directory / "faults", cause.key, cause.value);
    }
}

// Switches on masters strike once everything runs: what they name is the next restart, the next login, the next answer.
void strike_fresh_lab(const LabSpec& spec) {
    const Running running = load_running(spec.directory);
    for (const Break& item : spec.breaks) {
        const Cause& cause = cause_of(item.cause);
        if (cause.how != How::master_switch) continue;
        for (const std::size_t master : masters_of(spec, item))
            switch_on_master(spec, &running, master, cause.key, cause.value, false);
    }
}

int break_running(const fs::path& directory, const Break& what) {
    LabSpec spec = load_spec(directory);
    const Running running = load_running(directory);
    const Cause& cause = cause_of(what.cause);
    spec.breaks.push_back(what);
    save(spec);
    if (cause.how == How::lab_switch) set_fault(directory / "faults", cause.key, cause.value);
    if (cause.how == How::bundle) LabStore(directory, running).set_bundle("wrong-ca.pem");
    if (cause.how == How::master_switch) {
        for (const std::size_t master : masters_of(spec, what))
            switch_on_master(spec, &running, master, cause.key, cause.value, false);
    }
    if (cause.how == How::config) {
        apply_config(spec, running);
        LabStore store(directory, running);
        store.forget_published_config();
        store.restart_pods();
    }
    return 0;
}

int heal_running(const fs::path& directory) {
    LabSpec spec = load_spec(directory);
    const Running running = load_running(directory);
    spec.breaks.clear();
    save(spec);
    fs::remove_all(directory / "faults");
    for (std::size_t i = 0; i < spec.masters; ++i) {
        for (const char* key : {"sudo", "disk-full", "stopped"}) {
            if (fault(directory / "masters" / std::to_string(i) / "faults", key)) act_inside(spec, running, i, key, "");
        }
        for (const auto& entry : fs::directory_iterator(directory / "masters" / std::to_string(i) / "faults"))
            fs::remove(entry.path());
    }
    apply_config(spec, running);
    LabStore store(directory, running);
    store.set_bundle("extension-ca.pem");
    store.forget_published_config();
    store.restart_pods();
    return 0;
}

int set_running(const fs::path& directory, const std::string& master, const std::string& setting) {
    const LabSpec spec = load_spec(directory);
    const auto equals = setting.find('=');
    if (equals == std::string::npos) throw std::runtime_error("a switch is KEY=VALUE, or KEY= to take it away");
    const std::string key = setting.substr(0, equals), value = setting.substr(equals + 1);
    if (master.empty()) {
        set_fault(directory / "faults", key, value.empty() ? std::nullopt : std::optional(value == "all" ? "" : value));
        return 0;
    }
    const Running running = load_running(directory);
    switch_on_master(spec, &running, master_index(master), key, value, value.empty());
    return 0;
}

}  // namespace aggmedic::lab
