#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/model/generation.hpp"

// kube-system/extension-apiserver-authentication: who writes what into it.
namespace aggmedic::model {

// What one master's flags and files say.
struct AuthPublication {
    std::string client_ca_pem, requestheader_ca_pem;  // empty: not published
    std::vector<std::string> allowed_names, username_headers, group_headers, extra_prefixes;
};

using ConfigMapData = std::map<std::string, std::string>;

struct Published {
    std::optional<ConfigMapData> data;  // what has to be written; empty: nothing to do
    std::string error;                  // the existing value cannot be read: it is left so
};

// One turn of a live master (>= 1.17: on every change of the ConfigMap and every 60 s; before: once, at its start).
// >= 1.17 only adds: names and headers are united, unexpired CAs are united, nothing is ever removed.
Published publish(Generation generation, const std::optional<ConfigMapData>& existing, const AuthPublication& own,
                  const std::function<bool(std::string_view pem)>& is_expired);

std::vector<std::string> split_pem(std::string_view bundle);

}  // namespace aggmedic::model
