#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "remediate/plan.hpp"

// What differs between the platforms in what a plan and a report say, as a person would write it.
namespace aggmedic::remediate {

int gap_seconds_of(std::string_view platform);         // how long a restart takes a master's API away
std::string restart_words(std::string_view platform);  // the command, or that there is none to give
std::string process_words(std::string_view platform);  // how the new process is looked for

// Where a run keeps the old bytes of a file, as master_helper.sh does; RUN stands for the run's id where none is given.
std::string kept_bytes(std::string_view platform, const std::string& resolved, std::string_view run = "RUN");

// How long the change of a file lasts by itself, and who would take it back.
std::string lasts_until(const Plan& plan);
// The same as a sentence that says what to type.
std::string make_permanent(const Plan& plan);
// The command that makes it last, as far as one of ours does.
std::string permanent_command(const Plan& plan);
// What has to be done outside of the masters for it to last, one sentence each; nothing where the arguments stay.
std::vector<std::string> describe_permanent(const Plan& plan);

// Why a platform that is not edited is none, and what to do there; names it.
std::string not_edited(std::string_view platform);

}  // namespace aggmedic::remediate
