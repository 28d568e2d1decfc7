#include "bosh/pre_start.hpp"

#include <cassert>

#include "bosh/pre_start_script.hpp"
#include "probes/common_name.hpp"

namespace aggmedic::bosh {
namespace {

void put_in(std::string& script, std::string_view placeholder, std::string_view word) {
    const std::size_t at = script.find(placeholder);
    assert(at != script.npos);
    script.replace(at, placeholder.size(), word);
}

bool is_plain_path(std::string_view path) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
    return path.starts_with('/') && path.find_first_not_of(allowed) == path.npos;
}

}  // namespace

Result<std::string> render_pre_start_script(std::string_view name, std::string_view file) {
    if (auto why = probes::common_name_refusal(name); !why.empty())
        return fail(Errc::invalid_argument, "no script for this name: " + why);
    if (!is_plain_path(file)) return fail(Errc::invalid_argument, "no script for a file whose path needs quoting");
    std::string script(generated::pre_start_script);
    put_in(script, "__NAME__", name);
    put_in(script, "__FILE__", file);
    return script;
}

}  // namespace aggmedic::bosh
