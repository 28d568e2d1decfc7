#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

// Processes and signals, for the lab's programs.
namespace aggmedic::lab {

class HttpServer;

// Listens, serves, and ends the process on SIGTERM or SIGINT. For servers that have nothing else to do.
int serve_until_stopped(HttpServer& server);

void block_stop_signals();  // before any thread starts, so that wait_for_stop gets them
int wait_for_stop();        // the signal
bool wait_for_stop(std::chrono::milliseconds limit);

struct Spawn {
    std::vector<std::string> argv;
    std::map<std::string, std::string> environment;  // added to the own one
    std::string output_file;                         // stdout and stderr are appended; empty: inherited
    std::function<void()> in_child;                  // runs between fork and exec
    bool dies_with_parent = true;
};
pid_t spawn(const Spawn& what);                      // throws std::system_error
[[noreturn]] void exec_in_child(const Spawn& what);  // after a fork or clone
int run(const Spawn& what);                          // waits; exit status, or 128 + signal
bool is_alive(pid_t pid);
bool wait_until(const std::function<bool()>& done, std::chrono::milliseconds limit,
                std::chrono::milliseconds pause = std::chrono::milliseconds(20));

// SIGTERM, then SIGKILL when it is still there after the grace.
void end_process(pid_t pid, std::chrono::milliseconds grace);

}  // namespace aggmedic::lab
