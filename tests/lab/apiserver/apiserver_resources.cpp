#include "tests/lab/apiserver/apiserver.hpp"

#include <set>

namespace aggmedic::lab {
namespace {

using Ordered = nlohmann::ordered_json;

model::Answer json_answer(const Apiserver& server, const model::RequestTrace& trace, const Ordered& body) {
    return model::own_answer(server.generation, trace, 200, model::Content::json, body.dump() + "\n");
}

std::string version_body(const Apiserver& server) {
    const bool old = server.generation.minor == 11;
    const std::string git = server.generation.git_version();
    return "{\n  \"major\": \"" + std::string(old ? "1" : "") + "\",\n  \"minor\": \"" + (old ? "11" : "") +
           "\",\n  \"gitVersion\": \"" + git +
           "\",\n  \"gitCommit\": \"faecb196815e248d3ecfb03c680a4507229c2a56\",\n  \"gitTreeState\": \"\",\n  "
           "\"buildDate\": \"1970-01-01T00:00:00Z\",\n"
           "  \"goVersion\": \"go1.19.8\",\n  \"compiler\": \"gc\",\n  \"platform\": \"linux/amd64\"\n}";
}

// Groups in the order of their first APIService; aggregated ones are listed whether they answer or not.
Ordered groups_body(const Apiserver& server) {
    Ordered groups = Ordered::array();
    std::set<std::string> seen;
    for (const auto& [key, entry] : server.store.list("apiservice/")) {
        const std::string group = entry.value["spec"]["group"], version = entry.value["spec"]["version"];
        if (group.empty() || !seen.insert(group).second) continue;
        const Ordered one = {{"groupVersion", group + "/" + version}, {"version", version}};
        groups.push_back({{"name", group}, {"versions", Ordered::array({one})}, {"preferredVersion", one}});
    }
    return {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", groups}};
}

Ordered group_body(const std::string& group, const std::string& version) {
    const Ordered one = {{"groupVersion", group + "/" + version}, {"version", version}};
    return {{"kind", "APIGroup"},
            {"apiVersion", "v1"},
            {"name", group},
            {"versions", Ordered::array({one})},
            {"preferredVersion", one}};
}

Ordered resources_body(const std::string& group_version) {
    Ordered resources = Ordered::array();
    if (group_version == "v1") {
        for (const auto& [name, kind] : {std::pair{"configmaps", "ConfigMap"},
                                         {"endpoints", "Endpoints"},
                                         {"pods", "Pod"},
                                         {"services", "Service"}}) {
            resources.push_back({{"name", name},
                                 {"singularName", ""},
                                 {"namespaced", true},
                                 {"kind", kind},
                                 {"verbs", {"delete", "get", "list", "patch"}}});
        }
    }
    return {{"kind", "APIResourceList"}, {"groupVersion", group_version}, {"resources", resources}};
}

std::optional<model::Answer> serve_discovery(const Apiserver& server, const model::RequestTrace& trace,
                                             const std::string& path) {
    if (path == "/metrics")
        return model::own_answer(server.generation, trace, 200, model::Content::text,
                                 server.availability.text(server.generation));
    if (path == "/api" || path == "/api/") {
        const Ordered address = {{"clientCIDR", "0.0.0.0/0"}, {"serverAddress", server.place().address + ":8443"}};
        return json_answer(
            server, trace,
            {{"kind", "APIVersions"}, {"versions", {"v1"}}, {"serverAddressByClientCIDRs", Ordered::array({address})}});
    }
    if (path == "/apis" || path == "/apis/") return json_answer(server, trace, groups_body(server));
    if (path == "/api/v1") return json_answer(server, trace, resources_body("v1"));
    for (const auto& [key, entry] : server.store.list("apiservice/")) {
        const std::string group = entry.value["spec"]["group"], version = entry.value["spec"]["version"];
        if (path == "/apis/" + group) return json_answer(server, trace, group_body(group, version));
        if (path == "/apis/" + group + "/" + version)
            return json_answer(server, trace, resources_body(group + "/" + version));
    }
    return std::nullopt;
}

}  // namespace

std::optional<model::Answer> serve_health(const Apiserver& server, const model::RequestTrace& trace,
                                          const HttpRequest& request) {
    const std::string path = request.path();
    if (path == "/version" || path == "/version/")
        return model::own_answer(server.generation, trace, 200, model::Content::json, version_body(server));
    const auto second = path.find('/', 1);
    const std::string endpoint = path.substr(1, second == std::string::npos ? second : second - 1);
    const bool known =
        endpoint == "healthz" || (server.generation.has_readyz() && (endpoint == "readyz" || endpoint == "livez"));
    if (!known) return std::nullopt;
    const auto now = server.since_start();
    const auto failing = server.start.failing_checks(now, endpoint);
    model::RequestTrace unaudited = trace;
    if (!failing.empty()) unaudited.audit_id.clear();  // http.Error of the health handlers, as recorded
    if (second != std::string::npos) {
        const bool passed = std::ranges::find(failing, path.substr(second + 1)) == failing.end();
        return model::own_answer(server.generation, trace, passed ? 200 : 500, model::Content::text,
                                 passed ? "ok" : "internal server error: not ready\n");
    }
    if (const auto value = fault(server.faults(), "unready"); value && endpoint != "livez") {
        return model::own_answer(server.generation, unaudited, 500, model::Content::text,
                                 "[+]ping ok\n[-]" + (value->empty() ? "etcd" : *value) + " failed: reason withheld\n" +
                                     endpoint + " check failed\n");
    }
    const bool verbose = request.target.find("verbose") != std::string::npos;
    if (failing.empty() && !verbose)
        return model::own_answer(server.generation, trace, 200, model::Content::text, "ok");
    return model::own_answer(server.generation, unaudited, failing.empty() ? 200 : 500, model::Content::text,
                             server.start.checks_body(now, endpoint));
}

std::optional<model::Answer> serve_own(Apiserver& server, const model::RequestTrace& trace,
                                       const HttpRequest& request) {
    const auto what = model::parse_attributes(request.method, request.target);
    if (!what.is_resource)
        return request.method == "GET" ? serve_discovery(server, trace, request.path()) : std::nullopt;
    return serve_objects(server, trace, what, request);
}

}  // namespace aggmedic::lab
