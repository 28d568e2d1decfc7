#include <unistd.h>

#include <algorithm>

#include "daemon/cli/arguments.hpp"
#include "daemon/cli/commands.hpp"
#include "daemon/cli/output.hpp"
#include "net/ssh_worker.hpp"
#include "remediate/master_helper.hpp"

// The operator's command. With --standalone it is also the program that its own SSH workers are.
int main(int argc, char** argv) {
    using namespace aggmedic;
    if (const auto status = run_as_ssh_worker(argc, argv, remediate::remote_verbs())) return *status;
    const auto parsed = cli::parse_arguments({argv + std::min(1, argc), argv + argc});
    if (const auto* farewell = std::get_if<cli::Farewell>(&parsed)) {
        static_cast<void>(cli::write_all(STDOUT_FILENO, farewell->output));
        static_cast<void>(cli::write_all(STDERR_FILENO, farewell->error));
        return farewell->exit_status;
    }
    return cli::run_command(std::get<cli::Invocation>(parsed));
}
