#include "tests/lab/breaks.hpp"

#include <algorithm>

#include "tests/lab/causes.hpp"
#include "tests/lab/master_hands.hpp"
#include "tests/lab/namespaces.hpp"
#include "tests/lab/store_client.hpp"

namespace aggmedic::lab {
namespace {

namespace fs = std::filesystem;

std::vector<std::size_t> masters_of(const LabSpec& spec, const Break& what) {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < spec.masters; ++i) {
        if (what.master < 0 || static_cast<std::size_t>(what.master) == i) all.push_back(i);
    }
    return all;
}

// Causes that are in the masters' files.

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

// What cannot be undone in place goes with a reboot: host keys and the file systems of a master are built again at its
// start.
void take_switches_away(const LabSpec& spec, const Running& running, std::size_t master) {
    const fs::path faults = spec.directory / "masters" / std::to_string(master) / "faults";
    const bool off = fault(faults, "power").value_or("on") == "off";
    const bool needs_reboot =
        off || fault(faults, "changed-host-key") || fault(faults, "disk-full") || fault(faults, "sudo");
    const bool was_stopped = fault(faults, "stopped").has_value();
    for (const auto& entry : fs::directory_iterator(faults)) fs::remove(entry.path());
    if (needs_reboot) reboot_master(spec.directory, master);
    if (was_stopped && !needs_reboot) act_inside(spec, running, master, "stopped", "");
}

}  // namespace

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
    spec.breaks.clear();
    save(spec);
    fs::remove_all(directory / "faults");
    for (std::size_t i = 0; i < spec.masters; ++i) take_switches_away(spec, load_running(directory), i);
    const Running running = load_running(directory);
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
