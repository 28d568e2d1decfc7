#include "daemon/process.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "daemon/control_socket.hpp"
#include "daemon/http_server.hpp"
#include "daemon/log.hpp"
#include "daemon/notify.hpp"
#include "daemon/service.hpp"
#include "daemon/task_group.hpp"
#include "net/ssh_cage.hpp"

namespace aggmedic::daemon {
namespace {

void log_warnings(const Config& config) {
    for (const auto& warning : config.warnings) log_warning(format(warning));
}

// Every fault is a line of the log, and all of them together are the answer.
Result<Config> read_again(const std::filesystem::path& file) {
    auto config = load_config(file);
    if (config) {
        log_warnings(*config);
        return std::move(*config);
    }
    std::string text = "the old configuration stays, because the new one has faults:";
    for (const auto& fault : config.error()) {
        log_error("the configuration is not reloaded", {{"fault", format(fault)}});
        text += "\n" + format(fault);
    }
    return fail(Errc::invalid_argument, text);
}

asio::awaitable<nlohmann::json> show(std::shared_ptr<Service> service, std::string name) {
    Request request;
    request.command = name == "clusters" ? "status" : name;
    const auto reply = co_await service->handle(std::move(request), {});
    if (reply.error.empty()) co_return reply.result;
    co_return nlohmann::json{{"error", reply.error}};
}

Result<void> reload(const std::shared_ptr<Service>& service, const std::filesystem::path& file) {
    notify("RELOADING=1");
    auto done = service->reload(read_again(file));
    if (!done) log_error(done.error().detail);
    notify("READY=1");
    return done;
}

HttpHandlers handlers_of(const std::shared_ptr<Service>& service, const std::filesystem::path& file) {
    return {.metrics = [service] { return service->metrics(); },
            .ready = [service] { return service->ready(); },
            .alive = [service] { return service->alive(); },
            .reload = [service, file] { return reload(service, file); },
            .api = [service](std::string name) { return show(service, std::move(name)); }};
}

asio::awaitable<void> feed_watchdog(std::shared_ptr<Service> service, std::chrono::microseconds interval) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (;;) {
        if (service->alive()) notify("WATCHDOG=1");
        timer.expires_after(interval / 3);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<void> reload_on_hangup(std::shared_ptr<Service> service, std::filesystem::path file) {
    asio::signal_set hangup(co_await asio::this_coro::executor, SIGHUP);
    for (;;) {
        co_await hangup.async_wait(asio::use_awaitable);
        static_cast<void>(reload(service, file));
    }
}

asio::awaitable<void> keep_running(std::shared_ptr<Service> service) {
    co_await service->run();
}

// Once, not with every worker: they come and go with each look at the masters.
void log_cage() {
    if (landlock_version() > 0) return;
    log_warning(
        "there is no Landlock here: the system call filter alone keeps the SSH workers from "
        "files and sockets (it is in Linux since 5.13; lsm= may leave it out, and a container's filter may forbid it)");
}

// The whole life, on one thread. The answer is the exit status.
asio::awaitable<int> live(Config config, std::filesystem::path file) {
    const auto executor = co_await asio::this_coro::executor;
    asio::signal_set stop(executor, SIGTERM, SIGINT);
    const auto host = config.listen_host;
    const auto port = config.listen_port;
    const auto socket = config.control_socket;
    Service::Options options{
        .program = "/proc/self/exe", .standalone = false, .reload = [file] { return read_again(file); }, .connect = {}};
    auto created = Service::create(executor, std::move(config), std::move(options));
    if (!created) {
        log_error(created.error().detail);
        co_return EXIT_FAILURE;
    }
    const auto service = *created;
    auto control = ControlSocket::listen(executor, socket, [service](Request request, ProgressSink progress) {
        return service->handle(std::move(request), std::move(progress));
    });
    auto http = HttpServer::listen(executor, host, port, handlers_of(service, file));
    if (!control || !http) {
        log_error(!control ? control.error().detail : http.error().detail);
        co_return EXIT_FAILURE;
    }
    const auto tasks = std::make_shared<TaskGroup>(executor);
    tasks->spawn("control socket", (*control)->serve());
    tasks->spawn("http", (*http)->serve());
    tasks->spawn("reload", reload_on_hangup(service, file));
    tasks->spawn("service", keep_running(service));
    if (const auto interval = watchdog_interval()) tasks->spawn("watchdog", feed_watchdog(service, *interval));
    log_info("aggmedicd is ready", {{"version", AGGMEDIC_VERSION},
                                    {"http", fmt::format("{}:{}", host, (*http)->port())},
                                    {"control_socket", socket.string()}});
    notify("READY=1");

    co_await stop.async_wait(asio::use_awaitable);
    notify("STOPPING=1");
    log_info("stopping: a run in flight ends its current step first");
    // The doors stay open meanwhile: who follows a run hears how it was left.
    co_await service->stop();
    co_await (*control)->drain(std::chrono::seconds(2));
    (*control)->close();
    http->reset();
    tasks->cancel();
    co_await tasks->wait();
    log_info("stopped");
    co_return EXIT_SUCCESS;
}

}  // namespace

int run_daemon(Config config, std::filesystem::path file) {
    std::signal(SIGPIPE, SIG_IGN);
    start_logging(std::getenv("JOURNAL_STREAM") == nullptr);
    log_warnings(config);
    log_cage();
    // One thread: all of it waits for the network, and nothing needs a strand. SQLite has a thread of its own, SSH
    // processes of theirs.
    asio::io_context io(1);
    int status = EXIT_FAILURE;
    asio::co_spawn(io, live(std::move(config), std::move(file)), [&](const std::exception_ptr& fault, int result) {
        status = result;
        try {
            if (fault) std::rethrow_exception(fault);
        } catch (const std::exception& error) {
            log_error("aggmedicd ends because of a fault of its own", {{"error", error.what()}});
            status = EXIT_FAILURE;
        }
        io.stop();  // what is left are conversations whose other end does not listen
    });
    io.run();
    return status;
}

}  // namespace aggmedic::daemon
