#pragma once

#include <span>
#include <string>

#include "net/result.hpp"

namespace aggmedic::bosh {

// An ops-file that gives kube-apiserver of a CFCR manifest exactly these names, in this order: all that the cluster has
// now, and the one that is missing. It holds from kubo-release v0.23.3 on; its path is written without `?`, so that on
// an older manifest `bosh` fails instead of changing nothing. Errors: invalid_argument.
Result<std::string> render_ops_file(std::span<const std::string> names);

}  // namespace aggmedic::bosh
