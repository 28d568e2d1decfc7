#pragma once

#include <string_view>

#include "net/result.hpp"
#include "probes/observation.hpp"

namespace aggmedic::probes {

// Reads the ConfigMap kube-system/extension-apiserver-authentication. A missing key is a fact, not an error; one
// that is there and cannot be read is in `malformed`, and what it holds stays empty. Errors: malformed_reply when it is
// no ConfigMap at all.
Result<PublishedAuth> parse_published_auth(std::string_view json);

}  // namespace aggmedic::probes
