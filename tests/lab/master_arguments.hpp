#pragma once

#include <string>

#include "tests/lab/lab_spec.hpp"

namespace aggmedic::lab {

inline constexpr const char* config_prefix = "/var/vcap/jobs/kube-apiserver/config/";

// The bpm.yml of that master. `proxy_pair` becomes the name of its proxy-client pair in the lab's pki, or stays empty:
// then it is the serving certificate's.
std::string master_arguments(const LabSpec& spec, std::size_t index, std::string& proxy_pair);

}  // namespace aggmedic::lab
