#include "net_sshd.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace aggmedic::test {
namespace {

constexpr const char* sshd_program = "/usr/sbin/sshd";

void require(bool condition, const std::string& what) {
    if (!condition) throw std::runtime_error(what);
}

std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    require(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(fd);
    return ntohs(address.sin_port);
}

std::string user_name() {
    const passwd* entry = ::getpwuid(::geteuid());
    require(entry != nullptr, "no user");
    return entry->pw_name;
}

void make_key(const std::filesystem::path& file, const std::string& type) {
    const auto command = "ssh-keygen -q -N '' -C test -t " + type + " -f '" + file.string() + "'";
    require(std::system(command.c_str()) == 0, command);  // NOLINT(concurrency-mt-unsafe): before any thread starts
}

// The first two words of a public key file.
std::string without_comment(std::string line) {
    const auto end = line.find_first_of(" \n", line.find(' ') + 1);
    return line.substr(0, end);
}

}  // namespace

ScratchDirectory::ScratchDirectory() {
    auto name = (std::filesystem::temp_directory_path() / "aggmedic-test-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, "mkdtemp");
    path_ = name;
}

ScratchDirectory::~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void ScratchDirectory::write(const std::string& name, const std::string& text, int mode) const {
    {
        std::ofstream(path_ / name) << text;
    }
    ::chmod((path_ / name).c_str(), static_cast<mode_t>(mode));
}

std::string ScratchDirectory::read(const std::string& name) const {
    std::ifstream file(path_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool Sshd::installed() {
    return ::access(sshd_program, X_OK) == 0;
}

Sshd::Sshd(std::vector<std::string> host_key_types, const std::string& more_configuration)
    : types_(std::move(host_key_types)), more_configuration_(more_configuration) {
    for (const auto& type : types_) make_key(directory_.path() / ("host_" + type), type);
    make_key(directory_.path() / "user", "ed25519");
    directory_.write("authorized_keys", directory_.read("user.pub"));
    // Where sshd drops its privileges; a machine without a running sshd lacks it.
    if (::geteuid() == 0) std::filesystem::create_directories("/run/sshd");
    // Another process may take the port between the look and the listen.
    for (int attempt = 0; attempt < 10; ++attempt) {
        if (start(free_port())) return;
        stop();
    }
    throw std::runtime_error("sshd does not start:\n" + log());
}

Sshd::~Sshd() {
    stop();
}

bool Sshd::start(std::uint16_t port) {
    // Of a setting that is there twice sshd takes the first. With a shell level bash does not read the user's .bashrc,
    // which costs a second on some machines and prints on others.
    std::string configuration =
        more_configuration_ + "\nListenAddress 127.0.0.1\nPort " + std::to_string(port) +
        "\nUsePAM no\nStrictModes no\nPidFile none\nPermitRootLogin yes\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nPrintMotd no\nPrintLastLog no\nMaxStartups 500\nMaxSessions 500\n"
        "LogLevel VERBOSE\nSetEnv SHLVL=2\nAuthorizedKeysFile " +
        (directory_.path() / "authorized_keys").string() + "\n";
    for (const auto& type : types_)
        configuration += "HostKey " + (directory_.path() / ("host_" + type)).string() + "\n";
    directory_.write("sshd_config", configuration);

    std::array<int, 2> pipe{};
    require(::pipe2(pipe.data(), O_CLOEXEC) == 0, "pipe");
    const auto file = (directory_.path() / "sshd_config").string();
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        ::dup2(pipe[1], 2);
        ::execl(sshd_program, sshd_program, "-D", "-e", "-f", file.c_str(), nullptr);
        ::_exit(127);
    }
    ::close(pipe[1]);
    port_ = port;
    log_.clear();
    log_ended_ = false;
    reader_ = std::thread([this, fd = pipe[0]] { read_log(fd); });
    return wait_for_log("Server listening on 127.0.0.1 port " + std::to_string(port));
}

void Sshd::stop() {
    if (pid_ > 0) {
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    if (reader_.joinable()) reader_.join();
}

void Sshd::read_log(int fd) {
    std::array<char, 4096> buffer{};
    for (ssize_t size = ::read(fd, buffer.data(), buffer.size()); size > 0;
         size = ::read(fd, buffer.data(), buffer.size())) {
        const std::scoped_lock lock(mutex_);
        log_.append(buffer.data(), static_cast<std::size_t>(size));
        grown_.notify_all();
    }
    ::close(fd);
    const std::scoped_lock lock(mutex_);
    log_ended_ = true;
    grown_.notify_all();
}

std::string Sshd::log() const {
    const std::scoped_lock lock(mutex_);
    return log_;
}

bool Sshd::wait_for_log(const std::string& text) const {
    std::unique_lock lock(mutex_);
    const auto holds = [&] { return log_.find(text) != std::string::npos; };
    grown_.wait_for(lock, std::chrono::seconds(30), [&] { return log_ended_ || holds(); });
    return holds();
}

SshTarget Sshd::target() const {
    SshTarget target{
        .address = "127.0.0.1", .port = port_, .user = user_name(), .private_key_pem = directory_.read("user")};
    for (const auto& type : types_) target.host_keys.push_back(host_key(type));
    return target;
}

std::string Sshd::host_key(const std::string& type) const {
    return without_comment(directory_.read("host_" + type + ".pub"));
}

std::string Sshd::make_user_key(const std::string& type) const {
    make_key(directory_.path() / "other", type);
    auto pem = directory_.read("other");
    std::filesystem::remove(directory_.path() / "other");
    std::filesystem::remove(directory_.path() / "other.pub");
    return pem;
}

}  // namespace aggmedic::test
