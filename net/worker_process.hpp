#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "net/result.hpp"

namespace aggmedic {

// A child process with one end of a socketpair as its descriptor 3, /dev/null as stdin and stdout, our stderr, and
// nothing else: no other descriptor, no environment but the sanitizers' options, default signal handling.
class WorkerProcess {
  public:
    // Starts `program --ssh-worker`. That the program could not be executed shows as its end with status 127.
    // Errors: io_failed.
    static Result<WorkerProcess> start(const std::string& program);
    WorkerProcess(WorkerProcess&& other) noexcept
        : pid_(std::exchange(other.pid_, -1)), socket_(std::exchange(other.socket_, -1)) {}
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;
    WorkerProcess& operator=(WorkerProcess&&) = delete;
    ~WorkerProcess();

    pid_t pid() const { return pid_; }  // -1 after stop()
    int release_socket() { return std::exchange(socket_, -1); }
    // Kills the process if it still runs, and reaps it. How it ended, for people: "signal 9", "exit status 127",
    // "killed by its cage".
    std::string stop();

  private:
    WorkerProcess(pid_t pid, int socket) : pid_(pid), socket_(socket) {}
    pid_t pid_;
    int socket_;
};

}  // namespace aggmedic
