#include "remediate/run_hosts.hpp"

#include <utility>

#include "net/text.hpp"
#include "probes/observe.hpp"

namespace aggmedic::remediate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds connect_timeout{15};
constexpr seconds retry_pause{3};

// Above what the helper itself may wait: flock 20 s, monit 10 s and 30 s; systemctl 10 s a question, and 30 s to
// reload, which the undo of a unit's file needs too.
milliseconds timeout_of(const std::string& verb) {
    if (verb == "restart") return seconds(100);
    return verb == "restore" ? seconds(75) : seconds(45);
}

bool may_pass(Errc code) {
    // A wrong host key or a refused key does not get better by asking again.
    return code == Errc::connect_failed || code == Errc::timeout || code == Errc::worker_lost ||
           code == Errc::resolve_failed || code == Errc::read_failed || code == Errc::write_failed;
}

std::string describe(const Error& error) {
    return std::string(name(error.code)) + ": " + printable(error.detail, 256);
}

}  // namespace

HelperAnswer read_helper_answer(const Result<VerbReply>& reply) {
    using Kind = HelperAnswer::Kind;
    if (!reply) return {.kind = Kind::unknown, .word = {}, .detail = describe(reply.error())};
    std::string_view line = reply->output;
    line = line.substr(0, line.find('\n'));
    const bool says_ok = reply->exit_status == 0 && line.starts_with("ok ");
    const bool says_no = reply->exit_status >= 20 && line.starts_with("no ");
    if (says_ok || says_no) {
        const auto rest = line.substr(3);
        return {.kind = says_ok ? Kind::ok : Kind::no,
                .word = printable(rest.substr(0, rest.find(' ')), 32),
                .detail = printable(rest, 320)};
    }
    const std::string ended =
        "ended with " + std::to_string(reply->exit_status) + ": " + printable(reply->error_output, 256);
    // sudo says 1 where it wants a password, a shell 126 and 127 where there is no sudo.
    const bool not_run =
        line.empty() && (reply->exit_status == 1 || reply->exit_status == 126 || reply->exit_status == 127);
    if (not_run) return {.kind = Kind::not_run, .word = {}, .detail = "the helper could not be started, it " + ended};
    return {.kind = Kind::unknown, .word = {}, .detail = "the helper gave no answer, it " + ended};
}

asio::awaitable<Result<std::unique_ptr<RemoteHost>>> Hosts::connect(std::string master) {
    auto target = co_await access_.acquire(master);
    if (!target) co_return std::unexpected(target.error());
    acquired_[master] = true;
    co_return co_await connector_.connect(std::move(*target), connect_timeout);
}

asio::awaitable<Result<RemoteHost*>> Hosts::session(std::string master, milliseconds patience) {
    if (const auto found = sessions_.find(master); found != sessions_.end()) co_return found->second.get();
    const auto deadline = edge_.now() + patience;
    for (;;) {
        auto host = co_await connect(master);
        if (host) {
            auto& kept = sessions_[master] = std::move(*host);
            co_return kept.get();
        }
        if (!may_pass(host.error().code) || edge_.now() + retry_pause > deadline)
            co_return std::unexpected(host.error());
        if (stopping_()) {
            gave_up_ = true;
            co_return std::unexpected(host.error());
        }
        co_await edge_.sleep(retry_pause);
    }
}

asio::awaitable<HelperAnswer> Hosts::call(std::string master, std::string verb, std::vector<std::string> arguments,
                                          std::string input, milliseconds patience) {
    const auto host = co_await session(master, patience);
    // Nothing was sent: as certain as a refusal.
    if (!host)
        co_return HelperAnswer{.kind = HelperAnswer::Kind::not_run, .word = {}, .detail = describe(host.error())};
    VerbCall request;
    request.verb = verb;
    request.arguments = std::move(arguments);
    request.input = std::move(input);
    request.timeout = timeout_of(verb);
    const auto reply = co_await (*host)->call(std::move(request));
    if (!reply) sessions_.erase(master);
    co_return read_helper_answer(reply);
}

asio::awaitable<Result<probes::Look>> Hosts::look(std::string master, milliseconds patience) {
    const auto host = co_await session(master, patience);
    if (!host) co_return std::unexpected(host.error());
    auto look = co_await look_at_master_(**host, master, platform_);
    if (!look && look.error().code != Errc::malformed_reply) sessions_.erase(master);
    co_return look;
}

asio::awaitable<void> Hosts::close() {
    sessions_.clear();
    for (const auto& [master, acquired] : acquired_) {
        const std::string name = master;
        co_await access_.release(name);
    }
    acquired_.clear();
}

}  // namespace aggmedic::remediate
