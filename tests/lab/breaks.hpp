#pragma once

#include <filesystem>
#include <ostream>
#include <string>

#include "tests/lab/lab_spec.hpp"

// Ways to break a lab: before it starts, and while it runs.
namespace aggmedic::lab {

Break parse_break(const std::string& text, int master = -1);  // CAUSE or CAUSE@N; throws with the list of causes
std::size_t master_index(const std::string& name);            // master/1, m1 or 1
void list_causes(std::ostream& out);

void prepare_breaks(const LabSpec& spec);    // the switches that a fresh lab starts with
void strike_fresh_lab(const LabSpec& spec);  // those that need a running master

int break_running(const std::filesystem::path& directory, const Break& what);
int heal_running(const std::filesystem::path& directory);
int set_running(const std::filesystem::path& directory, const std::string& master, const std::string& setting);

}  // namespace aggmedic::lab
