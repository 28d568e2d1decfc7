#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"
#include "probes/observation.hpp"

namespace aggmedic::probes {

// The APIServices with a service reference (the others are kube-apiserver's own groups).
struct ApiServiceList {
    std::vector<ApiService> items;  // by name, at most `items_max`
    std::size_t left_out = 0;       // how many more there were
};

// Which APIServices are meant; `*` stands for any run of characters.
struct ApiServiceFilter {
    std::vector<std::string> include{"*"}, exclude;
    bool matches(std::string_view name) const;
};

// Reads an APIServiceList (apiregistration.k8s.io/v1 or v1beta1). Missing fields are taken as absent; an entry without
// a usable group and version is skipped, for its path is asked next. Errors: malformed_reply.
Result<ApiServiceList> parse_apiservices(std::string_view json, const ApiServiceFilter& filter, std::size_t items_max);

// A resource of an aggregated API that a probe may list and a canary may get.
struct ListableResource {
    std::string list_path;    // /apis/<group>/<version>/<plural>: across namespaces
    std::string canary_path;  // the object aggmedic-canary, in the namespace `default` where there are namespaces
    // Around the name of any namespace, of the first resource that is inside namespaces: the same question elsewhere.
    std::string before_namespace{}, after_namespace{};  // empty: no resource is
    bool has_namespaces() const { return !before_namespace.empty(); }
    std::string canary_path_in(const std::string& name) const { return before_namespace + name + after_namespace; }
    // Lists that cannot be read at their size or coding, whatever `limit` says: servers without etcd ignore it.
    std::set<std::string> unreadable{};
};

// The first resource of an APIResourceList that can be listed and is none of `unreadable`; an empty list_path when
// there is none, and empty paths when none can be listed. Errors: malformed_reply.
Result<ListableResource> parse_listable_resource(std::string_view json, const ApiService& apiservice,
                                                 const std::set<std::string>& unreadable = {});

// Whether the body of a discovery is an APIResourceList of the group and version that were asked for.
bool is_resource_list(std::string_view json, const ApiService& apiservice);

// Whether a name may stand in a request path as it is: DNS labels and subdomains, which all names asked for are.
bool is_path_word(std::string_view word);

// /apis/<group>/<version>
std::string discovery_path(const ApiService& apiservice);

}  // namespace aggmedic::probes
