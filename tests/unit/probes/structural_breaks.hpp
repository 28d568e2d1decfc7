#pragma once

#include <functional>
#include <string>
#include <vector>

#include "probes/observation.hpp"

// The structural causes as changes of a healthy observation with separate CAs.
namespace aggmedic::probes {

struct Break {
    const char* cause;
    const char* slot;                         // what it changes: two of one slot cannot be together
    std::function<void(Observation&)> facts;  // what is wrong
    std::function<void(Observation&)> shows;  // what is then answered
    bool only_shows = false;                  // its facts are its answers: hidden when another's are shown
};
const std::vector<Break>& structural_breaks();

Observation healthy_with_separate_cas();

}  // namespace aggmedic::probes
