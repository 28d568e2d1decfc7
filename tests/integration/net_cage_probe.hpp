#pragma once

#include <optional>
#include <string>
#include <vector>

namespace aggmedic::test {

// One thing that a caged process tries, and the errno that it must get (0: it must succeed).
struct CageProbe {
    std::string name;
    int expected_errno = 0;
    long (*attempt)() = nullptr;  // -1 with errno, or anything else for success
};

const std::vector<CageProbe>& cage_probes();
// Starts this program again; there it enters the cage and tries. The errno, or a value above 200 when it died.
int run_cage_probe(const std::string& name);
// In main(): the exit status when this process was started as a probe.
std::optional<int> run_as_cage_probe(int argc, char** argv);

}  // namespace aggmedic::test
