#pragma once

#include <optional>
#include <set>
#include <string>

#include "probes/finding.hpp"
#include "probes/intermittent.hpp"

// What the gaps of a cycle say about a finding that it did not bring: whether it is over, or could not be seen.
namespace aggmedic::probes {

struct Gaps {
    const Assessment& assessment;
    const std::optional<ListedApis>& listed;
    // The APIs at which SSH has proved a cause of trust, so that SSH also tells when what follows from it is over.
    std::set<std::string> proven_apis;
};

// A fault of what the masters present that the files and the ConfigMap show, whatever any API answers.
bool is_structural(const Finding& finding);

// Whether the absence of a finding means that it is over. One dead master hides what was found on it and every
// comparison with it; an API that told nothing hides its own findings; a gap that stands in every cycle hides no more
// than its subject.
bool is_known(const Finding& finding, const Gaps& gaps);

}  // namespace aggmedic::probes
