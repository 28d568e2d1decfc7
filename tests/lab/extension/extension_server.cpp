#include "tests/lab/extension/extension.hpp"

namespace aggmedic::lab {
namespace {

using Ordered = nlohmann::ordered_json;
constexpr const char* config_map_key = "configmap/kube-system/extension-apiserver-authentication";

Ordered verbs_of(const ApiResource& resource) {
    if (resource.name.contains('/')) return {"get", "patch", "update"};
    return {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
}

std::string discovery_body(const Extension& extension) {
    Ordered resources = Ordered::array();
    for (const auto& resource : extension.resources) {
        Ordered one = {{"name", resource.name},
                       {"singularName", ""},
                       {"namespaced", resource.namespaced},
                       {"kind", resource.kind},
                       {"verbs", verbs_of(resource)}};
        if (!resource.storage_hash.empty()) one["storageVersionHash"] = resource.storage_hash;
        resources.push_back(one);
    }
    return Ordered{{"kind", "APIResourceList"},
                   {"apiVersion", "v1"},
                   {"groupVersion", extension.group + "/" + extension.version},
                   {"resources", resources}}
               .dump() +
           "\n";
}

std::vector<std::string> names_in(const nlohmann::json& data, const char* key) {
    const auto parsed = nlohmann::json::parse(data.value(key, "[]"), nullptr, false);
    return parsed.is_array() ? parsed.get<std::vector<std::string>>() : std::vector<std::string>();
}

std::string first_of(const HttpRequest& request, const std::vector<std::string>& names) {
    for (const auto& name : names) {
        if (auto value = request.header(name); !value.empty()) return value;
    }
    return {};
}

std::vector<std::string> all_of(const HttpRequest& request, const std::vector<std::string>& names) {
    std::vector<std::string> values;
    for (const auto& name : names) {
        for (auto& value : request.all(name)) values.push_back(std::move(value));
    }
    return values;
}

}  // namespace

ExtensionServer::ExtensionServer(const World& world, const Extension& extension, const StoreClient& store, PodLog& log)
    : world_(world),
      extension_(extension),
      store_(store),
      log_(log),
      library_{.minor = model::library_minor(extension.kind)} {}

std::unique_ptr<HttpServer> ExtensionServer::serving(const Endpoint& endpoint) {
    const TlsServing tls{.certificate_file = world_.pki("extension.pem"),
                         .key_file = world_.pki("extension-key.pem"),
                         .client_ca_names_pem = {},
                         .ask_for_client_certificate = true};
    auto server =
        std::make_unique<HttpServer>(endpoint, tls, [this](const HttpRequest& request) { return handle(request); });
    server->listen();
    server->serve();
    return server;
}

void ExtensionServer::start() {
    config_.reset();
    wrote_noise_ = false;
    read_config();
    log_.write(model::start_lines(extension_.kind, PodLog::stamp()));
    http_ = serving(extension_.endpoint);
}

void ExtensionServer::stop() {
    for (auto* server : {&http_, &cluster_ip_}) {
        if (!*server) continue;
        (*server)->close_port();
        (*server)->cut_connections();
        server->reset();
    }
    pod_hole_.reset();
    cluster_hole_.reset();
}

void ExtensionServer::reload_if_it_does() {
    const auto stored = store_.get(config_map_key);
    const bool moved = stored && stored->revision != config_->revision;
    if (moved && model::reloads_config(extension_.kind)) read_config();
}

// A value that is not JSON, or a ConfigMap that is gone, leaves what was read before; at the start there is nothing
// before.
void ExtensionServer::read_config() {
    const auto stored = store_.get(config_map_key);
    const auto data = stored ? stored->value["data"] : nlohmann::json::object();
    const auto names = nlohmann::json::parse(data.value("requestheader-allowed-names", "[]"), nullptr, false);
    if (config_ && (!stored || !names.is_array())) return;
    if (!config_) require_config(stored.has_value(), data.contains("requestheader-client-ca-file"));
    auto fresh = std::make_shared<Config>();
    fresh->revision = stored ? stored->revision : -1;
    fresh->rules = {.trusts_client_ca = model::trusts_client_ca(extension_.kind),
                    .allows_anonymous = true,
                    .allowed_names = names_in(data, "requestheader-allowed-names")};
    fresh->requestheader = ClientTrust(data.value("requestheader-client-ca-file", ""));
    fresh->client = ClientTrust(data.value("client-ca-file", ""));
    fresh->username_headers = names_in(data, "requestheader-username-headers");
    fresh->group_headers = names_in(data, "requestheader-group-headers");
    const std::lock_guard lock(mutex_);
    config_ = fresh;
}

void ExtensionServer::require_config(bool exists, bool has_requestheader_ca) {
    const auto refuse = [&](model::StartFault fault) {
        log_.write(model::start_fault_lines(extension_.kind, fault, own_user(), PodLog::stamp()));
        throw CannotStart{};
    };
    if (is_struck(world_, extension_, "no-auth-reader")) refuse(model::StartFault::config_map_forbidden);
    if (!exists) refuse(model::StartFault::config_map_missing);
    if (has_requestheader_ca) return;
    if (extension_.kind != model::ExtensionKind::reloads) refuse(model::StartFault::no_requestheader_ca);
    log_.write(model::without_requestheader_lines(PodLog::stamp()));
}

HttpReply ExtensionServer::handle(const HttpRequest& request) {
    std::shared_ptr<const Config> config;
    {
        const std::lock_guard lock(mutex_);
        config = config_;
    }
    const auto certificate = judge_certificate(request.peer_certificate.get(), config->requestheader, config->client);
    const auto decision = model::authenticate(
        config->rules, certificate,
        {.user = first_of(request, config->username_headers), .groups = all_of(request, config->group_headers)});
    model::RequestTrace trace{.identity = {}, .audit_id = {}, .date = http_date(), .flow_schemas_known = true};
    const auto* who = std::get_if<model::Authenticated>(&decision);
    if (who == nullptr) {
        log_.write(model::rejection_lines(extension_.kind, config->rules, certificate, PodLog::stamp()));
        return {model::extension_answer(library_, trace, 401, model::Content::json,
                                        model::status_body(401, "Unauthorized", "Unauthorized"))};
    }
    trace.identity = who->identity;
    const auto what = model::parse_attributes(request.method, request.target);
    if (auto reply = struck(request, trace, what)) return *reply;
    reviews_.ask(who->identity, what);
    if (!model::allowed(library_, who->identity, what, world_.bindings)) {
        const auto refused = model::forbidden(library_, who->identity, what);
        return {model::extension_answer(library_, trace, 403, model::Content::json,
                                        model::status_body(403, "Forbidden", refused.message, refused.details))};
    }
    return {serve(request, trace, what)};
}

model::Answer ExtensionServer::serve(const HttpRequest& request, const model::RequestTrace& trace,
                                     const model::Attributes& what) const {
    const auto answer = [&](int status, std::string body) {
        return model::extension_answer(library_, trace, status, model::Content::json, std::move(body));
    };
    const std::string group_version = extension_.group + "/" + extension_.version;
    if (request.path() == "/apis/" + group_version) return answer(200, discovery_body(extension_));
    const auto resource = std::ranges::find(extension_.resources, what.resource, &ApiResource::name);
    if (what.group != extension_.group || resource == extension_.resources.end()) {
        return model::extension_answer(library_, trace, 404, model::Content::text, "404 page not found\n");
    }
    if (request.method == "POST") {  // the creator as this server saw him, which is how a masked identity shows
        const Ordered user = {{"username", trace.identity->user}, {"uid", ""}, {"groups", trace.identity->groups}};
        return answer(201, Ordered{{"kind", resource->kind},
                                   {"apiVersion", group_version},
                                   {"metadata", {{"name", "created"}}},
                                   {"spec", {{"userInfo", user}}}}
                                   .dump() +
                               "\n");
    }
    if (!what.name.empty()) {
        const Ordered details = {{"name", what.name}, {"group", what.group}, {"kind", what.resource}};
        return answer(404, model::status_body(404, "NotFound",
                                              what.resource + "." + what.group + " \"" + what.name + "\" not found",
                                              details.dump()));
    }
    Ordered metadata = {{"resourceVersion", std::to_string(store_.revision())}};
    if (library_.minor < 20)
        metadata = {{"selfLink", request.path()}, {"resourceVersion", std::to_string(store_.revision())}};
    return answer(200, Ordered{{"kind", resource->kind + "List"},
                               {"apiVersion", group_version},
                               {"metadata", metadata},
                               {"items", Ordered::array()}}
                               .dump() +
                           "\n");
}

}  // namespace aggmedic::lab
