#include "tests/lab/apiserver/apiserver.hpp"

namespace aggmedic::lab {

std::optional<model::Identity> identify(const Apiserver& server, const HttpRequest& request) {
    const auto certificate =
        judge_certificate(request.peer_certificate.get(), server.requestheader_trust, server.client_trust);
    const model::RemoteHeaders headers{.user = request.header("X-Remote-User"),
                                       .groups = request.all("X-Remote-Group")};
    const model::AuthRules rules{
        .trusts_client_ca = true, .allows_anonymous = false, .allowed_names = server.allowed_names};
    if (certificate.presented) {
        const auto decision = model::authenticate(rules, certificate, headers);
        if (const auto* who = std::get_if<model::Authenticated>(&decision)) return who->identity;
    }
    const std::string authorization = request.header("Authorization");
    if (authorization.starts_with("Bearer ")) {
        const auto known = server.tokens.find(authorization.substr(7));
        if (known == server.tokens.end())
            return std::nullopt;  // a bad token is refused on every path, open ones included
        return known->second;
    }
    if (certificate.presented) return std::nullopt;
    if (!server.flags.is_true("anonymous-auth", true)) return std::nullopt;
    return model::anonymous();
}

}  // namespace aggmedic::lab
