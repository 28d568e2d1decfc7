#include "bosh/ops_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "remediate/allowed_names.hpp"

namespace aggmedic::bosh {

Result<std::string> render_ops_file(std::span<const std::string> names) {
    const auto list = fmt::format("{}", fmt::join(names, ","));
    const auto read = remediate::read_allowed_names(list);
    if (!read || read->size() != names.size()) {
        return fail(Errc::invalid_argument,
                    "an ops-file needs names that differ and hold neither spaces, quotes nor commas");
    }
    // Quoted: a list of one number would be no text otherwise. No character of a name needs to be escaped.
    return fmt::format(
        "# Names whose certificates may speak for callers at extension API servers. Check the result with:\n"
        "#   bosh int MANIFEST -o THIS --path "
        "/instance_groups/name=master/jobs/name=kube-apiserver/properties/k8s-args/"
        "requestheader-allowed-names\n"
        "- type: replace\n"
        "  path: "
        "/instance_groups/name=master/jobs/name=kube-apiserver/properties/k8s-args/requestheader-allowed-names\n"
        "  value: \"{}\"\n",
        list);
}

}  // namespace aggmedic::bosh
