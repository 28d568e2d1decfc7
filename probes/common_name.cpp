#include "probes/common_name.hpp"

#include <algorithm>
#include <array>

#include "net/text.hpp"

namespace aggmedic::probes {

namespace {

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

constexpr std::size_t length_max = 64;  // RFC 5280's upper bound of a common name

constexpr std::array<std::string_view, 8> reserved{
    "admin",      "kubernetes-admin", "kubernetes-super-admin", "kube-scheduler", "kube-controller-manager",
    "kube-proxy", "serviceaccount",   "service-account"};

}  // namespace

std::string common_name_refusal(std::string_view common_name) {
    if (common_name.empty()) return "the certificate has no CN";
    if (common_name.size() > length_max) return "the CN is longer than 64 bytes";
    const bool grammatical = is_alphanumeric(common_name.front()) && std::ranges::all_of(common_name, [](char c) {
                                 return is_alphanumeric(c) || c == '.' || c == '-';
                             });
    if (!grammatical) return "the CN holds characters other than letters, digits, dots and hyphens";
    if (common_name.find("..") != std::string_view::npos) return "the CN holds two dots in a row";
    const auto lower = to_lower(common_name);
    if (lower.starts_with("kubelet")) return "the CN is reserved for kubelets";
    if (std::ranges::find(reserved, lower) != reserved.end())
        return "the CN is reserved for a component or an administrator";
    if (lower.starts_with("system.serviceaccount") || lower.ends_with(".serviceaccount")) {
        return "the CN looks like a service account";
    }
    return {};
}

}  // namespace aggmedic::probes
