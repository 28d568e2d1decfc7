#include "probes/control_plane_reading.hpp"

#include <algorithm>

#include "probes/json_reading.hpp"

namespace aggmedic::probes {
namespace {

using nlohmann::json;

constexpr std::size_t says_bytes_max = 256;
constexpr const char* leader_annotation = "control-plane.alpha.kubernetes.io/leader";

EtcdMember member_of(const json& item, std::string name) {
    EtcdMember member{.name = std::move(name), .healthy = false, .says = "it says nothing of its health"};
    for (const auto& condition : array_at(item, "conditions")) {
        if (text_at(condition, "type") != "Healthy") continue;
        member.healthy = text_at(condition, "status") == "True";
        const auto error = text_at(condition, "error");
        member.says = (error.empty() ? text_at(condition, "message") : error).substr(0, says_bytes_max);
    }
    return member;
}

}  // namespace

Result<std::vector<EtcdMember>> parse_etcd_members(std::string_view text) {
    const auto list = read_json_object(
        text, {"kind", "items", "metadata", "name", "conditions", "type", "status", "message", "error"});
    if (!list) return std::unexpected(list.error());
    if (text_at(*list, "kind") != "ComponentStatusList")
        return fail(Errc::malformed_reply, "the answer is no ComponentStatusList");
    std::vector<EtcdMember> members;
    for (const auto& item : array_at(*list, "items")) {
        auto name = text_at(object_at(item, "metadata"), "name");
        if (name.starts_with("etcd")) members.push_back(member_of(item, std::move(name)));
    }
    return members;
}

Result<std::vector<std::string>> parse_addresses(std::string_view text) {
    const auto object = read_json_object(text, {"kind", "subsets", "addresses", "ip"});
    if (!object) return std::unexpected(object.error());
    if (text_at(*object, "kind") != "Endpoints")
        return fail(Errc::malformed_reply, "the answer is no Endpoints object");
    std::vector<std::string> addresses;
    for (const auto& subset : array_at(*object, "subsets")) {
        for (const auto& address : array_at(subset, "addresses")) addresses.push_back(text_at(address, "ip"));
    }
    std::erase(addresses, std::string());  // an address that says none is none
    std::ranges::sort(addresses);
    const auto again = std::ranges::unique(addresses);  // one for each subset of ports
    addresses.erase(again.begin(), again.end());
    return addresses;
}

Result<std::string> parse_lease_holder(std::string_view text) {
    const auto lease = read_json_object(text, {"kind", "spec", "holderIdentity"});
    if (!lease) return std::unexpected(lease.error());
    if (text_at(*lease, "kind") != "Lease") return fail(Errc::malformed_reply, "the answer is no Lease");
    return text_at(object_at(*lease, "spec"), "holderIdentity");
}

Result<std::string> parse_endpoints_holder(std::string_view text) {
    const auto object = read_json_object(text, {"kind", "metadata", "annotations", leader_annotation});
    if (!object) return std::unexpected(object.error());
    if (text_at(*object, "kind") != "Endpoints")
        return fail(Errc::malformed_reply, "the answer is no Endpoints object");
    const auto written = text_at(object_at(object_at(*object, "metadata"), "annotations"), leader_annotation);
    if (written.empty()) return std::string();
    const auto record = read_json_object(written, {"holderIdentity"});
    if (!record) return std::unexpected(record.error());
    return text_at(*record, "holderIdentity");
}

Result<Labels> parse_labels(std::string_view text) {
    const auto object = read_json_object(text);
    if (!object) return std::unexpected(object.error());
    Labels labels;
    for (const auto& [key, value] : object_at(object_at(*object, "metadata"), "labels").items()) {
        if (value.is_string()) labels[key] = value.get<std::string>();
    }
    return labels;
}

std::string host_of_holder(std::string_view identity) {
    return std::string(identity.substr(0, identity.rfind('_')));
}

}  // namespace aggmedic::probes
