#include "tests/lab/breaks.hpp"

#include <algorithm>
#include <ctime>
#include <thread>

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

std::string everything_in(const fs::path& directory) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(directory)) files.push_back(entry.path());
    std::ranges::sort(files);
    std::string text;
    for (const auto& file : files) text += file.string() + "\n" + read_file(file);
    return text;
}

// The directory as the master itself means it: its links are absolute.
fs::path real_config(const Running& running, std::size_t master) {
    const fs::path root = "/proc/" + std::to_string(running.masters.at(master)) + "/root";
    const fs::path job = fs::read_symlink(root / "var/vcap/jobs/kube-apiserver");
    return fs::path(root.string() + job.string()) / "config";
}

void restart(const Running& running, const std::vector<std::size_t>& masters) {
    std::vector<std::thread> all;
    for (const std::size_t master : masters)
        all.emplace_back([&running, master] {
            shell_in(running, master,
                     "/var/vcap/jobs/bpm/bin/bpm stop kube-apiserver; /var/vcap/jobs/bpm/bin/bpm start kube-apiserver");
        });
    for (auto& one : all) one.join();
}

bool has_config_break(const LabSpec& spec) {
    return std::ranges::any_of(spec.breaks, [](const Break& item) {
        return std::ranges::any_of(deeds_of(item.cause), [](const Deed& deed) {
            return deed.how == How::config || deed.how == How::config_beside_pods;
        });
    });
}

bool all_answer(const LabSpec& spec, const std::vector<std::size_t>& masters) {
    const World world = load_world(spec.directory);
    return std::ranges::all_of(masters, [&](std::size_t master) {
        HttpClient client({world.masters.at(master).address, 8443}, TlsAsking{});
        HttpRequest request;
        request.target = "/healthz";
        request.headers = {{"Authorization", "Bearer " + read_file(world.pki("admin.token"))}};
        const auto reply = client.exchange(request, std::chrono::seconds(2));
        return reply && reply->status == 200;
    });
}

void renew_proxy_files(const LabSpec& spec, const fs::path& config) {
    for (const char* end : {".pem", "-key.pem"})
        write_file(config / (std::string("proxy-client") + end),
                   read_file(spec.directory / (std::string("pki/proxy-renewed") + end)));
}

// Renders the files again and restarts the masters whose files or state moved; the last writer of the ConfigMap is the
// last to start.
void apply_config(const LabSpec& spec, const Running& running, bool all) {
    std::vector<std::size_t> moved, last;
    for (std::size_t i = 0; i < spec.masters; ++i) {
        const fs::path config = real_config(running, i);
        const std::string before = everything_in(config);
        write_master_config(spec, i, "/proc/" + std::to_string(running.masters.at(i)) + "/root/var/vcap");
        if (spec.has("last-writer-wins", i)) last.push_back(i);
        if (all || everything_in(config) != before) moved.push_back(i);
    }
    restart(running, moved);
    if (!last.empty()) {
        wait_until([&] { return all_answer(spec, moved); }, std::chrono::seconds(30));
        restart(running, last);
    }
    if (!spec.has("proxy-cert-renewed-late")) return;
    wait_until([&] { return all_answer(spec, moved); }, std::chrono::seconds(30));
    for (const std::size_t master : moved) renew_proxy_files(spec, real_config(running, master));
}

class LabStore {
  public:
    explicit LabStore(const fs::path& directory, const Running& running) : world_(load_world(directory)) {
        join_network(running.supervisor);
        store_ = new StoreClient(world_.store);  // read until this short command ends
        store_->start();
    }
    void forget_published_config() { store_->remove("configmap/kube-system/extension-apiserver-authentication"); }
    bool pods_are_ready() const {
        const auto pods = store_->list("pod/");
        return pods.size() == world_.extensions.size() && std::ranges::all_of(pods, [](const auto& pod) {
                   return pod.second.value["ready"].template get<bool>();
               });
    }
    void restart_pods() {
        for (const auto& [key, pod] : store_->list("pod/")) store_->remove(key);
    }
    // gone, empty, or touched: written again as it is.
    void change_published_config(std::string_view how) {
        const std::string key = "configmap/kube-system/extension-apiserver-authentication";
        const auto stored = store_->get(key);
        if (how == "gone") store_->remove(key);
        if (how == "gone" || !stored) return;
        auto changed = stored->value;
        if (how == "empty") changed["data"] = nlohmann::json::object();
        changed["updated"] = std::time(nullptr);
        store_->write(key, changed);
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
        work.pods = work.pods || deed.how == How::pods_switch || deed.how == How::config ||
                    std::string_view(deed.key) == "gone" || std::string_view(deed.key) == "empty";
    }
}

// The ConfigMap goes before the masters start again: up to 1.16 only a start writes it.
void bring_about(const LabSpec& spec, const Running& running, LabStore& store, Work work, bool all_masters) {
    if (work.published) store.forget_published_config();
    const bool once = !load_world(spec.directory).kubernetes().publishes_union();
    apply_config(spec, running, all_masters || (work.published && once));
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
        bring_about(spec, running, store, work, false);
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
        bring_about(sound, running, store, work, false);
        wait_until([&] { return store.pods_are_ready(); }, std::chrono::seconds(30));
        work = {};
    }
    if (!keeps_pods) bring_about(spec, running, store, work, false);
    Work later;
    for (const Break& what : breaks) strike(spec, running, store, what, later);
    if (keeps_pods) bring_about(spec, running, store, {.pods = false, .published = false}, false);
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
