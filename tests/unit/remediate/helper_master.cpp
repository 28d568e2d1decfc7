#include "helper_master.hpp"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "remediate/master_helper.hpp"

namespace aggmedic::remediate {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}
void spill(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

pid_t spawn(const std::vector<std::string>& argv, const char* in, const char* out, const char* err) {
    std::vector<char*> words;
    for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const pid_t child = ::fork();
    if (child != 0) return child;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto redirect = [](const char* path, int flags, int descriptor) {
        const int opened = ::open(path, flags, 0600);
        ::dup2(opened, descriptor);
        ::close(opened);
    };
    redirect(in, O_RDONLY, 0);
    redirect(out, O_WRONLY | O_CREAT | O_TRUNC, 1);
    redirect(err, O_WRONLY | O_CREAT | O_TRUNC, 2);
    ::execvp(words[0], words.data());
    ::_exit(127);
}

constexpr const char* monit_script = R"sh(#!/bin/sh
# A stand-in that notes what it was asked and answers what the test wrote.
echo "$*" >>/var/vcap/monit.asked
dir=/var/vcap/monit.says
[ -f $dir/$1.out ] && cat $dir/$1.out
[ -f $dir/$1.err ] && cat $dir/$1.err >&2
[ -f $dir/$1.exit ] && exit "$(cat $dir/$1.exit)"
exit 0
)sh";

constexpr const char* systemctl_script = R"sh(#!/bin/sh
# A stand-in that notes what it was asked; of a unit it shows the lines that the test wrote, as `show -p` picks them.
echo "$*" >>/var/systemctl.asked
[ "$1" = show ] || exit "$(cat /var/systemctl.exit 2>/dev/null || echo 0)"
silent=$(cat /var/systemctl.silent 2>/dev/null || echo 0)
if [ "$silent" -gt 0 ]; then # times
    echo "$((silent - 1))" >/var/systemctl.silent
    exit 1
fi
wanted=,$4,
shift 5
for unit; do
    lines=/var/systemctl/$unit
    if [ ! -f "$lines" ]; then
        lines=/var/systemctl.unknown
        printf 'Id=%s\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nMainPID=0\n' "$unit" >"$lines"
    fi
    while IFS= read -r line; do
        case $wanted in *",${line%%=*},"*) printf '%s\n' "$line" ;; esac
    done <"$lines"
    echo
done
)sh";

}  // namespace

Finished run_program(const std::vector<std::string>& argv, const std::string& input) {
    std::string name = (fs::temp_directory_path() / "aggmedic-call-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    const fs::path scratch = name;
    spill(scratch / "in", input);
    const pid_t child = spawn(argv, (scratch / "in").c_str(), (scratch / "out").c_str(), (scratch / "err").c_str());
    int status = 0;
    ::waitpid(child, &status, 0);
    Finished finished{.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                      .output = slurp(scratch / "out"),
                      .error_output = slurp(scratch / "err")};
    fs::remove_all(scratch);
    return finished;
}

std::string HelperMaster::why_not() {
    if (::geteuid() != 0) return "needs root";
    const auto tried = run_program({"unshare", "-m", "--propagation", "private", "true"});
    return tried.status == 0 ? "" : "unshare -m: " + tried.error_output;
}

HelperMaster::HelperMaster(std::string shell) : shell_(std::move(shell)) {
    std::string name = (fs::temp_directory_path() / "aggmedic-master-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    root_ = name;
    ::chmod(name.c_str(), 0755);  // other users pass: the helper asks what they could read
    for (const char* made : {"run", "var/vcap/bosh/bin", "var/vcap/monit.says", "var/vcap/sys/run/bpm/kube-apiserver",
                             "var/vcap/data/jobs/kube-apiserver/1/config", "var/vcap/jobs", "var/lib", "var/systemctl",
                             "etc/kubernetes/manifests", "etc/systemd/system"}) {
        fs::create_directories(root_ / made);
    }
    fs::create_directory_symlink("/var/vcap/data/jobs/kube-apiserver/1", root_ / "var/vcap/jobs/kube-apiserver");
    spill(root_ / "var/vcap/bosh/bin/monit", monit_script);
    fs::permissions(root_ / "var/vcap/bosh/bin/monit", fs::perms(0755));
    write("/var/vcap/monit.says/summary.out", "Process 'kube-apiserver'            running\n");

    for (const char* kept : {"passwd", "group", "nsswitch.conf", "ssl"}) {
        if (fs::exists(fs::path("/etc") / kept))
            fs::copy(fs::path("/etc") / kept, root_ / "etc" / kept, fs::copy_options::recursive);
    }
    spill(root_ / "systemctl", systemctl_script);
    fs::permissions(root_ / "systemctl", fs::perms(0755));
    const std::string mounts = "cd / && { ! [ -e /usr/bin/systemctl ] || mount --bind '" + name +
                               "/systemctl' /usr/bin/systemctl; } && mount --bind '" + name +
                               "/etc' /etc && mount --bind '" + name + "/var' /var && mount --bind '" + name +
                               "/run' /run && touch /run/ready && exec sleep 600";
    holder_ =
        spawn({"unshare", "-m", "--propagation", "private", "sh", "-c", mounts}, "/dev/null", "/dev/null", "/dev/null");
    for (int tries = 0; !fs::exists(root_ / "run/ready"); ++tries) {
        if (tries == 500) throw std::runtime_error("the mounts were not made");
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

HelperMaster::~HelperMaster() {
    for (const pid_t pid : {process_, holder_}) {
        if (pid <= 0) continue;
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
    fs::remove_all(root_);
}

fs::path HelperMaster::real(const std::string& path) const {
    return root_ / path.substr(1);
}
void HelperMaster::write(const std::string& path, const std::string& bytes) {
    spill(real(path), bytes);
}
std::string HelperMaster::read(const std::string& path) const {
    return slurp(real(path));
}
bool HelperMaster::exists(const std::string& path) const {
    return fs::exists(real(path));
}
std::vector<std::string> HelperMaster::config_files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(real(config))) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}

Finished HelperMaster::inside(const std::string& command) {
    return run_program({"nsenter", "-m", "-r", "-w", "-t", std::to_string(holder_), "--", "sh", "-c", command});
}
Finished HelperMaster::call(const std::string& verb, const std::vector<std::string>& arguments,
                            const std::string& input) {
    std::vector<std::string> argv{"nsenter", "-m", "-r", "-w", "-t", std::to_string(holder_), "--", shell_};
    if (shell_ == "busybox") argv.emplace_back("sh");
    for (const std::string& word : {std::string("-c"), std::string(helper_script()), std::string("aggmedic"), verb})
        argv.push_back(word);
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run_program(argv, input);
}

void HelperMaster::start_process(const std::vector<std::string>& arguments) {
    // A shell under the name that the kernel shows for the apiserver; what it runs is its argument 1 and 2. It stops
    // itself: a child would outlive it.
    const auto program = root_ / "kube-apiserver";
    fs::copy_file("/bin/dash", program, fs::copy_options::overwrite_existing);
    std::vector<std::string> argv{program, "-c", "kill -STOP $$; :"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    process_ = spawn(argv, "/dev/null", "/dev/null", "/dev/null");
    for (int tries = 0; slurp("/proc/" + std::to_string(process_) + "/comm") != "kube-apiserver\n" && tries < 500;
         ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    write("/var/vcap/sys/run/bpm/kube-apiserver/kube-apiserver.pid", std::to_string(process_) + "\n");
}
std::string HelperMaster::start_ticks() const {
    const std::string stat = slurp("/proc/" + std::to_string(process_) + "/stat");
    std::istringstream rest(stat.substr(stat.rfind(')') + 1));
    std::string word;
    for (int field = 3; field <= 22; ++field) rest >> word;
    return word;
}

}  // namespace aggmedic::remediate
