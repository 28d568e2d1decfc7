#pragma once

#include "probes/hidden.hpp"
#include "probes/track.hpp"

// An API that fails cycle after cycle, each time in another way: through another master, with another symptom. No
// single finding is seen often enough, and yet it is down.
namespace aggmedic::probes {

// The findings of one cycle, merged by key(finding).
using PresentFindings = std::map<std::string, Finding>;

// Notes which APIs fail in this cycle, and raises what is newest at one that fails in two of three without a raised
// finding.
void raise_rotating(History& history, const PresentFindings& present, const Gaps& gaps);

// Whether an API still fails, in ways that are not raised: then what is raised of it is not over.
bool goes_on_otherwise(const Tracked& tracked, const History& history, const PresentFindings& present);

// What is told of a raised finding: with the causes that its API showed by turns, as long as none of them stays.
Finding with_its_turns(const Tracked& tracked, const History& history);

}  // namespace aggmedic::probes
