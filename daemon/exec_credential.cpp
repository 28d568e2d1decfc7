#include "daemon/exec_credential.hpp"

#include <nlohmann/json.hpp>

#include "daemon/config_files.hpp"

namespace aggmedic::daemon {
namespace {

using nlohmann::json;

std::unexpected<Error> wrong(const std::string& what) {
    return fail(Errc::malformed_reply, "the plugin's ExecCredential " + what);
}

}  // namespace

std::string exec_info(const ExecPlugin& plugin) {
    return json{{"apiVersion", plugin.api_version}, {"kind", "ExecCredential"}, {"spec", {{"interactive", false}}}}
        .dump();
}

Result<ExecAnswer> parse_exec_credential(std::string_view text, std::string_view api_version) {
    const auto document = json::parse(text, nullptr, false);
    if (!document.is_object()) return wrong("is no JSON object");
    const auto text_at = [](const json& object, const char* key) {
        const auto found = object.find(key);
        return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    if (text_at(document, "kind") != "ExecCredential") return wrong("has another kind");
    if (text_at(document, "apiVersion") != api_version)
        return wrong("is of another version than " + std::string(api_version));
    const auto status = document.find("status");
    if (status == document.end() || !status->is_object()) return wrong("has no status");
    ExecAnswer answer;
    answer.credential.client_certificate_pem = text_at(*status, "clientCertificateData");
    answer.credential.client_key_pem = text_at(*status, "clientKeyData");
    if (const auto token = text_at(*status, "token"); !token.empty()) {
        auto usable = token_from(token, "its token");
        if (!usable) return wrong("has a token that cannot stand in a header");
        answer.credential.bearer_token = std::move(*usable);
    }
    if (answer.credential.client_certificate_pem.empty() != answer.credential.client_key_pem.empty()) {
        return wrong("has only one of clientCertificateData and clientKeyData");
    }
    if (answer.credential.empty()) return wrong("has neither a token nor a certificate");
    if (const auto expires = text_at(*status, "expirationTimestamp"); !expires.empty()) {
        answer.expires = from_rfc3339(expires);
        if (!answer.expires) return wrong("has an expirationTimestamp that is no time");
    }
    return answer;
}

std::optional<std::string> allowed_program(const std::vector<std::string>& allowed, std::string_view command) {
    for (const auto& path : allowed) {
        if (path == command || std::string_view(path).substr(path.rfind('/') + 1) == command) return path;
    }
    return std::nullopt;
}

}  // namespace aggmedic::daemon
