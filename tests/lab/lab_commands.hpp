#pragma once

#include <string>
#include <vector>

#include "tests/lab/lab_spec.hpp"

// What the subcommands of `lab` do. They return the exit status and throw std::runtime_error with a sentence.
namespace aggmedic::lab {

struct Options {
    LabSpec spec;
    std::vector<std::string> breaks, command;
    std::string bpm = "seed-listing-completed.yml", cause, setting, master;
    int master_index = -1;
    bool foreground = false, keep = false;
};

int up(Options options);
int down(const Options& options);
int exec_inside(const Options& options);
int ssh(const Options& options);
int status(const Options& options);

}  // namespace aggmedic::lab
