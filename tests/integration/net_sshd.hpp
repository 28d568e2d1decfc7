#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/remote_host.hpp"

namespace aggmedic::test {

// A directory that is removed with its contents.
class ScratchDirectory {
  public:
    ScratchDirectory();
    ~ScratchDirectory();
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    const std::filesystem::path& path() const { return path_; }
    void write(const std::string& name, const std::string& text, int mode = 0600) const;
    std::string read(const std::string& name) const;

  private:
    std::filesystem::path path_;
};

// Debian's OpenSSH server on a free loopback port, with host keys and an authorized key of its own, for the user that
// runs the test. Nothing of the machine's own sshd is touched.
class Sshd {
  public:
    static bool installed();
    // `host_key_types`: "ed25519", "rsa", "ecdsa".
    explicit Sshd(std::vector<std::string> host_key_types = {"ed25519"}, const std::string& more_configuration = "");
    ~Sshd();
    Sshd(const Sshd&) = delete;
    Sshd& operator=(const Sshd&) = delete;

    SshTarget target() const;                                  // with the authorized key and every host key
    std::string host_key(const std::string& type) const;       // "ssh-ed25519 AAAA..."
    std::string make_user_key(const std::string& type) const;  // a private key that is not authorized
    std::string log() const;
    // Until the log holds `text`; false after half a minute.
    bool wait_for_log(const std::string& text) const;

  private:
    bool start(std::uint16_t port);
    void read_log(int fd);
    void stop();

    ScratchDirectory directory_;
    std::vector<std::string> types_;
    std::string more_configuration_;
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
    std::thread reader_;
    mutable std::mutex mutex_;
    mutable std::condition_variable grown_;
    std::string log_;
    bool log_ended_ = false;
};

}  // namespace aggmedic::test
