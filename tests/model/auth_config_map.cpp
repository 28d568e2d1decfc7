#include "tests/model/auth_config_map.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace aggmedic::model {
namespace {

constexpr std::string_view begin_mark = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view end_mark = "-----END CERTIFICATE-----";

struct Unreadable {
    std::string text;
};

std::string as_json(const std::vector<std::string>& names) {
    return nlohmann::json(names).dump();
}

std::string value_of(const ConfigMapData& data, const std::string& key) {
    const auto found = data.find(key);
    return found == data.end() ? std::string() : found->second;
}

std::string unite_names(const std::string& existing, const std::vector<std::string>& own) {
    std::vector<std::string> all;
    if (!existing.empty()) {
        const auto parsed = nlohmann::json::parse(existing, nullptr, false);
        if (!parsed.is_array())
            throw Unreadable{"failed with : invalid character '" + existing.substr(0, 1) +
                             "' looking for beginning of value"};
        for (const auto& name : parsed) all.push_back(name.is_string() ? name.get<std::string>() : name.dump());
    }
    for (const std::string& name : own) {
        if (std::ranges::find(all, name) == all.end()) all.push_back(name);
    }
    return as_json(all);
}

std::string unite_cas(const std::string& existing, const std::string& own,
                      const std::function<bool(std::string_view)>& is_expired) {
    std::vector<std::string> all;
    for (const std::string& bundle : {existing, own}) {
        for (std::string& pem : split_pem(bundle)) {
            if (!is_expired(pem) && std::ranges::find(all, pem) == all.end()) all.push_back(std::move(pem));
        }
    }
    std::string joined;
    for (const std::string& pem : all) joined += pem;
    return joined;
}

ConfigMapData own_data(const AuthPublication& own) {
    ConfigMapData data;
    if (!own.client_ca_pem.empty()) data["client-ca-file"] = own.client_ca_pem;
    if (own.requestheader_ca_pem.empty()) return data;
    data["requestheader-client-ca-file"] = own.requestheader_ca_pem;
    data["requestheader-allowed-names"] = as_json(own.allowed_names);
    data["requestheader-username-headers"] = as_json(own.username_headers);
    data["requestheader-group-headers"] = as_json(own.group_headers);
    data["requestheader-extra-headers-prefix"] = as_json(own.extra_prefixes);
    return data;
}

ConfigMapData united(const ConfigMapData& existing, const AuthPublication& own,
                     const std::function<bool(std::string_view)>& is_expired) {
    ConfigMapData data = existing;
    const auto names = [&](const std::string& key, const std::vector<std::string>& values) {
        data[key] = unite_names(value_of(existing, key), values);
    };
    if (!own.client_ca_pem.empty()) {
        data["client-ca-file"] = unite_cas(value_of(existing, "client-ca-file"), own.client_ca_pem, is_expired);
    }
    if (own.requestheader_ca_pem.empty()) return data;
    data["requestheader-client-ca-file"] =
        unite_cas(value_of(existing, "requestheader-client-ca-file"), own.requestheader_ca_pem, is_expired);
    names("requestheader-allowed-names", own.allowed_names);
    names("requestheader-username-headers", own.username_headers);
    names("requestheader-group-headers", own.group_headers);
    names("requestheader-extra-headers-prefix", own.extra_prefixes);
    return data;
}

}  // namespace

std::vector<std::string> split_pem(std::string_view bundle) {
    std::vector<std::string> blocks;
    for (auto begin = bundle.find(begin_mark); begin != std::string_view::npos;
         begin = bundle.find(begin_mark, begin)) {
        const auto end = bundle.find(end_mark, begin);
        if (end == std::string_view::npos) break;
        blocks.push_back(std::string(bundle.substr(begin, end + end_mark.size() - begin)) + "\n");
        begin = end;
    }
    return blocks;
}

Published publish(Generation generation, const std::optional<ConfigMapData>& existing, const AuthPublication& own,
                  const std::function<bool(std::string_view pem)>& is_expired) {
    try {
        ConfigMapData wanted =
            existing && generation.publishes_union() ? united(*existing, own, is_expired) : united({}, own, is_expired);
        if (!generation.publishes_union()) wanted = own_data(own);
        if (existing && wanted == *existing) return {};
        return {.data = std::move(wanted), .error = {}};
    } catch (const Unreadable& unreadable) {
        return {.data = std::nullopt, .error = unreadable.text};
    }
}

}  // namespace aggmedic::model
