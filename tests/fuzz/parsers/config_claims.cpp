#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "daemon/config.hpp"
#include "daemon/kubeconfig.hpp"
#include "net/text.hpp"
#include "tests/fuzz/parsers/claims.hpp"

// What people write. It is refused in sentences, or it is a configuration that the rest may rely on.
namespace aggmedic::fuzz {
namespace {

using namespace daemon;

// The files that the corpus names, so that a configuration can be good.
class NamedHere {
  public:
    NamedHere() {
        std::string name = (std::filesystem::temp_directory_path() / "aggmedic-fuzz-XXXXXX").string();
        if (::mkdtemp(name.data()) != nullptr) folder_ = name;
        write("demo.token", "abc.def.ghi\n");
        write("demo.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        write("demo.known_hosts",
              "10.0.11.11,10.0.11.12 ssh-ed25519 "
              "AAAAC3NzaC1lZDI1NTE5AAAAIJd6RB3Ksjf5WRmMRsbO6CjSYVJCLIrZPyHHMsWfhKKG\n");
    }
    NamedHere(const NamedHere&) = delete;
    NamedHere& operator=(const NamedHere&) = delete;
    ~NamedHere() {
        std::error_code ignored;
        if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
    }
    std::filesystem::path file() const { return folder_ / "aggmedic.yml"; }

  private:
    void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }

    std::filesystem::path folder_;
};

const NamedHere& named_here() {
    static const NamedHere files;
    return files;
}

bool is_for_a_terminal(const std::string& text) {
    return !text.empty() && text == printable(text, text.size());
}

std::string_view broken_fault(const std::vector<ConfigFault>& faults) {
    for (const auto& fault : faults) {
        if (fault.line < 0 || fault.column < 0) return "a fault's place is a place";
        if (!is_for_a_terminal(fault.text)) return "a fault is a sentence without control characters";
    }
    return "";
}

std::string_view broken_cluster(const ClusterConfig& cluster) {
    const auto& target = cluster.target;
    if (target.name.empty() || !is_for_a_terminal(target.name)) return "a cluster has a name";
    if (target.server_host.empty() || target.server_port == 0) return "a cluster has an address";
    if (target.probe.empty()) return "a cluster has a credential to look with";
    if (!cluster.repair.bearer_token.empty() || !cluster.repair.client_key_pem.empty())
        return "credentials.repair is not read with the configuration";
    if (cluster.ssh && (cluster.ssh->known_hosts.empty() || cluster.ssh->user.empty() || target.masters.empty()))
        return "SSH has a user, pinned keys and masters";
    std::set<std::string> names;
    for (const auto& master : target.masters) {
        if (!names.insert(master.name).second) return "masters have different names";
    }
    return cluster.digest.size() == 64 ? "" : "a cluster has a digest";
}

}  // namespace

std::string_view broken_config_claim(std::string_view bytes) {
    const std::string text(bytes);
    const auto config = parse_config(text, named_here().file());
    if (!config) return config.error().empty() ? "a refusal has a fault" : broken_fault(config.error());
    if (const auto broken = broken_fault(config->warnings); !broken.empty()) return broken;
    if (config->probe.interval.count() <= 0 || config->probe.timeout.count() <= 0 || config->probe.attempts < 1)
        return "times and counts of the probe are positive";
    std::set<std::string> names;
    for (const auto& cluster : config->clusters) {
        if (!names.insert(cluster.target.name).second) return "clusters have different names";
        if (const auto broken = broken_cluster(cluster); !broken.empty()) return broken;
    }
    const auto again = parse_config(text, named_here().file());
    if (!again || again->clusters.size() != config->clusters.size()) return "the same bytes are the same configuration";
    for (std::size_t index = 0; index < config->clusters.size(); ++index) {
        if (again->clusters[index].digest != config->clusters[index].digest)
            return "the same bytes have the same digest";
    }
    return "";
}

std::string_view broken_kubeconfig_claim(std::string_view bytes) {
    const auto context = parse_kubeconfig(std::string(bytes), named_here().file(), "", {"/usr/bin/aws"});
    if (!context) return is_for_a_terminal(context.error().detail) ? "" : "a refusal is a sentence for a terminal";
    if (context->server_host.empty() || context->server_port == 0) return "a context has an address";
    const auto is_visible = [](char character) { return character > 0x20 && character < 0x7F; };
    if (!std::ranges::all_of(context->user.bearer_token, is_visible)) return "a token can stand in a header";
    if (context->user.client_certificate_pem.empty() != context->user.client_key_pem.empty())
        return "a certificate comes with its key";
    if (context->exec && context->exec->program != "/usr/bin/aws") return "only named programs log in";
    return "";
}

}  // namespace aggmedic::fuzz
