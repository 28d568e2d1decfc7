#pragma once

#include <filesystem>
#include <string>

#include "tests/lab/lab_spec.hpp"

// Ways to break a lab: before it starts, and while it runs.
namespace aggmedic::lab {

void prepare_breaks(const LabSpec& spec);    // the switches that a fresh lab starts with
void strike_fresh_lab(const LabSpec& spec);  // those that need a running master

int break_running(const std::filesystem::path& directory, const std::vector<Break>& breaks);
int replace_breaks(const std::filesystem::path& directory, const std::vector<Break>& breaks);  // heal, then break
int heal_running(const std::filesystem::path& directory);
int set_running(const std::filesystem::path& directory, const std::string& master, const std::string& setting);

}  // namespace aggmedic::lab
