#include "daemon/exec_plugin.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

#include "net/async_mutex.hpp"
#include "net/deadline.hpp"
#include "net/text.hpp"

namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t output_max = std::size_t{256} * 1024;
constexpr auto run_limit = 30s;
constexpr auto renew_before = 60s;  // of its end: a credential is to last for the cycle that begins with it

// A started plugin; its group is killed and its leader reaped when this ends.
class Child {
  public:
    explicit Child(pid_t pid) : pid_(pid) {}
    ~Child() {
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    std::optional<int> ended() {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
        ::kill(-pid_, SIGKILL);  // what it left behind
        pid_ = -1;
        return status;
    }

  private:
    pid_t pid_;
};

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    for (auto& word : words) list.push_back(word.data());
    list.push_back(nullptr);
    return list;
}

Result<pid_t> spawn(const ExecPlugin& plugin, int output) {
    std::vector<std::string> words{plugin.program};
    words.insert(words.end(), plugin.arguments.begin(), plugin.arguments.end());
    std::vector<std::string> variables{"PATH=/usr/local/bin:/usr/bin:/bin",
                                       "KUBERNETES_EXEC_INFO=" + exec_info(plugin)};
    for (const auto& [name, value] : plugin.environment) variables.push_back(name + "=" + value);
    const auto argv = pointers(words);
    const auto environment = pointers(variables);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, 1);
    ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t pid = -1;
    const int fault =
        ::posix_spawn(&pid, plugin.program.c_str(), &actions, &attributes, argv.data(), environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (fault != 0) {
        return fail(Errc::io_failed, fmt::format("the credential plugin {} cannot be started: {}", plugin.program,
                                                 std::strerror(fault)));
    }
    return pid;
}

asio::awaitable<Result<std::string>> read_all(asio::posix::stream_descriptor& pipe) {
    std::string output;
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto [error, count] =
            co_await pipe.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
        output.append(buffer.data(), count);
        if (output.size() > output_max) co_return fail(Errc::too_large, "it printed more than 256 KiB");
        if (error == asio::error::eof) co_return output;
        if (error) co_return fail(Errc::io_failed, error.message());
    }
}

asio::awaitable<Result<int>> wait_for(Child& child) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (;;) {
        if (const auto status = child.ended()) co_return *status;
        timer.expires_after(10ms);
        const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (error) co_return fail(Errc::cancelled, "cancelled");
    }
}

class PluginSource : public probes::CredentialSource {
  public:
    explicit PluginSource(ExecPlugin plugin) : plugin_(std::move(plugin)) {}

    asio::awaitable<Result<probes::Credential>> current(bool refused) override {
        const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
        const bool is_good = known_ && !refused && (!known_->expires || now + renew_before < *known_->expires);
        if (is_good) co_return known_->credential;
        auto output = co_await run_plugin(plugin_, run_limit);
        if (!output) co_return std::unexpected(output.error());
        auto answer = parse_exec_credential(*output, plugin_.api_version);
        if (!answer) co_return fail(answer.error().code, plugin_.program + ": " + answer.error().detail);
        known_ = std::move(*answer);
        co_return known_->credential;
    }
    std::string identity() const override {
        std::string text = "exec " + plugin_.program;
        for (const auto& argument : plugin_.arguments) text += '\0' + argument;
        for (const auto& [name, value] : plugin_.environment) text += '\0' + name + '=' + value;
        return "exec " + sha256_hex(text);
    }

  private:
    ExecPlugin plugin_;
    std::optional<ExecAnswer> known_;
};

}  // namespace

asio::awaitable<Result<std::string>> run_plugin(ExecPlugin plugin, std::chrono::milliseconds limit) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) co_return fail(Errc::io_failed, "no pipe for a credential plugin");
    asio::posix::stream_descriptor pipe(co_await asio::this_coro::executor, ends[0]);
    const auto pid = spawn(plugin, ends[1]);
    ::close(ends[1]);
    if (!pid) co_return std::unexpected(pid.error());
    Child child(*pid);
    const auto deadline = std::chrono::steady_clock::now() + limit;
    const auto phase = "running " + plugin.program;
    auto output = co_await with_deadline(deadline, phase, read_all(pipe));
    if (!output) co_return fail(output.error().code, plugin.program + ": " + output.error().detail);
    const auto status = co_await with_deadline(deadline, phase, wait_for(child));
    if (!status) co_return fail(status.error().code, plugin.program + ": " + status.error().detail);
    if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) co_return output;
    co_return fail(Errc::io_failed, WIFEXITED(*status)
                                        ? fmt::format("{} ended with status {}; run it by hand as the daemon's user to "
                                                      "see what it says",
                                                      plugin.program, WEXITSTATUS(*status))
                                        : fmt::format("{} was ended by signal {}", plugin.program, WTERMSIG(*status)));
}

std::shared_ptr<probes::CredentialSource> credential_of_plugin(ExecPlugin plugin) {
    return std::make_shared<PluginSource>(std::move(plugin));
}

}  // namespace aggmedic::daemon
