#include "probes/auth_config.hpp"

#include "probes/json_reading.hpp"

namespace aggmedic::probes {

namespace {

using nlohmann::json;

// The ConfigMap holds lists as JSON texts; nullopt when this is none, which extension servers ignore as a whole.
std::optional<std::vector<std::string>> read_list(const std::string& text) {
    const auto document = json::parse(text, nullptr, false);
    if (!document.is_array()) return std::nullopt;
    std::vector<std::string> values;
    for (const auto& value : document) {
        if (!value.is_string()) return std::nullopt;
        values.push_back(value.get<std::string>());
    }
    return values;
}

std::vector<Certificate> read_bundle(const std::string& pem) {
    return parse_certificates(pem).value_or(std::vector<Certificate>{});
}

}  // namespace

Result<PublishedAuth> parse_published_auth(std::string_view text) {
    auto document = read_json_object(
        text, {"kind", "metadata", "resourceVersion", "data", "client-ca-file", "requestheader-allowed-names",
               "requestheader-client-ca-file", "requestheader-username-headers", "requestheader-group-headers",
               "requestheader-extra-headers-prefix"});
    if (!document) return std::unexpected(document.error());
    if (text_at(*document, "kind") != "ConfigMap") return fail(Errc::malformed_reply, "the answer is no ConfigMap");
    const auto& data = object_at(*document, "data");
    PublishedAuth published;
    published.resource_version = text_at(object_at(*document, "metadata"), "resourceVersion");
    if (data.contains("requestheader-allowed-names")) {
        auto names = read_list(text_at(data, "requestheader-allowed-names"));
        published.allowed_names_malformed = !names;
        if (names) published.allowed_names = std::move(*names);
    }
    published.has_requestheader_ca = data.contains("requestheader-client-ca-file");
    published.requestheader_ca = read_bundle(text_at(data, "requestheader-client-ca-file"));
    published.has_client_ca = data.contains("client-ca-file");
    published.client_ca = read_bundle(text_at(data, "client-ca-file"));
    published.username_headers =
        read_list(text_at(data, "requestheader-username-headers")).value_or(std::vector<std::string>{});
    published.group_headers =
        read_list(text_at(data, "requestheader-group-headers")).value_or(std::vector<std::string>{});
    published.extra_headers_prefixes =
        read_list(text_at(data, "requestheader-extra-headers-prefix")).value_or(std::vector<std::string>{});
    return published;
}

}  // namespace aggmedic::probes
