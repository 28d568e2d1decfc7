#pragma once

#include <sys/types.h>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace aggmedic::cli {

// The aggmedic program, started for a test with pipes (or a terminal for stderr) and read to its end.
class Program {
  public:
    struct Options {
        std::vector<std::string> arguments{};
        std::map<std::string, std::string> environment{};
        bool terminal = false;  // stderr is a terminal of 100 columns
    };
    explicit Program(Options options);
    explicit Program(std::vector<std::string> arguments);
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    void signal(int number) const;
    // Waits for the end: the exit status, or minus the signal that ended it. Kills it after 60 s.
    int wait();

    std::string output, error;  // once wait() returned

  private:
    pid_t pid_ = -1;
    std::jthread output_reader_, error_reader_;
};

}  // namespace aggmedic::cli
