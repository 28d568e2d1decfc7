#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/model/answers.hpp"

// Reading tests/fixtures/recorded.
namespace aggmedic::model::recorded {

std::string text(std::string_view file);  // relative to tests/fixtures
std::vector<std::string> lines(std::string_view file);
Answer answer(std::string_view file);  // a .http file

// The header lines that do not change from run to run, and the names of those that do.
std::vector<std::string> comparable_headers(const Answer& answer);

}  // namespace aggmedic::model::recorded
