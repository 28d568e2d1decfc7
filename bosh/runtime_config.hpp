#pragma once

#include <span>
#include <string>

#include "net/result.hpp"

namespace aggmedic::bosh {

// The name that one deployment's apiservers have to accept.
struct DeploymentName {
    std::string deployment;  // service-instance_<uuid>, cfcr
    std::string name;        // the CN of its proxy-client certificate
};

struct RuntimeConfigOptions {
    std::string os_conf_version = "20.0.0";  // must be on the Director, and the same everywhere
    std::string kubo_release = "kubo";       // the release that kube-apiserver comes from
};

// A runtime config with one addon per deployment that runs the script of pre_start.hpp before kube-apiserver starts, on
// the instances that have this job only. Its filters are those that Directors of 2018 know: an unknown one would be
// ignored, and widen the filter to everything. It takes effect at each deployment's next deploy. Errors:
// invalid_argument.
Result<std::string> render_runtime_config(std::span<const DeploymentName> deployments,
                                          const RuntimeConfigOptions& options = {});

}  // namespace aggmedic::bosh
