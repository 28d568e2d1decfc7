#include "tests/model/access.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace aggmedic::model {
namespace {

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin < path.size();) {
        const auto end = std::min(path.find('/', begin), path.size());
        if (end > begin) parts.emplace_back(path.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

std::string verb_of(std::string_view method, bool is_resource, bool has_name) {
    if (!is_resource) {
        std::string verb(method);
        std::ranges::transform(verb, verb.begin(),
                               [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
        return verb;
    }
    if (method == "GET" || method == "HEAD") return has_name ? "get" : "list";
    if (method == "POST") return "create";
    if (method == "PUT") return "update";
    if (method == "PATCH") return "patch";
    return has_name ? "delete" : "deletecollection";
}

bool contains(const std::vector<std::string>& list, std::string_view value) {
    return std::ranges::any_of(list, [&](const auto& item) { return item == "*" || item == value; });
}

bool path_matches(const std::vector<std::string>& patterns, std::string_view path) {
    return std::ranges::any_of(patterns, [&](std::string_view pattern) {
        if (pattern.ends_with('*')) return path.starts_with(pattern.substr(0, pattern.size() - 1));
        return path == pattern;
    });
}

bool rule_allows(const Rule& rule, const Attributes& what) {
    if (!contains(rule.verbs, what.verb)) return false;
    if (!what.is_resource) return path_matches(rule.paths, what.path);
    return contains(rule.groups, what.group) && contains(rule.resources, what.resource) &&
           (rule.names.empty() || contains(rule.names, what.name)) &&
           (rule.namespaces.empty() || contains(rule.namespaces, what.name_space));
}

// system:discovery and system:public-info-viewer.
bool default_roles_allow(Generation generation, const Identity& who, const Attributes& what) {
    if (what.is_resource || what.verb != "get") return false;
    static const std::vector<std::string> open_to_all = {"/healthz", "/livez", "/readyz", "/version", "/version/"};
    static const std::vector<std::string> discovery = {"/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"};
    if (path_matches(open_to_all, what.path)) {
        const bool since_116 = what.path == "/livez" || what.path == "/readyz";
        return !since_116 || generation.has_readyz();
    }
    const bool may_discover = who.in("system:authenticated") || generation.anonymous_may_discover();
    return may_discover && path_matches(discovery, what.path);
}

}  // namespace

bool Identity::in(std::string_view group) const {
    return std::ranges::find(groups, group) != groups.end();
}

Identity anonymous() {
    return {.user = "system:anonymous", .groups = {"system:unauthenticated"}};
}

Attributes parse_attributes(std::string_view method, std::string_view target) {
    Attributes what;
    what.path = std::string(target.substr(0, target.find('?')));
    auto parts = split_path(what.path);
    const std::size_t prefix = parts.empty() ? 0 : parts[0] == "api" ? 2 : parts[0] == "apis" ? 3 : 0;
    if (prefix != 0 && parts.size() > prefix) {
        what.is_resource = true;
        what.group = prefix == 3 ? parts[1] : "";
        what.version = parts[prefix - 1];
        auto rest = std::vector<std::string>(parts.begin() + static_cast<std::ptrdiff_t>(prefix), parts.end());
        if (rest[0] == "namespaces" && rest.size() > 2) {
            what.name_space = rest[1];
            rest.erase(rest.begin(), rest.begin() + 2);
        } else if (rest[0] == "namespaces" && rest.size() == 2) {
            what.name_space = rest[1];  // RBAC judges a namespace as being inside itself
        }
        what.resource = rest[0];
        if (rest.size() > 1) what.name = rest[1];
        if (rest.size() > 2) what.resource += "/" + rest[2];
    }
    what.verb = verb_of(method, what.is_resource, !what.name.empty());
    return what;
}

bool allowed(Generation generation, const Identity& who, const Attributes& what, std::span<const Binding> bindings) {
    if (who.in("system:masters")) return true;
    if (default_roles_allow(generation, who, what)) return true;
    return std::ranges::any_of(bindings, [&](const Binding& binding) {
        const bool bound = binding.subject == who.user || who.in(binding.subject);
        return bound && std::ranges::any_of(binding.rules, [&](const Rule& rule) { return rule_allows(rule, what); });
    });
}

Refused forbidden(Generation generation, const Identity& who, const Attributes& what) {
    if (!what.is_resource) {
        return {.message = "forbidden: User \"" + who.user + "\" cannot " + what.verb + " path \"" + what.path + "\"",
                .details = "{}"};
    }
    const std::string qualified = what.group.empty() ? what.resource : what.resource + "." + what.group;
    std::string message = qualified;
    if (!what.name.empty()) message += " \"" + what.name + "\"";
    message += " is forbidden: User \"" + who.user + "\" cannot " + what.verb;
    message += generation.minor < 12 ? " " + qualified
                                     : " resource \"" + what.resource + "\" in API group \"" + what.group + "\"";
    message += what.name_space.empty() ? " at the cluster scope" : " in the namespace \"" + what.name_space + "\"";
    nlohmann::ordered_json details = nlohmann::ordered_json::object();
    if (!what.name.empty()) details["name"] = what.name;
    if (!what.group.empty()) details["group"] = what.group;
    details["kind"] = what.resource;
    return {.message = message, .details = details.dump()};
}

}  // namespace aggmedic::model
