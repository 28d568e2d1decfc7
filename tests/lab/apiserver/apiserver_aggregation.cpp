#include <openssl/evp.h>

#include "tests/lab/apiserver/apiserver.hpp"

namespace aggmedic::lab {
namespace {

std::string base64_decoded(const std::string& text) {
    std::string decoded(text.size(), '\0');
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (size < 0) return {};
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    decoded.resize(static_cast<std::size_t>(size) - padding);
    return decoded;
}

bool is_hop_or_credential(const std::string& name) {
    std::string lower;
    for (const char c : name) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return lower == "authorization" || lower == "host" || lower == "connection" || lower == "content-length" ||
           lower == "transfer-encoding" || lower.starts_with("x-remote-");
}

HttpRequest forwarded(const HttpRequest& request, const model::Identity& who) {
    HttpRequest onward{.method = request.method,
                       .target = request.target,
                       .body = request.body,
                       .headers = {},
                       .peer_certificate = {}};
    for (const auto& header : request.headers) {
        if (!is_hop_or_credential(header.name)) onward.headers.push_back(header);
    }
    onward.headers.push_back({"X-Remote-User", who.user});
    for (const auto& group : who.groups) onward.headers.push_back({"X-Remote-Group", group});
    return onward;
}

bool is_available(const nlohmann::json& object) {
    return object.contains("condition") && object["condition"].value("status", "") == "True";
}

}  // namespace

std::expected<model::Answer, ClientFailure> Backends::exchange(const Endpoint& where, const std::string& server_name,
                                                               const std::string& ca_pem, const HttpRequest& request,
                                                               std::chrono::milliseconds limit) {
    const std::string key = where.text() + server_name + ca_pem;
    auto client = borrow(
        key, where,
        {.ca_pem = ca_pem, .server_name = server_name, .certificate_file = certificate_file_, .key_file = key_file_});
    auto reply = client->exchange(request, limit);
    if (reply) give_back(key, std::move(client));
    return reply;
}

std::unique_ptr<HttpClient> Backends::borrow(const std::string& key, const Endpoint& where, TlsAsking tls) {
    {
        const std::lock_guard lock(mutex_);
        if (auto node = idle_.extract(key)) return std::move(node.mapped());
    }
    return std::make_unique<HttpClient>(where, std::move(tls));
}

void Backends::give_back(const std::string& key, std::unique_ptr<HttpClient> client) {
    const std::lock_guard lock(mutex_);
    idle_.emplace(key, std::move(client));
}

std::optional<AggregatedApi> aggregated_api(const Apiserver& server, const std::string& path) {
    if (!path.starts_with("/apis/")) return std::nullopt;
    const auto entries = server.store.list("apiservice/");
    std::optional<AggregatedApi> found;
    std::size_t count = 0;
    for (const auto& [key, entry] : entries) {
        const auto& spec = entry.value["spec"];
        if (spec["service"].is_null()) continue;
        const std::string prefix =
            "/apis/" + spec["group"].get<std::string>() + "/" + spec["version"].get<std::string>();
        if (path == prefix || path.starts_with(prefix + "/"))
            found = AggregatedApi{.name = key.substr(11), .object = entry.value, .index = count, .count = 0};
        ++count;
    }
    if (found) {
        found->index = count - 1 - found->index;  // the last registered one comes up first, as recorded
        found->count = count;
    }
    return found;
}

std::optional<Endpoint> endpoint_of_service(const StoreClient& store, const std::string& name_space,
                                            const std::string& service) {
    for (const auto& [key, entry] : store.list("pod/" + name_space + "/")) {
        const auto& pod = entry.value;
        if (pod["service"] == service && pod["ready"].get<bool>())
            return Endpoint{.address = pod["address"], .port = pod["port"].get<std::uint16_t>()};
    }
    return std::nullopt;
}

model::CheckedService checked_service(const nlohmann::json& object, const std::optional<Endpoint>& endpoint) {
    const auto& spec = object["spec"];
    return {.name_space = spec["service"]["namespace"],
            .name = spec["service"]["name"],
            .address = endpoint ? endpoint->text() : "",
            .group = spec["group"],
            .version = spec["version"]};
}

std::string server_name_of(const nlohmann::json& api_service) {
    const auto& service = api_service["spec"]["service"];
    return service["name"].get<std::string>() + "." + service["namespace"].get<std::string>() + ".svc";
}

std::string bundle_of(const nlohmann::json& api_service) {
    return base64_decoded(api_service["spec"].value("caBundle", ""));
}

model::Answer proxy(Apiserver& server, const model::RequestTrace& trace, const AggregatedApi& api,
                    const HttpRequest& request) {
    const auto text = [&](std::string body) {
        return model::own_answer(server.generation, trace, 503, model::Content::text, std::move(body));
    };
    if (!is_available(api.object)) return text(model::unavailable_body);
    const auto& service = api.object["spec"]["service"];
    if (const auto fault_words = proxy_key_fault(server))
        return model::own_answer(server.generation, trace, 500, model::Content::text, *fault_words + "\n");
    const auto endpoint = place_of_service(server, service["namespace"], service["name"]);
    if (!endpoint) return text(model::unavailable_body);
    if (const auto words = transport_fault(server, *endpoint, Asker::user))
        return text("error trying to reach service: " + *words + "\n");
    const auto reply = server.backends.exchange(*endpoint, server_name_of(api.object), bundle_of(api.object),
                                                forwarded(request, *trace.identity), std::chrono::seconds(30));
    if (reply) return model::passed_on_answer(server.generation, trace, *reply);
    const auto described = checked_service(api.object, endpoint);
    if (reply.error().kind == ClientFailure::Kind::refused) return text(model::unreachable_body(described));
    if (reply.error().kind == ClientFailure::Kind::untrusted) return text(model::untrusted_body);
    if (reply.error().kind == ClientFailure::Kind::timed_out)
        return text("error trying to reach service: dial tcp " + described.address + ": i/o timeout\n");
    return text("error trying to reach service: EOF\n");
}

}  // namespace aggmedic::lab
