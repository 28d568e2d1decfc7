#include "tests/lab/breaks.hpp"

#include <algorithm>

#include "tests/lab/break_store.hpp"
#include "tests/lab/causes.hpp"
#include "tests/lab/master_hands.hpp"
#include "tests/lab/master_restarts.hpp"
#include "tests/lab/namespaces.hpp"

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
    const bool clock_moved = fault(faults, "clock").has_value();
    const bool was_stopped = fault(faults, "stopped").has_value();
    for (const auto& entry : fs::directory_iterator(faults)) fs::remove(entry.path());
    if (needs_reboot) reboot_master(spec.directory, master);
    if (clock_moved && !needs_reboot) shell_in(running, master, "umount /usr/bin/date");
    if (was_stopped && !needs_reboot) act_inside(spec, running, master, "stopped", "");
}

}  // namespace

void prepare_breaks(const LabSpec& spec) {
    for (const Break& item : spec.breaks) {
        for (const Deed& deed : deeds_of(item.cause)) {
            if (deed.how == How::lab_switch || deed.how == How::pods_switch)
                set_fault(spec.directory / "faults", deed.key, deed.value);
        }
    }
}

// Switches on masters strike once everything runs: what they name is the next restart, the next login, the next answer.
void strike_fresh_lab(const LabSpec& spec) {
    const Running running = load_running(spec.directory);
    for (const Break& item : spec.breaks) {
        for (const Deed& deed : deeds_of(item.cause)) {
            if (deed.how != How::master_switch) continue;
            for (const std::size_t master : masters_of(spec, item))
                switch_on_master(spec, &running, master, deed.key, deed.value, false);
        }
    }
}

namespace {

struct Work {
    bool pods = false, published = false;
};

// Everything but the masters' files, which are rendered for all breaks at once.
void strike(const LabSpec& spec, const Running& running, LabStore& store, const Break& what, Work& work) {
    for (const Deed& deed : deeds_of(what.cause)) {
        switch (deed.how) {
            case How::lab_switch:
            case How::pods_switch:
                set_fault(spec.directory / "faults", deed.key, deed.value);
                break;
            case How::bundle:
                store.set_bundle("wrong-ca.pem");
                break;
            case How::config_map:
                store.change_published_config(deed.key);
                break;
            case How::credential:
                write_configuration(spec, load_world(spec.directory));
                break;
            case How::config:
                work.published = true;
                break;
            case How::config_beside_pods:
                break;
            case How::master_switch:
                for (const std::size_t master : masters_of(spec, what))
                    switch_on_master(spec, &running, master, deed.key, deed.value, false);
        }
        work.pods = work.pods || deed.how == How::pods_switch || deed.how == How::config;
        // Servers that start now fail; the others go on with what they read.
        if (deed.how == How::config_map && std::string_view(deed.key) != "touched") store.restart_pods("catalog/");
    }
}

// Up to 1.16 only a start writes the ConfigMap; since 1.17 every live master would at once write back what it holds.
void bring_about(const LabSpec& spec, const Running& running, LabStore& store, Work work) {
    const bool once = !load_world(spec.directory).kubernetes().publishes_union();
    if (work.published && once) store.forget_published_config();
    apply_config(spec, running, work.published && once);
    if (work.published && !once) store.forget_published_config();
    if (work.published) store.wait_until_published();
    if (work.pods) store.restart_pods();
}

}  // namespace

int break_running(const fs::path& directory, const std::vector<Break>& breaks) {
    LabSpec spec = load_spec(directory);
    const Running running = load_running(directory);
    LabStore store(directory, running);
    spec.breaks.insert(spec.breaks.end(), breaks.begin(), breaks.end());
    save(spec);
    Work work;
    for (const Break& what : breaks) strike(spec, running, store, what, work);
    if (work.published || has_config_break(spec))
        bring_about(spec, running, store, work);
    else if (work.pods)
        store.restart_pods();
    return 0;
}

int heal_running(const fs::path& directory) {
    return replace_breaks(directory, {});
}

int replace_breaks(const fs::path& directory, const std::vector<Break>& breaks) {
    LabSpec spec = load_spec(directory);
    const bool other_credential = spec.has("credential-invalid");
    spec.breaks = breaks;
    save(spec);
    fs::remove_all(directory / "faults");
    for (std::size_t i = 0; i < spec.masters; ++i) take_switches_away(spec, load_running(directory), i);
    const Running running = load_running(directory);
    LabStore store(directory, running);
    store.set_bundle("extension-ca.pem");
    if (other_credential) write_configuration(spec, load_world(directory));
    Work work{.pods = true, .published = true};
    const bool keeps_pods = std::ranges::any_of(
        breaks, [](const Break& item) { return cause_of(item.cause).how == How::config_beside_pods; });
    // A rotation strikes what ran before it.
    if (keeps_pods) {
        LabSpec sound = spec;
        sound.breaks.clear();
        bring_about(sound, running, store, work);
        wait_until([&] { return store.pods_are_ready(); }, std::chrono::seconds(30));
        work = {};
    }
    if (!keeps_pods) bring_about(spec, running, store, work);
    Work later;
    for (const Break& what : breaks) strike(spec, running, store, what, later);
    if (keeps_pods) bring_about(spec, running, store, {});
    if (later.pods && !later.published) store.restart_pods();
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
