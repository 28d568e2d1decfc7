#include <algorithm>

#include "bosh/ops_file.hpp"
#include "bosh/runtime_config.hpp"
#include "daemon/cli/commands.hpp"
#include "daemon/cli/fields.hpp"

namespace aggmedic::cli {
namespace {

// What a fresh look at one cluster says: the names that are allowed now, and the name of its masters' certificate.
struct Names {
    std::vector<std::string> allowed;
    std::string common_name;
};

daemon::Reply refused(std::string error) {
    return {.exit_status = exit_status::unobserved, .error = std::move(error), .result = nullptr};
}

std::string raw_text(const nlohmann::json& object, std::string_view key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The one CN that every master's certificate carries, as read over SSH: a name that is only likely gets into no
// manifest.
Result<std::string> certain_name(const nlohmann::json& cluster, const std::string& name) {
    std::vector<std::string> found;
    for (const auto& master : list_of(cluster, "masters")) {
        if (!truth_of(master, "seen")) {
            return fail(Errc::refused, name + ": " + text_of(master, "name") + " could not be read (" +
                                           text_of(master, "reason") + "). Repair that, or give --name CN.");
        }
        const auto common_name = raw_text(master, "proxy_client_cn");
        if (std::ranges::find(found, common_name) == found.end()) found.push_back(common_name);
    }
    if (found.size() == 1 && !found.front().empty()) return found.front();
    if (found.size() > 1) {
        return fail(Errc::refused, name +
                                       ": its masters' certificates carry different CNs, which no one name serves. "
                                       "`aggmedic explain " +
                                       typed_word(name) + "` shows them.");
    }
    return fail(Errc::refused, name +
                                   ": the CN is read over SSH, and no master was. Give ssh and masters in the "
                                   "configuration, or --name CN.");
}

Result<Names> names_of(const nlohmann::json& cluster, const std::string& name, const std::string& given) {
    Names names;
    if (const auto published = cluster.find("published"); published != cluster.end()) {
        for (const auto& element : list_of(*published, "allowed_names")) {
            if (element.is_string()) names.allowed.push_back(element.get<std::string>());
        }
    }
    names.common_name = given;
    if (!given.empty()) return names;
    auto common_name = certain_name(cluster, name);
    if (!common_name) return std::unexpected(std::move(common_name).error());
    names.common_name = *std::move(common_name);
    return names;
}

// One Names for each cluster, in the order of the invocation; or the reply that says why not.
std::expected<std::vector<Names>, daemon::Reply> look_at(const Invocation& invocation, const Console& console) {
    std::vector<Names> all;
    for (std::size_t index = 0; index < invocation.clusters.size(); ++index) {
        const auto& name = invocation.clusters[index];
        daemon::Request request;
        request.command = "explain";
        request.clusters = {name};
        auto display = open_progress(console, false, {});
        auto reply = ask(invocation, request, false, display);
        display.clear();
        const auto& clusters = list_of(reply.result, "clusters");
        if (clusters.size() != 1) {
            if (reply.error.empty()) reply.error = name + ": there was no answer about this cluster.";
            if (reply.exit_status == exit_status::ok) reply.exit_status = exit_status::unobserved;
            reply.result = nullptr;
            return std::unexpected(std::move(reply));
        }
        auto names = names_of(clusters.front(), name, index < invocation.names.size() ? invocation.names[index] : "");
        if (!names) return std::unexpected(refused(names.error().detail));
        all.push_back(*std::move(names));
    }
    return all;
}

daemon::Reply rendered(const char* kind, nlohmann::json about, Result<std::string> document) {
    if (!document) return refused(document.error().detail);
    nlohmann::json result = {{"kind", kind}, {"names", std::move(about)}, {"document", *std::move(document)}};
    return {.exit_status = exit_status::findings, .error = {}, .result = std::move(result)};
}

daemon::Reply ops_file(const Invocation& invocation, const std::vector<Names>& looked) {
    auto names = invocation.names;
    if (!looked.empty()) {
        names = looked.front().allowed;
        if (names.empty()) {
            return refused(
                "the cluster's list of allowed names is empty or could not be read: whatever is not on the "
                "list of an ops-file is gone. Give the whole list with --name instead of CLUSTER.");
        }
        const auto& added = looked.front().common_name;
        if (std::ranges::find(names, added) == names.end()) names.push_back(added);
    }
    return rendered("ops-file", names, bosh::render_ops_file(names));
}

daemon::Reply runtime_config(const Invocation& invocation, const std::vector<Names>& looked) {
    std::vector<bosh::DeploymentName> deployments;
    auto about = nlohmann::json::array();
    for (std::size_t index = 0; index < invocation.deployments.size(); ++index) {
        const auto& name = looked.empty() ? invocation.names[index] : looked[index].common_name;
        deployments.push_back({.deployment = invocation.deployments[index], .name = name});
        about.push_back({{"deployment", invocation.deployments[index]}, {"name", name}});
    }
    return rendered("runtime-config", std::move(about), bosh::render_runtime_config(deployments));
}

}  // namespace

int run_bosh(const Invocation& invocation, const Console& console) {
    const auto looked = look_at(invocation, console);
    const auto as_document = [](const nlohmann::json& result) {
        const auto document = raw_text(result, "document");
        return document.ends_with('\n') ? document : document + "\n";
    };
    if (!looked) return finish(looked.error(), invocation, as_document);
    const auto reply = invocation.command == Command::bosh_ops_file ? ops_file(invocation, *looked)
                                                                    : runtime_config(invocation, *looked);
    return finish(reply, invocation, as_document);
}

}  // namespace aggmedic::cli
