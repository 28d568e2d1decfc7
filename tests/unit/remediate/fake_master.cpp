#include <algorithm>
#include <sstream>

#include "fake_cluster.hpp"
#include "net/text.hpp"
#include "probes/observation.hpp"

namespace aggmedic::remediate {
namespace {

constexpr const char* path = "/var/vcap/jobs/kube-apiserver/config/bpm.yml";

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

}  // namespace

std::string fake_path() {
    return path;
}

std::vector<std::string> FakeMaster::names() const {
    std::vector<std::string> words(arguments.begin() + 1, arguments.end());
    return probes::allowed_names(probes::read_arguments(words).flags);
}

std::string FakeMaster::look_text() const {
    std::ostringstream out;
    out << "aggmedic-look 1\nboot_id " << boot << "\nuptime 5000.25\nclock 1796083200000000000\n";
    out << "file.path " << b64(path) << "\nfile.resolved " << b64(path) << "\nfile.stat " << owner << ' ' << group
        << ' ' << mode << ' ' << bytes.size() << "\nfile.sha256 " << sha256_hex(bytes) << "\nfile.bytes " << b64(bytes)
        << '\n';
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
    out << "monit 0 " << b64(monit_status(*this)) << " b64:\ndisk_free_kb " << disk_kb << "\nmemory_available_kb "
        << memory_kb << '\n';
    if (!lock.empty()) out << "lock " << b64(lock) << '\n';
    if (!backup_name.empty()) out << "backup " << b64(backup_name) << '\n';
    out << "end\n";
    return out.str();
}

}  // namespace aggmedic::remediate
