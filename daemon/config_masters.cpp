#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "daemon/config_cluster.hpp"
#include "daemon/server_url.hpp"
#include "net/known_hosts.hpp"

namespace aggmedic::daemon {
namespace {

constexpr int port_max = 65535;

void read_host(MapReader& map, std::string_view key, std::string& host) {
    const auto setting = map.find(key);
    if (!setting) return;
    const auto text = scalar_text(*setting, map.faults());
    if (!text) return;
    if (is_host(*text)) {
        host = *text;
    } else {
        map.faults().add(setting->mark,
                         setting->path + " must be a host name or an IP address, without scheme and port");
    }
}

probes::MasterAddress read_master(const Setting& setting, Faults& faults) {
    probes::MasterAddress master;
    MapReader map(setting, faults);
    map.require("name");
    map.require("address");
    if (const auto name = map.find("name")) {
        const auto text = scalar_text(*name, faults);
        if (text && is_name(*text, true)) {
            master.name = *text;
        } else if (text) {
            faults.add(
                name->mark,
                name->path + " must be 1 to 63 letters, digits, '.', '/', '_' and '-', the first a letter or digit");
        }
    }
    read_host(map, "address", master.address);
    read_host(map, "server_name", master.server_name);
    read_host(map, "ssh_address", master.ssh_address);
    if (const auto port = map.integer("api_port", 1, port_max)) master.api_port = static_cast<std::uint16_t>(*port);
    if (const auto port = map.integer("ssh_port", 1, port_max)) master.ssh_port = static_cast<std::uint16_t>(*port);
    map.finish();
    return master;
}

// Two names for one machine would let a run believe that another master is still up.
void check_distinct(const std::vector<std::pair<probes::MasterAddress, YAML::Mark>>& masters, Faults& faults) {
    std::set<std::string> names, addresses;
    for (const auto& [master, mark] : masters) {
        if (!master.name.empty() && !names.insert(master.name).second) {
            faults.add(mark, fmt::format("a second master is called {}", master.name));
        }
        const auto address = fmt::format("{} port {}", master.address, master.api_port);
        if (!master.address.empty() && !addresses.insert(address).second) {
            faults.add(mark, fmt::format("a second master has the address {}", address));
        }
    }
}

bool is_user(std::string_view text) {
    const auto allowed = [](char character) {
        return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
               (character >= '0' && character <= '9') || character == '_' || character == '-' || character == '.';
    };
    return !text.empty() && text.size() <= 64 && text.front() != '-' && std::ranges::all_of(text, allowed);
}

// Every master's host key must be pinned: nothing connects without one, so it is said now.
void check_known_hosts(const Setting& setting, const ClusterConfig& cluster, Faults& faults) {
    for (const auto& master : cluster.target.masters) {
        const auto& host = master.ssh_address.empty() ? master.address : master.ssh_address;
        if (host.empty()) continue;
        const auto keys = known_host_keys(cluster.ssh->known_hosts, host, master.ssh_port);
        if (!keys) {
            faults.add(setting.mark, fmt::format("{}: {}", setting.path, keys.error().detail));
            return;
        }
        if (!keys->empty()) continue;
        const auto written = master.ssh_port == 22 ? host : fmt::format("[{}]:{}", host, master.ssh_port);
        faults.add(setting.mark,
                   fmt::format("{}: no host key for {} ({}); get it over a path that you trust and add the line",
                               setting.path, master.name, written));
    }
}

}  // namespace

void read_masters(MapReader& map, ClusterConfig& cluster) {
    const auto setting = map.find("masters");
    if (!setting) return;
    if (setting->value.IsMap()) {
        map.faults().add(setting->mark,
                         setting->path + ".from is not supported by this version; list the masters: [{name, address}]");
        return;
    }
    std::vector<std::pair<probes::MasterAddress, YAML::Mark>> masters;
    map.each("masters", [&](const Setting& item) { masters.emplace_back(read_master(item, map.faults()), item.mark); });
    check_distinct(masters, map.faults());
    for (auto& [master, mark] : masters) cluster.target.masters.push_back(std::move(master));
}

void read_ssh(MapReader& cluster_map, NamedFiles& files, ClusterConfig& cluster) {
    const auto setting = cluster_map.find("ssh");
    if (!setting) return;
    auto& faults = cluster_map.faults();
    MapReader map(*setting, faults);
    map.refuse("via", "is not supported by this version; name user, private_key_file and known_hosts_file");
    map.refuse("gateway", "is not supported by this version; the masters must be reachable from here");
    refuse_inline_secrets(map);
    for (const std::string_view key : {"user", "private_key_file", "known_hosts_file"}) map.require(key);
    SshConfig ssh;
    if (const auto user = map.find("user")) {
        const auto text = scalar_text(*user, faults);
        if (text && is_user(*text)) {
            ssh.user = *text;
        } else if (text) {
            faults.add(user->mark, user->path + " is no user name");
        }
    }
    if (const auto key = map.find("private_key_file")) {
        const auto name = scalar_text(*key, faults);
        auto pem = name ? files.read_secret(*name, *key) : std::nullopt;
        const auto fault = pem ? private_key_fault(*pem) : std::string();
        if (!fault.empty())
            faults.add(key->mark, fmt::format("{}: {} {}", key->path, files.resolve(*name).string(), fault));
        if (pem) ssh.private_key_pem = std::move(*pem);
    }
    if (const auto helper = map.find("helper")) {
        const auto text = scalar_text(*helper, faults);
        ssh.helper_installed = text == "installed";
        if (text && text != "sent" && text != "installed")
            faults.add(helper->mark, helper->path + " must be sent or installed (aggmedic config sudoers)");
    }
    const auto known_hosts = map.find("known_hosts_file");
    const auto name = known_hosts ? scalar_text(*known_hosts, faults) : std::nullopt;
    auto text = name ? files.read(*name, *known_hosts) : std::nullopt;
    map.finish();
    if (cluster.target.masters.empty())
        faults.add(setting->mark, setting->path + " has no masters to reach; list them");
    if (text) ssh.known_hosts = std::move(*text);
    const bool check = !ssh.known_hosts.empty();
    cluster.ssh = std::move(ssh);
    if (check) check_known_hosts(*known_hosts, cluster, faults);
}

}  // namespace aggmedic::daemon
