#pragma once

#include <string>
#include <string_view>

#include "net/result.hpp"

namespace aggmedic::bosh {

inline constexpr std::string_view bpm_file = "/var/vcap/jobs/kube-apiserver/config/bpm.yml";

// The script for os-conf's job pre-start-script: pre_start.sh with one name (and the file, for tests) put in as
// single-quoted words. Errors: invalid_argument for a name that may not be on an allow-list, or a path with other bytes
// than letters, digits and `/._-`.
Result<std::string> render_pre_start_script(std::string_view name, std::string_view file = bpm_file);

}  // namespace aggmedic::bosh
