#pragma once

#include <functional>
#include <string>

#include "tests/lab/lab_spec.hpp"

// The process that a lab lives in.
namespace aggmedic::lab {

// Makes the network, starts everything, calls `ready` once every apiserver and API is up (or with a sentence when not),
// and stays until it is told to stop. All children die with it, also by SIGKILL.
int supervise(const LabSpec& spec, const std::function<void(const std::string& trouble)>& ready);

std::string missing_programs(const LabSpec& spec);  // a sentence, or empty

}  // namespace aggmedic::lab
