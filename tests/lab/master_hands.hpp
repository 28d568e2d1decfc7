#pragma once

#include <string>

#include "tests/lab/lab_spec.hpp"

// What a switch needs done inside a running master.
namespace aggmedic::lab {

int shell_in(const Running& running, std::size_t master, const std::string& script);
void act_inside(const LabSpec& spec, const Running& running, std::size_t master, const std::string& key,
                const std::string& value);  // value empty: take it away
void reboot_master(const std::filesystem::path& directory,
                   std::size_t master);  // returns when its file system is there again

}  // namespace aggmedic::lab
