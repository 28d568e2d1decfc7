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

// The keys of the ConfigMap as they are read into `published`.
class KeyReader {
  public:
    KeyReader(const json& data, PublishedAuth& published) : data_(data), published_(published) {}

    bool has(const char* key) const { return data_.contains(key); }
    // Extension servers refuse a bundle as a whole when one certificate of it cannot be read.
    std::vector<Certificate> bundle(const char* key) {
        const auto pem = text_at(data_, key);
        if (is_no_text(key) || pem.empty()) return {};
        auto certificates = parse_certificates(pem);
        if (certificates && !certificates->empty()) return std::move(*certificates);
        note(key, certificates ? "it holds no certificate" : certificates.error().detail);
        return {};
    }
    std::optional<std::vector<std::string>> list(const char* key) {
        if (!has(key) || is_no_text(key)) return std::nullopt;
        auto values = read_list(text_at(data_, key));
        if (!values) note(key, "not a JSON list of strings");
        return values;
    }

  private:
    bool is_no_text(const char* key) {
        const bool odd = has(key) && !data_.at(key).is_string();
        if (odd) note(key, "no text");
        return odd;
    }
    void note(const char* key, std::string why) { published_.malformed[key] = std::move(why); }

    const json& data_;
    PublishedAuth& published_;
};

std::optional<TimePoint> last_write(const json& metadata) {
    std::optional<TimePoint> last;
    for (const auto& manager : array_at(metadata, "managedFields")) {
        if (const auto time = from_rfc3339(text_at(manager, "time")); time && (!last || *time > *last)) last = time;
    }
    return last;
}

}  // namespace

Result<PublishedAuth> parse_published_auth(std::string_view text) {
    auto document = read_json_object(
        text, {"kind", "metadata", "resourceVersion", "managedFields", "time", "data", "client-ca-file",
               "requestheader-allowed-names", "requestheader-client-ca-file", "requestheader-username-headers",
               "requestheader-group-headers", "requestheader-extra-headers-prefix"});
    if (!document) return std::unexpected(document.error());
    if (text_at(*document, "kind") != "ConfigMap") return fail(Errc::malformed_reply, "the answer is no ConfigMap");
    const auto& metadata = object_at(*document, "metadata");
    PublishedAuth published;
    KeyReader keys(object_at(*document, "data"), published);
    published.resource_version = text_at(metadata, "resourceVersion");
    published.changed_at = last_write(metadata);
    published.allowed_names = keys.list("requestheader-allowed-names");
    published.allowed_names_malformed = published.malformed.contains("requestheader-allowed-names");
    published.has_requestheader_ca = keys.has("requestheader-client-ca-file");
    published.requestheader_ca = keys.bundle("requestheader-client-ca-file");
    published.has_client_ca = keys.has("client-ca-file");
    published.client_ca = keys.bundle("client-ca-file");
    published.username_headers = keys.list("requestheader-username-headers").value_or(std::vector<std::string>{});
    published.group_headers = keys.list("requestheader-group-headers").value_or(std::vector<std::string>{});
    published.extra_headers_prefixes =
        keys.list("requestheader-extra-headers-prefix").value_or(std::vector<std::string>{});
    return published;
}

}  // namespace aggmedic::probes
