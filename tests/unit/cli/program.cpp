#include "program.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

namespace aggmedic::cli {
namespace {

std::string read_to_end(int descriptor) {
    std::string text;
    std::array<char, 4096> chunk{};
    for (;;) {
        const auto count = ::read(descriptor, chunk.data(), chunk.size());
        if (count <= 0) break;  // a terminal whose last writer ended answers EIO
        text.append(chunk.data(), static_cast<std::size_t>(count));
    }
    ::close(descriptor);
    return text;
}

struct Ends {
    int ours = -1, theirs = -1;
};

Ends open_pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    return {.ours = ends[0], .theirs = ends[1]};
}

Ends open_terminal() {
    Ends ends;
    winsize size{.ws_row = 24, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
    EXPECT_EQ(::openpty(&ends.ours, &ends.theirs, nullptr, nullptr, &size), 0);
    ::fcntl(ends.ours, F_SETFD, FD_CLOEXEC);
    return ends;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    for (auto& word : words) list.push_back(word.data());
    list.push_back(nullptr);
    return list;
}

}  // namespace

Program::Program(std::vector<std::string> arguments) : Program(Options{.arguments = std::move(arguments)}) {}

Program::Program(Options options) {
    auto words = options.arguments;
    words.insert(words.begin(), AGGMEDIC_PROGRAM);
    auto& variables = options.environment;
    variables.try_emplace("PATH", "/usr/bin:/bin");
    variables.try_emplace("TERM", "xterm");
    if (const char* sanitizer = std::getenv("ASAN_OPTIONS")) variables.try_emplace("ASAN_OPTIONS", sanitizer);
    std::vector<std::string> environment;
    for (const auto& [key, value] : variables) environment.push_back(key + "=" + value);
    auto argv = pointers(words);
    auto envp = pointers(environment);
    const auto out = open_pipe();
    const auto err = options.terminal ? open_terminal() : open_pipe();
    pid_ = ::fork();
    if (pid_ == 0) {
        ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
        ::dup2(out.theirs, STDOUT_FILENO);
        ::dup2(err.theirs, STDERR_FILENO);
        ::execve(argv[0], argv.data(), envp.data());
        ::_exit(127);
    }
    ::close(out.theirs);
    ::close(err.theirs);
    output_reader_ = std::jthread([this, descriptor = out.ours] { output = read_to_end(descriptor); });
    error_reader_ = std::jthread([this, descriptor = err.ours] { error = read_to_end(descriptor); });
}

Program::~Program() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        wait();
    }
}

void Program::signal(int number) const {
    ::kill(pid_, number);
}

int Program::wait() {
    using namespace std::chrono_literals;
    int status = 0;
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > end) ::kill(pid_, SIGKILL);
        std::this_thread::sleep_for(5ms);
    }
    pid_ = -1;
    output_reader_.join();
    error_reader_.join();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace aggmedic::cli
