// Pid 1 of a simulated master: builds the file system that the master sees, then keeps sshd and monit running and reaps
// orphans.
#include <pwd.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/lab/lab_spec.hpp"
#include "tests/lab/namespaces.hpp"

namespace aggmedic::lab {
namespace {

namespace fs = std::filesystem;

struct Service;

class MasterInit {
  public:
    MasterInit(LabSpec spec, World world, std::size_t index)
        : spec_(std::move(spec)), world_(std::move(world)), index_(index), own_(world_.master_directory(index)) {}

    void build() {
        isolate_mounts();
        bind_programs();
        stage_var();
        stage_run();
        stage_etc();
        for (const char* top : {"var", "etc", "run"}) move_mount_to(own_ / "stage" / top, fs::path("/") / top);
        mount_tmpfs("/home", "mode=0755,size=4m");
        fs::create_directory("/home/vcap");
        if (::chown("/home/vcap", 1000, 1000) != 0) throw std::runtime_error("cannot make the home of vcap");
        if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
            throw std::runtime_error("cannot mount the master's own /proc");
        ::mount("/run/lab/boot_id", "/proc/sys/kernel/random/boot_id", nullptr, MS_BIND,
                nullptr);  // every start of a master is a boot
        const std::string& name = world_.masters[index_].hostname;
        if (::sethostname(name.c_str(), name.size()) != 0)
            throw std::runtime_error("cannot set the master's host name");
    }

    int run_services();

  private:
    void add_kubelet(std::vector<Service>& services) const;
    Service systemd() const;

    void bind_programs() {
        const fs::path vcap = own_ / "vcap";
        bind_mount(spec_.programs / "lab_apiserver", vcap / "packages/kubernetes/bin/kube-apiserver");
        bind_mount(spec_.programs / "lab_bpm", vcap / "packages/bpm/bin/tini");
        bind_mount(spec_.programs / "lab_bpm", vcap / "packages/bpm/bin/bpm");
        bind_mount(spec_.monit == "debian" ? fs::path("/usr/bin/monit") : spec_.programs / "lab_monit",
                   vcap / "bosh/bin/monit-actual");
    }

    // The host's /var with another vcap in it: the host's own, if there is one, is not seen.
    void stage_var() {
        const fs::path stage = own_ / "stage/var";
        mount_tmpfs(stage, "mode=0755,size=1m");
        for (const auto& entry : fs::directory_iterator("/var")) {
            const fs::path place = stage / entry.path().filename();
            if (entry.path().filename() == "vcap") continue;
            if (entry.is_symlink()) {
                fs::copy_symlink(entry.path(), place);
            } else if (entry.is_directory()) {
                fs::create_directory(place);
                bind_mount(entry.path(), place);
            }
        }
        fs::create_directory(stage / "vcap");
        bind_mount(own_ / "vcap", stage / "vcap");
    }

    void stage_run() {
        const fs::path stage = own_ / "stage/run";
        mount_tmpfs(stage, "mode=0755,size=64m");
        for (const char* folder : {"sshd", "lock", "sudo", "lab/dir", "lab/faults"})
            fs::create_directories(stage / folder);
        bind_mount(spec_.directory, stage / "lab/dir");
        bind_mount(world_.faults_of(index_), stage / "lab/faults");
        write_file(stage / "lab/master.json", nlohmann::json{{"lab", "/run/lab/dir"}, {"index", index_}}.dump());
        std::ifstream random("/proc/sys/kernel/random/uuid");
        std::string boot_id;
        std::getline(random, boot_id);
        write_file(stage / "lab/boot_id", boot_id + "\n");
    }

    void stage_etc() {
        const fs::path stage = own_ / "stage/etc";
        mount_tmpfs(stage, "mode=0755,size=64m");
        std::error_code unreadable;
        for (const auto& entry : fs::directory_iterator("/etc")) {
            fs::copy(entry.path(), stage / entry.path().filename(),
                     fs::copy_options::recursive | fs::copy_options::copy_symlinks, unreadable);
        }
        add_user(stage);
        write_sshd_config(stage / "ssh");
        for (const auto& entry : fs::directory_iterator(own_ / "ssh")) {
            const bool is_public = entry.path().extension() == ".pub";
            replace(stage / "ssh" / entry.path().filename(), read_file(entry.path()), is_public ? 0644 : 0600);
        }
        replace(stage / "hosts",
                "127.0.0.1 localhost\n" + world_.masters[index_].address + " " + world_.masters[index_].hostname + "\n",
                0644);
        // What the platform reads, from the master's own directory: it outlives a reboot.
        for (const auto& [folder, place] : {std::pair{"kubernetes", "kubernetes"}, {"units", "systemd/system"}}) {
            if (!fs::exists(own_ / folder)) continue;
            fs::remove_all(stage / place);
            fs::create_directories(stage / place);
            bind_mount(own_ / folder, stage / place);
        }
        replace(stage / "hostname", world_.masters[index_].hostname + "\n", 0644);
        replace(stage / "sudoers",
                "Defaults env_reset\nDefaults "
                "secure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\nroot ALL=(ALL:ALL) "
                "ALL\nvcap ALL=(ALL) NOPASSWD: ALL\n",
                0440);
    }

    static void replace(const fs::path& file, const std::string& text, unsigned mode) {
        fs::remove(file);
        write_file(file, text);
        ::chmod(file.c_str(), mode);
    }

    static std::string without(const std::string& file, const std::string& user) {
        std::istringstream lines(fs::exists(file) ? read_file(file) : "");
        std::string kept;
        for (std::string line; std::getline(lines, line);) {
            const bool same_name = line.starts_with(user + ":");
            const bool same_id = line.find(":x:1000:") != std::string::npos;  // the host's first user gives way
            if (!same_name && !same_id) kept += line + "\n";
        }
        return kept;
    }

    static void add_user(const fs::path& etc) {
        replace(etc / "passwd",
                without(etc / "passwd", "vcap") + "vcap:x:1000:1000:BOSH System User:/home/vcap:/bin/bash\n", 0644);
        replace(etc / "group", without(etc / "group", "vcap") + "vcap:x:1000:\n", 0644);
        replace(etc / "shadow", without(etc / "shadow", "vcap") + "vcap:*:19000:0:99999:7:::\n", 0640);
    }

    void write_sshd_config(const fs::path& ssh) const {
        fs::create_directories(ssh);
        replace(ssh / "authorized_vcap", read_file(spec_.directory / "pki/ssh.key.pub"), 0644);
        replace(
            ssh / "sshd_config",
            "Port 22\nListenAddress " + world_.masters[index_].address +
                "\nHostKey /etc/ssh/ssh_host_rsa_key\nHostKey /etc/ssh/ssh_host_ed25519_key\nAllowUsers "
                "vcap\nAuthenticationMethods publickey\nPasswordAuthentication no\n"
                "KbdInteractiveAuthentication no\nUsePAM no\nAuthorizedKeysFile /etc/ssh/authorized_%u\nStrictModes "
                "yes\nUseDNS no\nPidFile none\nPrintMotd no\nLogLevel VERBOSE\n",
            0644);
    }

    LabSpec spec_;
    World world_;
    std::size_t index_;
    fs::path own_;
};

struct Service {
    std::vector<std::string> argv;
    std::string log, off_switch;
    pid_t pid = 0;
    std::chrono::steady_clock::time_point not_before{};

    // runit's part: what ends is started again a second later, unless a switch says that it stays away.
    void keep_running() {
        const auto now = std::chrono::steady_clock::now();
        if (fault("/run/lab/faults", off_switch)) {
            if (pid > 0) ::kill(pid, SIGTERM);
            return;
        }
        if (pid > 0 || now < not_before) return;
        pid = spawn({.argv = argv,
                     .environment = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                                     {"HOME", "/root"}},
                     .output_file = log,
                     .in_child = {}});
        not_before = now + std::chrono::seconds(1);
    }
};

// Its own name and those of its pods' programs are what a look finds in /proc.
void MasterInit::add_kubelet(std::vector<Service>& services) const {
    const fs::path images = "/run/lab/images", programs = "/run/lab/bin";
    for (const auto& folder : {images, programs}) fs::create_directories(folder);
    fs::create_symlink("/var/vcap/packages/kubernetes/bin/kube-apiserver", images / "kube-apiserver");
    fs::create_symlink("/bin/sleep", images / "etcd");
    fs::create_symlink("/bin/sleep", programs / "containerd");
    fs::create_symlink(spec_.programs / "lab_kubelet", programs / "kubelet");
    services.push_back({.argv = {programs / "containerd", "infinity"}, .log = "/dev/null", .off_switch = "no-runtime"});
    services.push_back({.argv = {programs / "kubelet", "--config=/etc/kubernetes/kubelet.yaml",
                                 "--time-scale=" + std::to_string(spec_.time_scale)},
                        .log = "/var/vcap/sys/log/kubelet.log",
                        .off_switch = "no-kubelet"});
}

// A real one, booted in a container with this master's /etc, /var/vcap and /run/lab; sshd and kube-apiserver are its
// units. Of the host's /var nothing is in there: systemd would clean it.
Service MasterInit::systemd() const {
    enter_cgroup(spec_.directory.string() + "-" + std::to_string(index_));
    const fs::path tree = "/home/machine";
    for (const char* folder : {"etc", "usr", "var/vcap", "var/lib", "home/vcap", "root", "tmp"})
        fs::create_directories(tree / folder);
    ::chown((tree / "home/vcap").c_str(), 1000, 1000);
    for (const char* link : {"bin", "sbin", "lib", "lib64"}) {
        if (fs::is_symlink(fs::path("/") / link)) fs::copy_symlink(fs::path("/") / link, tree / link);
    }
    fs::copy_file("/usr/lib/os-release", tree / "etc/os-release");  // nspawn takes no other tree for a system
    return {.argv = {"/usr/bin/systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--link-journal=no",
                     "--resolv-conf=off", "--timezone=off", "--console=pipe", "--directory=" + tree.string(),
                     "--bind-ro=/usr", "--bind=/etc", "--bind=/var/vcap", "--bind=/run/lab", "--boot",
                     "systemd.unit=lab.target"},
            .log = "/var/vcap/sys/log/systemd.log",
            .off_switch = "no-systemd"};
}

int MasterInit::run_services() {
    const std::string log = "/var/vcap/sys/log/";
    std::vector<Service> services;
    const Service sshd{.argv = {"/usr/sbin/sshd", "-D", "-e"}, .log = log + "sshd.log", .off_switch = "no-sshd"};
    if (spec_.platform == "systemd") {
        services.push_back(systemd());
    } else if (spec_.platform == "kubeadm") {
        services = {sshd};
        add_kubelet(services);
    } else {
        services = {sshd,
                    {.argv = {"/var/vcap/bosh/bin/monit-actual", "-I", "-c", "/var/vcap/bosh/etc/monitrc"},
                     .log = log + "monit-daemon.log",
                     .off_switch = "no-monit"}};
    }
    sigset_t waited;
    sigemptyset(&waited);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&waited, signal);
    ::sigprocmask(SIG_BLOCK, &waited, nullptr);
    for (;;) {
        for (Service& service : services) service.keep_running();
        const timespec pause{.tv_sec = 0, .tv_nsec = 200000000};
        const int signal = ::sigtimedwait(&waited, nullptr, &pause);
        if (signal == SIGTERM || signal == SIGINT) return 0;  // the end of pid 1 is the end of everything in here
        for (pid_t ended; (ended = ::waitpid(-1, nullptr, WNOHANG)) > 0;) {
            for (Service& service : services) {
                if (service.pid == ended) service.pid = 0;
            }
        }
    }
}

}  // namespace
}  // namespace aggmedic::lab

int main(int argc, char** argv) {
    using namespace aggmedic::lab;
    std::string directory;
    std::size_t index = 0;
    CLI::App app("pid 1 of a simulated master");
    app.add_option("--lab", directory)->required();
    app.add_option("--index", index)->required();
    CLI11_PARSE(app, argc, argv);
    try {
        MasterInit init(load_spec(directory), load_world(directory), index);
        init.build();
        return init.run_services();
    } catch (const std::exception& error) {
        std::cerr << "master/" << index << ": " << error.what() << std::endl;
        return 1;
    }
}
