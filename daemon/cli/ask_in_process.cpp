#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <exception>
#include <optional>

#include "daemon/cli/ask.hpp"
#include "daemon/cli/interrupts.hpp"

namespace aggmedic::cli {
namespace {

namespace asio = boost::asio;

struct Work {
    asio::io_context& io;
    std::shared_ptr<daemon::Service> service;
    ProgressDisplay& display;
    std::optional<daemon::Reply> reply;
    bool aborting = false;
};

asio::awaitable<void> answer(Work& work, daemon::Request request) {
    daemon::ProgressSink sink = [&work](const nlohmann::json& progress) { work.display.feed(progress); };
    work.reply = co_await work.service->handle(std::move(request), std::move(sink));
    co_await work.service->stop();
    work.io.stop();  // what is left are our own waits: the clock and the signals
}

asio::awaitable<void> tick(Work& work) {
    asio::steady_timer timer(work.io);
    for (;;) {
        timer.expires_after(std::chrono::seconds(1));
        co_await timer.async_wait(asio::use_awaitable);
        work.display.tick();
    }
}

asio::awaitable<void> stop_service(Work& work) {
    co_await work.service->stop();
}

// Ctrl-C aborts, once; a lost terminal does not: the run goes on to its end, and the journal keeps it.
asio::awaitable<void> watch(Work& work, Interrupts& interrupts) {
    asio::posix::stream_descriptor readable(work.io, ::dup(interrupts.descriptor()));
    for (;;) {
        co_await readable.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
        const auto signal = interrupts.take();
        if (!signal || *signal == SIGHUP) continue;
        if (work.aborting) {
            work.display.say("aggmedic: already stopping; the current master is finished or undone first.\n");
            continue;
        }
        work.aborting = true;
        work.display.say("aggmedic: stopping: the current master is finished or undone first, then the run ends.\n");
        asio::co_spawn(work.io, stop_service(work), asio::detached);
    }
}

daemon::Reply failure(std::string error) {
    return {.exit_status = exit_status::usage, .error = std::move(error), .result = nullptr};
}

}  // namespace

daemon::Reply ask_in_process(daemon::Config config, daemon::Request request, bool watches_run,
                             ProgressDisplay& display) {
    std::signal(SIGPIPE, SIG_IGN);
    std::optional<Interrupts> interrupts;
    if (watches_run)
        interrupts.emplace();  // before any thread or worker process, so that all of them block the signals
    asio::io_context io(1);    // one thread: no strands
    daemon::Service::Options options;
    options.program = "/proc/self/exe";
    options.standalone = true;
    auto service = daemon::Service::create(io.get_executor(), std::move(config), std::move(options));
    if (!service) return failure(service.error().detail);
    request.uid = ::getuid();
    Work work{.io = io, .service = *std::move(service), .display = display, .reply = std::nullopt};
    std::string fault;
    const auto rethrown = [&](const std::exception_ptr& thrown) {
        if (!thrown) return;
        try {
            std::rethrow_exception(thrown);
        } catch (const std::exception& exception) {
            fault = exception.what();
        }
        io.stop();
    };
    asio::co_spawn(io, answer(work, std::move(request)), rethrown);
    if (display.ticks()) asio::co_spawn(io, tick(work), asio::detached);
    if (interrupts) asio::co_spawn(io, watch(work, *interrupts), asio::detached);
    io.run();
    if (work.reply) return *std::move(work.reply);
    return failure("this is a fault of aggmedic itself: " + fault);
}

}  // namespace aggmedic::cli
