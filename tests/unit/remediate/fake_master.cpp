#include <algorithm>
#include <sstream>

#include "fake_cluster.hpp"
#include "net/text.hpp"
#include "probes/observation.hpp"
#include "probes/platform.hpp"
#include "remediate/platform_words.hpp"

namespace aggmedic::remediate {
namespace {

constexpr const char* drop_in_path = "/etc/systemd/system/kube-apiserver.service.d/10-limits.conf";

std::string b64(const std::string& bytes) {
    return "b64:" + base64_encode(bytes);
}

std::string monit_status(const FakeMaster& master) {
    const bool pending = !master.due.empty();
    std::string text = "The Monit daemon 5.2.5 uptime: 3d 2h 1m \n\nProcess 'kube-apiserver'\n";
    if (pending) {
        text +=
            "  status                            not monitored - restart pending\n  monitoring status                 "
            "not monitored\n";
    } else {
        text += std::string("  status                            ") + (master.runs ? "running" : "Does not exist") +
                "\n  monitoring status                 monitored\n";
        if (master.runs) text += "  pid                               " + std::to_string(master.pid) + "\n";
    }
    return text + "\nProcess 'etcd'\n  status                            " + master.other_service +
           "\n  monitoring status                 monitored\n\nSystem 'system_vm'\n  status                            "
           "running\n";
}

// The unit of the apiserver and one more, as `systemctl show` tells them.
std::string systemd_status(const FakeMaster& master) {
    const std::string state = !master.due.empty() ? "ActiveState=deactivating\nSubState=stop-sigterm\nJob=77\n"
                              : master.runs       ? "ActiveState=active\nSubState=running\n"
                                                  : "ActiveState=failed\nSubState=failed\n";
    return "Id=kube-apiserver.service\nLoadState=loaded\n" + state +
           "UnitFileState=enabled\nMainPID=" + (master.runs ? std::to_string(master.pid) : "0") +
           "\nNeedDaemonReload=" + (master.needs_reload ? "yes" : "no") +
           "\n\nId=etcd.service\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n"
           "MainPID=77\nNeedDaemonReload=no\n\nId=kube-scheduler.service\nLoadState=not-found\n"
           "ActiveState=inactive\nSubState=dead\n";
}

std::string file_lines(const FakeMaster& master) {
    std::ostringstream out;
    const auto path = b64(master.path());
    const auto facts = master.owner + ' ' + master.group + ' ' + master.mode + ' ';
    if (master.platform != "systemd") {
        out << "file.resolved " << path << "\nfile.stat " << facts << master.bytes.size() << "\nfile.sha256 "
            << sha256_hex(master.bytes) << "\nfile.bytes " << b64(master.bytes) << '\n';
        return out.str();
    }
    for (const auto& [file, bytes] : {std::pair(master.path(), master.bytes), {drop_in_path, master.drop_in}}) {
        out << "source " << b64(file) << ' ' << b64(file) << ' ' << facts << bytes.size() << ' ' << sha256_hex(bytes)
            << ' ' << b64(bytes) << '\n';
    }
    return out.str();
}

}  // namespace

std::string FakeMaster::path() const {
    return std::string(probes::find_platform(platform)->main_file);
}

std::string FakeMaster::backup_path(const std::string& run) const {
    return kept_bytes(platform, path(), run);
}

std::vector<std::string> FakeMaster::argv_in_files() const {
    std::vector<probes::SourceFile> files{{.path = path(), .bytes = bytes}};
    if (platform == "systemd") files.push_back({.path = drop_in_path, .bytes = drop_in});
    const auto line = probes::find_platform(platform)->read(files);
    if (!line) return {};
    auto words = line->arguments();
    words.insert(words.begin(), line->executable);
    return words;
}

void FakeMaster::become(const std::string& other) {
    const auto words = argv_in_files();
    platform = other;
    if (other == "kubeadm") {
        bytes = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-apiserver\nspec:\n  containers:\n  - command:\n";
        bytes += "    - kube-apiserver\n";
        for (std::size_t at = 1; at < words.size(); ++at) bytes += "    - '" + words[at] + "'\n";
        bytes += "    name: kube-apiserver\n";
    } else {
        bytes = "[Service]\nExecStart=" + words.front();
        for (std::size_t at = 1; at < words.size(); ++at) bytes += " \\\n  \"" + words[at] + "\"";
        bytes += "\nRestart=on-failure\n";
    }
    arguments = argv_in_files();
}

void FakeMaster::advertise(const std::string& other) {
    const std::string_view list = "  - --requestheader-allowed-names=";
    bytes.insert(bytes.find(list), "  - --advertise-address=" + other + "\n");
    arguments = argv_in_files();
    advertised = other;
}

std::vector<std::string> FakeMaster::names() const {
    std::vector<std::string> words(arguments.begin() + 1, arguments.end());
    return probes::allowed_names(probes::read_arguments(words).flags);
}

std::string FakeMaster::look_text(milliseconds now) const {
    std::ostringstream out;
    out << "aggmedic-look 1\nboot_id " << boot << "\nhostname " << b64("host-" + name) << "\nuptime "
        << 5000 + static_cast<double>(now.count()) / 1000 << "\nclock " << 1796083200000 + now.count()
        << "000000\nplatform " << platform << '\n';
    out << "file.path " << b64(path()) << '\n' << file_lines(*this);
    if (runs) {
        std::string cmdline;
        for (const auto& word : arguments) cmdline += word + '\0';
        out << "pid " << pid << "\nprocess " << pid << " 1 " << start_ticks << ' ' << b64(cmdline) << '\n';
        for (const auto& word : arguments) {
            const auto equals = word.find("=/");
            if (!word.starts_with("--") || equals == std::string::npos) continue;
            const std::string flag = word.substr(2, equals - 2);
            if (flag.contains("path")) continue;
            const bool has = flag != missing_flag;
            const bool shows = flag == "proxy-client-cert-file" || flag == "tls-cert-file";
            out << "named " << flag << ' ' << b64(word.substr(equals + 1))
                << (has ? " exists readable " : " missing unreadable ") << b64(shows ? proxy_pem : "") << '\n';
        }
    } else {
        out << "pid none\n";
    }
    if (platform == "systemd") {
        out << "systemd " << b64(systemd_status(*this)) << '\n';
    } else if (platform == "kubeadm") {
        const auto ago = std::chrono::duration_cast<seconds>(now - changed_at).count();
        out << "kubelet " << (kubelet_runs ? "900 " : "none ") << b64("/etc/kubernetes/manifests") << ' ' << ago
            << " same containerd\nstatic_pod etcd " << (other_service == "running" ? "running" : "absent") << '\n';
    } else {
        out << "monit 0 " << b64(monit_status(*this)) << " b64:\n";
    }
    out << "disk_free_kb " << disk_kb << "\nmemory_available_kb " << memory_kb << '\n';
    if (!lock.empty()) out << "lock " << b64(lock) << '\n';
    if (!backup_name.empty()) out << "backup " << b64(backup_name) << '\n';
    out << "end\n";
    return out.str();
}

}  // namespace aggmedic::remediate
