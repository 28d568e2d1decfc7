#pragma once

#include <ctime>

#include "tests/lab/apiserver/apiserver.hpp"

// What the files about objects share: a question, and the forms of its answers.
namespace aggmedic::lab {

using Ordered = nlohmann::ordered_json;

std::string timestamp(std::time_t when);

// Everything an answer about objects needs.
struct Asked {
    Apiserver& server;
    const model::RequestTrace& trace;
    const model::Attributes& what;
    const HttpRequest& request;

    model::Answer ok(const Ordered& body) const {
        return model::own_answer(server.generation, trace, 200, model::Content::json, body.dump() + "\n");
    }
    model::Answer failure(int status, std::string_view reason, const std::string& message) const {
        Ordered details = {{"name", what.name}, {"kind", what.resource}};
        if (!what.group.empty()) details = {{"name", what.name}, {"group", what.group}, {"kind", what.resource}};
        return model::status_answer(server.generation, trace, status, reason, message, details.dump());
    }
    std::string qualified() const { return what.group.empty() ? what.resource : what.resource + "." + what.group; }
    model::Answer not_found() const {
        return failure(404, "NotFound", qualified() + " \"" + what.name + "\" not found");
    }
    model::Answer conflict() const {
        return failure(
            409, "Conflict",
            "Operation cannot be fulfilled on " + qualified() + " \"" + what.name +
                "\": the object has been modified; please apply your changes to the latest version and try again");
    }
};

Ordered list_of(const Asked& asked, const std::string& kind, const std::string& api_version, Ordered items);

std::optional<model::Answer> serve_api_services(const Asked& asked);
model::Answer serve_config_maps(const Asked& asked);
model::Answer serve_pods(const Asked& asked);
model::Answer serve_pod_log(const Asked& asked);
model::Answer serve_namespaces(const Asked& asked);
model::Answer serve_services(const Asked& asked);
model::Answer serve_nodes(const Asked& asked);
std::optional<model::Answer> serve_endpoint_slices(const Asked& asked);
// apiserver_control_plane.cpp
model::Answer serve_component_statuses(const Asked& asked);
std::optional<model::Answer> serve_webhook_configurations(const Asked& asked);
bool webhook_blocks_config_maps(const Apiserver& server);  // switch closed-webhook: nobody answers it
std::string lease_holder(const Asked& asked, const StoredValue& stored);
// apiserver_blast_radius.cpp
Ordered namespaces_that_leave(const Asked& asked);
std::optional<model::Answer> serve_autoscalers(const Asked& asked);
std::optional<Ordered> crashing_neighbour(const Asked& asked);
bool selected(const nlohmann::json& labels, std::string selector);
model::Answer serve_endpoints(const Asked& asked);
std::optional<model::Answer> serve_leases(const Asked& asked);

}  // namespace aggmedic::lab
