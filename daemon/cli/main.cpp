#include <unistd.h>

#include <algorithm>
#include <exception>

#include "daemon/cli/arguments.hpp"
#include "daemon/cli/commands.hpp"
#include "daemon/cli/output.hpp"
#include "net/ssh_worker.hpp"
#include "net/text.hpp"
#include "remediate/master_helper.hpp"

namespace {

using namespace aggmedic;

int run(int argc, char** argv) {
    const auto parsed = cli::parse_arguments({argv + std::min(1, argc), argv + argc});
    if (const auto* farewell = std::get_if<cli::Farewell>(&parsed)) {
        static_cast<void>(cli::write_all(STDOUT_FILENO, farewell->output));
        static_cast<void>(cli::write_all(STDERR_FILENO, farewell->error));
        return farewell->exit_status;
    }
    return cli::run_command(std::get<cli::Invocation>(parsed));
}

}  // namespace

// The operator's command. With --standalone it is also the program that its own SSH workers are.
int main(int argc, char** argv) {
    if (const auto status = run_as_ssh_worker(argc, argv, remediate::remote_verbs())) return *status;
    try {
        return run(argc, argv);
    } catch (const std::exception& surprise) {
        cli::complain("this is a fault of aggmedic itself: " + printable(surprise.what()));
        return cli::exit_status::usage;
    }
}
