#include "tests/lab/master_hands.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/lab/namespaces.hpp"

namespace aggmedic::lab {
namespace {

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
for child in $(cat /proc/1/task/1/children); do
    if [ "$(cat /proc/$child/comm)" = sshd ]; then kill -HUP "$child"; fi
done
)sh";

}  // namespace

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
    if (key == "clock") {
        const auto ahead = spec.directory / "masters" / std::to_string(master) / "faults" / ".date";
        write_file(ahead, fmt::format("#!/bin/sh\nexec /run/lab/date -d \"now {} seconds\" \"$@\"\n",
                                      value.empty() ? "0" : value));
        ::chmod(ahead.c_str(), 0755);
        shell_in(running, master,
                 "grep -q ' /usr/bin/date ' /proc/self/mountinfo || { cp /usr/bin/date /run/lab/date && mount --bind "
                 "/run/lab/faults/.date /usr/bin/date; }");
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
    if (key == "reboot") {
        set_fault(spec.directory / "masters" / std::to_string(master) / "faults", key,
                  std::nullopt);  // it happens once
        ::kill(running.masters.at(master), SIGKILL);
    }
}

void reboot_master(const std::filesystem::path& directory, std::size_t master) {
    const int before = load_running(directory).masters.at(master);
    ::kill(before, SIGKILL);
    const auto is_back = [&] {
        const int now = load_running(directory).masters.at(master);
        const std::string root = "/proc/" + std::to_string(now) + "/root";
        return now != before && now > 0 && std::filesystem::exists(root + "/run/lab/master.json");
    };
    if (!wait_until(is_back, std::chrono::seconds(20)))
        throw std::runtime_error(fmt::format("master/{} did not come back", master));
}

}  // namespace aggmedic::lab
