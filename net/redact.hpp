#pragma once

#include <string>
#include <string_view>

namespace aggmedic {

// Secrets taken out of texts that others wrote, before anything keeps, prints or sends them. Pure, linear, and rather
// too much than too little: a word of an error message lost is a nuisance, a token kept is a breach.
inline constexpr std::string_view redaction_mark = "[redacted]";

// What says itself that it is a secret: private keys in PEM, JSON Web Tokens, `Authorization` and cookies, the userinfo
// of a URL, and the value of a flag, key, variable or query parameter whose name is one of a secret; also where it
// stands percent-encoded. Safe on names, paths, versions, certificates and digests.
std::string without_marked_secrets(std::string_view text);

// For free text (an answer's body, a log line, a condition's message): also words that look drawn at random, and Base64
// of readable text.
std::string redacted(std::string_view text);

// Whether a value under this name (of a flag, a key, a variable, a query parameter) is a secret.
bool is_secret_name(std::string_view name);

}  // namespace aggmedic
