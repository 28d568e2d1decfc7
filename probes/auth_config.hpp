#pragma once

#include <string_view>

#include "net/result.hpp"
#include "probes/observation.hpp"

namespace aggmedic::probes {

// Reads the ConfigMap kube-system/extension-apiserver-authentication. A missing key is a fact, not an error; a CA
// bundle that cannot be read counts as present and empty. Errors: malformed_reply when it is no ConfigMap at all.
Result<PublishedAuth> parse_published_auth(std::string_view json);

}  // namespace aggmedic::probes
