#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/model/generation.hpp"

// Who asks, for what, and whether RBAC lets them: the same table serves kube-apiserver and (by delegation) the
// extension servers.
namespace aggmedic::model {

struct Identity {
    std::string user;
    std::vector<std::string> groups;

    bool in(std::string_view group) const;
    bool operator==(const Identity&) const = default;
};

Identity anonymous();

// What a request is about, as the authorizer sees it.
struct Attributes {
    std::string verb;
    std::string path;  // non-resource requests: the whole path
    bool is_resource = false;
    std::string group, version, resource, name_space, name;
};

Attributes parse_attributes(std::string_view method, std::string_view target);

struct Rule {
    std::vector<std::string> verbs;
    std::vector<std::string> groups, resources, names;  // empty names: every name
    std::vector<std::string> namespaces;                // empty: everywhere
    std::vector<std::string> paths;                     // non-resource rules; a trailing * is a prefix
};

struct Binding {
    std::string subject;  // a user or a group
    std::vector<Rule> rules;
};

// The default discovery roles of the generation, and system:masters, are always part of the answer.
bool allowed(Generation generation, const Identity& who, const Attributes& what, std::span<const Binding> bindings);

struct Refused {
    std::string message;
    std::string details;  // the JSON object of Status.details
};
Refused forbidden(Generation generation, const Identity& who, const Attributes& what);

}  // namespace aggmedic::model
