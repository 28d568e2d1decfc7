#include "daemon/config.hpp"

#include <fmt/format.h>

#include <fstream>
#include <set>
#include <sstream>

#include "daemon/config_automatic.hpp"
#include "daemon/config_cluster.hpp"
#include "daemon/config_files.hpp"
#include "daemon/server_url.hpp"
#include "daemon/yaml_reader.hpp"
#include "net/text.hpp"

namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t config_bytes_max = 16 * 1024 * 1024;
constexpr std::string_view not_supported = "is not supported by this version; take it out";

void read_listen(MapReader& map, Config& config) {
    const auto setting = map.find("listen");
    if (!setting) return;
    const auto text = scalar_text(*setting, map.faults());
    if (!text) return;
    const auto parsed = parse_listen_address(*text);
    if (!parsed) {
        map.faults().add(setting->mark, "listen: " + parsed.error().detail);
        return;
    }
    config.listen_host = parsed->host;
    config.listen_port = parsed->port;
}

void read_absolute_path(MapReader& map, std::string_view key, std::size_t length_max, std::filesystem::path& path) {
    const auto setting = map.find(key);
    if (!setting) return;
    const auto text = scalar_text(*setting, map.faults());
    if (!text) return;
    if (text->front() == '/' && text->size() <= length_max) {
        path = *text;
    } else {
        map.faults().add(setting->mark,
                         fmt::format("{} must be an absolute path of at most {} bytes", key, length_max));
    }
}

void read_probe(MapReader& top, ProbeConfig& probe) {
    const auto setting = top.find("probe");
    if (!setting) return;
    MapReader map(*setting, top.faults());
    map.duration("interval", 250ms, 1h, probe.interval);
    map.duration("timeout", 100ms, 2min, probe.timeout);
    map.duration("master_interval", 1s, 24h, probe.master_interval);
    if (const auto attempts = map.integer("attempts", 1, 50)) probe.attempts = *attempts;
    map.finish();
    if (probe.master_interval < probe.interval) {
        map.fault("probe.master_interval must not be shorter than probe.interval");
    }
}

void read_mode(MapReader& map, RemediationConfig& remediation) {
    const auto setting = map.find("mode");
    if (!setting) return;
    const auto text = scalar_text(*setting, map.faults());
    if (!text) return;
    if (*text != "approve" && *text != "observe" && *text != "auto") {
        map.faults().add(setting->mark, "remediation.mode must be observe, approve or auto");
    } else {
        remediation.mode = *text;
    }
}

void read_verify_timeout(MapReader& remediation_map, RemediationConfig& remediation) {
    const auto setting = remediation_map.find("verify_timeout");
    if (!setting) return;
    MapReader map(*setting, remediation_map.faults());
    for (auto& [platform, timeout] : remediation.verify_timeout) map.duration(platform, 1s, 1h, timeout);
    map.finish();
}

// Gives the canary cluster's setting, which can be judged when all clusters are read.
std::optional<Setting> read_remediation(MapReader& top, NamedFiles& files, RemediationConfig& remediation) {
    const auto setting = top.find("remediation");
    if (!setting) return std::nullopt;
    MapReader map(*setting, top.faults());
    read_mode(map, remediation);
    map.duration("plan_ttl", 1s, 24h, remediation.plan_ttl);
    read_verify_timeout(map, remediation);
    map.duration("settle", 0s, 1h, remediation.settle);
    map.duration("readyz_hold", 100ms, 10min, remediation.readyz_hold);
    map.duration("configmap_watch", 100ms, 1h, remediation.configmap_watch);
    if (const auto most = map.find("max_clusters_at_once");
        most && scalar_text(*most, top.faults()).value_or("1") != "1")
        top.faults().add(most->mark, most->path + " can only be 1: one cluster at a time is repaired");
    read_automatic(map, files, remediation);
    auto canary = map.find("canary_cluster");
    map.finish();
    return canary;
}

void read_exec_plugins(MapReader& top, NamedFiles& files) {
    const auto setting = top.find("exec_plugins");
    const auto programs = top.texts("exec_plugins");
    if (!setting || !programs) return;
    for (const auto& program : *programs) {
        if (!program.starts_with('/')) {
            top.faults().add(setting->mark,
                             setting->path + ": " + printable(program, 200) + " must be an absolute path");
        }
    }
    files.exec_plugins = *programs;
}

void read_clusters(MapReader& top, NamedFiles& files, Config& config) {
    std::set<std::string> names;
    top.each("clusters", [&](const Setting& item) {
        auto cluster = read_cluster(item, files, top.faults());
        if (!cluster.target.name.empty() && !names.insert(cluster.target.name).second) {
            top.faults().add(item.mark, fmt::format("a second cluster is called {}", cluster.target.name));
        }
        config.clusters.push_back(std::move(cluster));
    });
    // The digests cover remediation too, which may stand below clusters in the file.
    for (auto& cluster : config.clusters) cluster.digest = digest_of(cluster, config.remediation);
}

Config read_document(const YAML::Node& root, NamedFiles& files, Faults& faults) {
    Config config;
    MapReader map(root, root.IsNull() ? YAML::Mark() : root.Mark(), "", faults);
    read_listen(map, config);
    map.refuse("web_config_file", not_supported);
    map.refuse(
        "bosh",
        "is not supported by this version; list the masters of each cluster and name a user and a key in its ssh");
    // sun_path holds 108 bytes with its NUL; the socket is made under a longer name first and then renamed.
    read_absolute_path(map, "control_socket", 96, config.control_socket);
    read_absolute_path(map, "state_dir", 4000, config.state_dir);
    read_probe(map, config.probe);
    const auto canary = read_remediation(map, files, config.remediation);
    map.require("clusters");
    read_exec_plugins(map, files);
    read_clusters(map, files, config);
    check_automatic(config, canary, faults);
    map.finish();
    return config;
}

Result<std::string> read_config_bytes(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream bytes;
    if (!std::filesystem::is_regular_file(file)) return fail(Errc::io_failed, "cannot be read: there is no such file");
    if (std::filesystem::file_size(file) > config_bytes_max) return fail(Errc::too_large, "is larger than 16 MiB");
    if (!stream || !(bytes << stream.rdbuf())) return fail(Errc::io_failed, "cannot be read, or is empty");
    return std::move(bytes).str();
}

}  // namespace

std::string format(const ConfigFault& fault) {
    if (fault.line == 0) return fmt::format("{}: {}", fault.file, fault.text);
    return fmt::format("{}:{}:{}: {}", fault.file, fault.line, fault.column, fault.text);
}

std::expected<Config, std::vector<ConfigFault>> parse_config(const std::string& bytes,
                                                             const std::filesystem::path& file,
                                                             RepairCredential repair) {
    Faults faults(file.string());
    try {
        NamedFiles files(file.parent_path(), faults);
        files.reads_repair = repair == RepairCredential::checked;
        auto config = read_document(YAML::Load(bytes), files, faults);
        if (!faults.empty()) return std::unexpected(faults.take_faults());
        config.warnings = faults.take_warnings();
        return config;
    } catch (const YAML::Exception& error) {
        faults.add(error.mark, "this is no YAML: " + printable(error.msg));
    } catch (const std::filesystem::filesystem_error& error) {
        faults.add(error.code().message());
    }
    return std::unexpected(faults.take_faults());
}

std::expected<Config, std::vector<ConfigFault>> load_config(const std::filesystem::path& file,
                                                            RepairCredential repair) {
    Faults faults(file.string());
    try {
        const auto bytes = read_config_bytes(file);
        if (bytes) return parse_config(*bytes, file, repair);
        faults.add(bytes.error().detail);
    } catch (const std::filesystem::filesystem_error& error) {
        faults.add(error.code().message());
    }
    return std::unexpected(faults.take_faults());
}

}  // namespace aggmedic::daemon
