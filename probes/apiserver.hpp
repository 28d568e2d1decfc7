#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/result.hpp"
#include "probes/observation.hpp"

namespace aggmedic::probes {

// gitVersion of GET /version. Errors: malformed_reply.
Result<std::string> parse_version(std::string_view json);

// The user that a 403's Status message names: `forbidden: User "jane" cannot get path ...`. Go quotes the name (%q).
std::optional<std::string> parse_forbidden_user(std::string_view body);

// Whether the control request shows that the probe's credential is accepted: a 403 that names somebody is a known
// caller who lacks a permission.
bool accepts_credential(const Answer& control);

// Who a credential says it is: the subject of a client certificate, or the claims of a ServiceAccount token (its
// signature is the apiserver's business). Anything else is an opaque token: nobody known.
Caller parse_caller(std::string_view bearer_token, std::string_view client_certificate_pem);

}  // namespace aggmedic::probes
