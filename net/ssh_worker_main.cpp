#include <fcntl.h>
#include <fmt/format.h>
#include <libssh/libssh.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <deque>
#include <map>

#include "net/ssh_cage.hpp"
#include "net/ssh_protocol.hpp"
#include "net/ssh_session.hpp"
#include "net/ssh_worker.hpp"
#include "net/text.hpp"

namespace aggmedic {
namespace {

using namespace ssh_protocol;

constexpr int parent_socket = 3;

// Everything runs on one thread: no locks.
class Worker {
  public:
    Worker(asio::io_context& io, std::span<const RemoteVerb> verbs)
        : io_(io), socket_(io, asio::local::stream_protocol(), parent_socket), verbs_(verbs) {}

    // Until the parent closes its end or says something that is no request.
    asio::awaitable<void> serve();

  private:
    using Answer = decltype(Reply::body);
    // One for each connect, from its arrival to its close. What runs for it is kept by the coroutines too.
    struct Session {
        std::unique_ptr<SshSession> ssh{};
        bool helper_installed = false;
        std::map<std::uint64_t, asio::cancellation_signal> running{};  // by request id
    };
    using SessionPointer = std::shared_ptr<Session>;

    void start(Request request);
    Descriptor take_connection();
    void run(std::uint64_t id, const SessionPointer& session, asio::awaitable<Answer> work);
    asio::awaitable<Answer> connect(SessionPointer session, Connect request, Descriptor connection);
    asio::awaitable<Answer> call(SessionPointer session, VerbCall call);
    void close(std::uint64_t id);
    Result<std::vector<std::string>> command_of(const Session& session, const VerbCall& call) const;
    void reply(std::uint64_t id, Answer answer);
    asio::awaitable<void> write_replies();

    asio::io_context& io_;
    asio::local::stream_protocol::socket socket_;
    std::span<const RemoteVerb> verbs_;
    std::map<std::uint64_t, SessionPointer> sessions_;
    std::deque<Descriptor> connections_;  // that came with connects which were not read to their end yet
    std::deque<std::string> outgoing_;
    bool writing_ = false;
};

asio::awaitable<void> Worker::serve() {
    for (;;) {
        const auto message = co_await read_message(socket_, connections_);
        if (!message) break;
        auto request = decode_request(*message);
        if (!request) break;
        start(std::move(*request));
    }
    io_.stop();
}

void Worker::start(Request request) {
    if (const auto* wanted = std::get_if<Close>(&request.body)) return close(wanted->session);
    if (auto* wanted = std::get_if<Connect>(&request.body)) {
        auto connection = take_connection();
        if (!connection) return reply(request.id, Error{Errc::invalid_argument, "no connection came with it"});
        auto session = std::make_shared<Session>();
        session->helper_installed = wanted->target.helper_installed;
        if (!sessions_.emplace(request.id, session).second)
            return reply(request.id, Error{Errc::invalid_argument, "the id is in use"});
        return run(request.id, session, connect(session, std::move(*wanted), std::move(connection)));
    }
    auto& wanted = std::get<Verb>(request.body);
    const auto found = sessions_.find(wanted.session);
    if (found == sessions_.end() || !found->second->ssh)
        return reply(request.id, Error{Errc::write_failed, "no such session"});
    run(request.id, found->second, call(found->second, std::move(wanted.call)));
}

Descriptor Worker::take_connection() {
    if (connections_.empty()) return Descriptor();
    auto connection = std::move(connections_.front());
    connections_.pop_front();
    return connection;
}

void Worker::run(std::uint64_t id, const SessionPointer& session, asio::awaitable<Answer> work) {
    auto& signal = session->running[id];
    const auto done = [this, id, session](const std::exception_ptr& thrown, Answer answer) {
        session->running.erase(id);
        const auto* error = std::get_if<Error>(&answer);
        // The caller whose doing it was has gone already; this tells the others of its session.
        const bool cancelled = thrown || (error != nullptr && error->code == Errc::cancelled);
        reply(id, cancelled ? Answer(Error{Errc::read_failed, "the session was closed"}) : std::move(answer));
    };
    asio::co_spawn(io_, std::move(work), asio::bind_cancellation_slot(signal.slot(), done));
}

asio::awaitable<Worker::Answer> Worker::connect(SessionPointer session, Connect request, Descriptor connection) {
    auto ssh = co_await SshSession::open(std::move(connection), std::move(request.target), request.timeout);
    if (!ssh) co_return std::move(ssh.error());
    session->ssh = std::move(*ssh);
    co_return Connected{};
}

asio::awaitable<Worker::Answer> Worker::call(SessionPointer session, VerbCall call) {
    auto command = command_of(*session, call);
    if (!command) co_return std::move(command.error());
    const CommandLimits limits{.timeout = call.timeout};
    auto reply = co_await session->ssh->run(std::move(*command), std::move(call.input), limits);
    if (!reply) co_return std::move(reply.error());
    co_return std::move(*reply);
}

Result<std::vector<std::string>> Worker::command_of(const Session& session, const VerbCall& call) const {
    const auto verb = std::ranges::find(verbs_, call.verb, &RemoteVerb::name);
    if (verb == verbs_.end()) return fail(Errc::invalid_argument, "no such verb");
    if (call.arguments.size() > verb->arguments_max) return fail(Errc::invalid_argument, "too many arguments");
    if (!verb->takes_input && !call.input.empty()) return fail(Errc::invalid_argument, "the verb takes no input");
    const auto& command = session.helper_installed ? verb->installed : verb->command;
    if (command.empty()) return fail(Errc::invalid_argument, "no such verb");
    std::vector<std::string> argv(command.begin(), command.end());
    argv.insert(argv.end(), call.arguments.begin(), call.arguments.end());
    return argv;
}

void Worker::close(std::uint64_t id) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    const auto session = std::move(found->second);
    sessions_.erase(found);
    // A handler may erase its own entry while the signals are emitted.
    std::vector<std::uint64_t> running;
    for (const auto& [request, signal] : session->running) running.push_back(request);
    for (const auto request : running) {
        const auto signal = session->running.find(request);
        if (signal != session->running.end()) signal->second.emit(asio::cancellation_type::terminal);
    }
}

void Worker::reply(std::uint64_t id, Answer answer) {
    if (std::holds_alternative<Error>(answer) && sessions_.contains(id)) sessions_.erase(id);  // a connect that failed
    auto message = encode(Reply{.id = id, .body = std::move(answer)});
    if (!message) message = encode(Reply{.id = id, .body = std::move(message.error())});
    auto framed = message ? frame(*message) : std::move(message);
    if (!framed) return io_.stop();
    outgoing_.push_back(std::move(*framed));
    if (!std::exchange(writing_, true)) asio::co_spawn(io_, write_replies(), asio::detached);
}

asio::awaitable<void> Worker::write_replies() {
    while (!outgoing_.empty()) {
        const auto bytes = std::move(outgoing_.front());
        outgoing_.pop_front();
        const auto [error, size] =
            co_await asio::async_write(socket_, asio::buffer(bytes), asio::as_tuple(asio::use_awaitable));
        if (error) io_.stop();
    }
    writing_ = false;
}

extern "C" void exit_at_once(int) {
    ::_exit(0);
}

void prepare_signals() {
    struct sigaction action{};
    action.sa_handler = SIG_IGN;
    // SIGINT and SIGHUP of the terminal are for the parent to judge: a run goes on without its terminal.
    for (const int ignored : {SIGPIPE, SIGINT, SIGHUP, SIGQUIT}) ::sigaction(ignored, &action, nullptr);
    action.sa_handler = exit_at_once;
    ::sigaction(SIGTERM, &action, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

// What would open files or start threads on first use.
void load_libraries() {
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS,
                        nullptr);
    std::array<unsigned char, 16> random{};
    RAND_bytes(random.data(), random.size());
    ssh_init();
    ssh_set_log_level(SSH_LOG_NOLOG);
}

bool is_socket(int fd) {
    int type = 0;
    socklen_t size = sizeof type;
    return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

int run_worker(std::span<const RemoteVerb> verbs) {
    if (!is_socket(parent_socket)) {
        fmt::print(stderr,
                   "--ssh-worker is for aggmedic itself: it starts its workers with a socket as descriptor 3\n");
        return 2;
    }
    prepare_signals();
    load_libraries();
    asio::io_context io(1);
    Worker worker(io, verbs);
    const auto caged = enter_ssh_cage();
    if (!caged) {
        fmt::print(stderr, "{}\n", caged.error().detail);
        return 3;
    }
    asio::co_spawn(io, worker.serve(), asio::detached);
    io.run();
    // Not through exit(): static destructors and leak checks want files and threads, and the parent is gone anyway.
    ::_exit(0);
}

}  // namespace

std::optional<int> run_as_ssh_worker(int argc, char** argv, std::span<const RemoteVerb> verbs) {
    if (argc != 2 || std::string_view(argv[1]) != "--ssh-worker") return std::nullopt;
    return run_worker(verbs);
}

}  // namespace aggmedic
