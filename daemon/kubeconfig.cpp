#include "daemon/kubeconfig.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <optional>

#include "daemon/config.hpp"
#include "daemon/config_files.hpp"
#include "daemon/credential_source.hpp"
#include "daemon/exec_plugin.hpp"
#include "daemon/server_url.hpp"
#include "net/text.hpp"
#include "net/tls_context.hpp"

namespace aggmedic::daemon {
namespace {

// Where something stands, for the sentence of a failure.
struct Place {
    std::filesystem::path file;
    std::string what;  // user 'admin'
};

std::unexpected<Error> wrong(const Place& place, std::string_view why) {
    return fail(Errc::invalid_argument, fmt::format("{}: {} {}", place.file.string(), place.what, why));
}

// The inner mapping of the entry called `name` in one of the lists (clusters, users, contexts).
std::optional<YAML::Node> entry_of(const YAML::Node& root, const char* list, const char* inner,
                                   const std::string& name) {
    const YAML::Node entries = root[list];
    if (!entries || !entries.IsSequence()) return std::nullopt;
    for (const YAML::Node& entry : entries) {
        if (!entry.IsMap() || !entry["name"] || !entry["name"].IsScalar() || entry["name"].Scalar() != name) continue;
        const YAML::Node found = entry[inner];
        if (found && found.IsMap()) return found;
    }
    return std::nullopt;
}

std::string text_of(const YAML::Node& map, const char* key) {
    const YAML::Node value = map[key];
    return value && value.IsScalar() ? value.Scalar() : std::string();
}

// KEY-data in base64 wins over the file that KEY names, as in client-go.
Result<std::string> data_or_file(const YAML::Node& map, const std::string& key, const Place& place,
                                 std::vector<std::filesystem::path>& files) {
    const auto data = text_of(map, (key + "-data").c_str());
    if (!data.empty()) {
        std::string decoded;
        if (base64_decode(data, decoded)) return decoded;
        return wrong(place, fmt::format("has a {}-data that is no base64", key));
    }
    const auto name = text_of(map, key.c_str());
    if (name.empty()) return std::string();
    files.push_back(place.file.parent_path() / name);
    auto bytes = read_small_file(files.back());
    if (!bytes) return wrong(place, fmt::format("names a {}: {}", key, bytes.error().detail));
    return std::move(*bytes);
}

Result<void> read_cluster(const YAML::Node& cluster, const Place& place, KubeconfigContext& context) {
    if (!text_of(cluster, "proxy-url").empty()) return wrong(place, "has a proxy-url, which is not supported");
    const auto server = parse_server_url(text_of(cluster, "server"));
    if (!server) return wrong(place, fmt::format("has a server that cannot be used: {}", server.error().detail));
    context.server_host = server->host;
    context.server_port = server->port;
    context.server_name = text_of(cluster, "tls-server-name");
    context.insecure_skip_tls_verify = text_of(cluster, "insecure-skip-tls-verify") == "true";
    auto ca = data_or_file(cluster, "certificate-authority", place, context.files);
    if (!ca) return std::unexpected(ca.error());
    if (context.insecure_skip_tls_verify && !ca->empty()) {
        return wrong(place, "has both a certificate-authority and insecure-skip-tls-verify; kubectl refuses that too");
    }
    context.ca_pem = std::move(*ca);
    return {};
}

Result<void> refuse_foreign_ways(const YAML::Node& user, const Place& place) {
    if (user["auth-provider"]) {
        return wrong(place,
                     "logs in by auth-provider, which aggmedic does not do; give it a ServiceAccount's token or "
                     "a client certificate instead");
    }
    for (const char* key : {"username", "password", "as", "as-uid", "as-groups", "as-user-extra"}) {
        if (user[key]) return wrong(place, fmt::format("uses '{}', which is not supported by this version", key));
    }
    return {};
}

Result<ExecPlugin> read_exec(const YAML::Node& exec, const Place& place, const std::vector<std::string>& exec_plugins) {
    ExecPlugin plugin;
    auto command = text_of(exec, "command");
    // As in kubectl: with a slash in it, a relative command stands beside the kubeconfig.
    if (command.contains('/')) command = (place.file.parent_path() / command).lexically_normal().string();
    auto program = allowed_program(exec_plugins, command);
    if (!program) {
        return wrong(place,
                     fmt::format("logs in by exec, the program '{}', which aggmedic runs only when its "
                                 "configuration names it: exec_plugins: [/path/to/{}]; or give it a "
                                 "ServiceAccount's token",
                                 printable(command, 200), printable(command.substr(command.rfind('/') + 1), 100)));
    }
    plugin.api_version = text_of(exec, "apiVersion");
    if (plugin.api_version != "client.authentication.k8s.io/v1" &&
        plugin.api_version != "client.authentication.k8s.io/v1beta1") {
        return wrong(place,
                     "logs in by an exec plugin of another version than client.authentication.k8s.io/v1 or v1beta1");
    }
    if (text_of(exec, "interactiveMode") == "Always")
        return wrong(place, "logs in by an exec plugin that asks a person");
    if (text_of(exec, "provideClusterInfo") == "true") {
        return wrong(place, "logs in by an exec plugin that wants cluster information, which is not supported");
    }
    plugin.program = std::move(*program);
    const YAML::Node arguments = exec["args"];
    for (const YAML::Node& argument : arguments) plugin.arguments.push_back(argument.as<std::string>());
    const YAML::Node variables = exec["env"];
    for (const YAML::Node& variable : variables)
        plugin.environment[text_of(variable, "name")] = text_of(variable, "value");
    return plugin;
}

Result<void> read_user(const YAML::Node& user, const Place& place, const std::vector<std::string>& exec_plugins,
                       KubeconfigContext& context) {
    if (auto usable = refuse_foreign_ways(user, place); !usable) return usable;
    if (user["exec"]) {
        auto plugin = read_exec(user["exec"], place, exec_plugins);
        if (!plugin) return std::unexpected(plugin.error());
        context.exec = std::move(*plugin);
        return {};
    }
    auto certificate = data_or_file(user, "client-certificate", place, context.files);
    if (!certificate) return std::unexpected(certificate.error());
    auto key = data_or_file(user, "client-key", place, context.files);
    if (!key) return std::unexpected(key.error());
    if (certificate->empty() != key->empty()) return wrong(place, "needs both client-certificate and client-key");
    context.user.client_certificate_pem = std::move(*certificate);
    context.user.client_key_pem = std::move(*key);

    // client-go re-reads tokenFile and prefers it to token.
    auto token = text_of(user, "token");
    const auto token_file = text_of(user, "tokenFile");
    if (!token_file.empty()) {
        context.files.push_back(place.file.parent_path() / token_file);
        auto bytes = read_small_file(context.files.back());
        if (!bytes) return wrong(place, fmt::format("names a tokenFile: {}", bytes.error().detail));
        token = std::move(*bytes);
    }
    if (token.empty()) return {};
    auto usable = token_from(token, "its token");
    if (!usable) return wrong(place, fmt::format("cannot be used: {}", usable.error().detail));
    context.user.bearer_token = std::move(*usable);
    return {};
}

Result<void> check_tls(const KubeconfigContext& context, const Place& place) {
    if (context.ca_pem.empty() && context.user.client_certificate_pem.empty()) return {};
    SessionStore sessions;
    HttpsTarget target;
    target.host = context.server_host;
    target.ca_pem = context.ca_pem;
    target.client_certificate_pem = context.user.client_certificate_pem;
    target.client_key_pem = context.user.client_key_pem;
    const auto made = make_client_context(target, sessions);
    if (!made) return wrong(place, "cannot be used: " + made.error().detail);
    return {};
}

Result<KubeconfigContext> read_context(const YAML::Node& root, const std::filesystem::path& file, std::string name,
                                       const std::vector<std::string>& exec_plugins) {
    if (!root.IsMap()) return fail(Errc::invalid_argument, file.string() + " is no kubeconfig");
    if (name.empty()) name = text_of(root, "current-context");
    if (name.empty()) return fail(Errc::invalid_argument, file.string() + " has no current-context; name one");
    const Place context_place{file, fmt::format("context '{}'", printable(name, 100))};
    const auto context = entry_of(root, "contexts", "context", name);
    if (!context) return wrong(context_place, "does not exist");
    const auto cluster_name = text_of(*context, "cluster");
    const auto user_name = text_of(*context, "user");
    const auto cluster = entry_of(root, "clusters", "cluster", cluster_name);
    if (!cluster)
        return wrong(context_place,
                     fmt::format("names cluster '{}', which does not exist", printable(cluster_name, 100)));
    const auto user = entry_of(root, "users", "user", user_name);
    if (!user)
        return wrong(context_place, fmt::format("names user '{}', which does not exist", printable(user_name, 100)));

    KubeconfigContext result;
    result.name = name;
    result.files.push_back(file);
    const Place cluster_place{file, fmt::format("cluster '{}'", printable(cluster_name, 100))};
    const Place user_place{file, fmt::format("user '{}'", printable(user_name, 100))};
    if (auto read = read_cluster(*cluster, cluster_place, result); !read) return std::unexpected(read.error());
    if (auto read = read_user(*user, user_place, exec_plugins, result); !read) return std::unexpected(read.error());
    if (auto checked = check_tls(result, context_place); !checked) return std::unexpected(checked.error());
    return result;
}

std::string kubeconfig_identity(const std::filesystem::path& file, std::string_view context) {
    return fmt::format("kubeconfig {} {}", file.string(), context);
}

}  // namespace

Result<KubeconfigContext> read_kubeconfig(const std::filesystem::path& file, std::string_view context,
                                          const std::vector<std::string>& exec_plugins) {
    const auto bytes = read_small_file(file);
    if (!bytes) return std::unexpected(bytes.error());
    return parse_kubeconfig(*bytes, file, context, exec_plugins);
}

Result<KubeconfigContext> parse_kubeconfig(const std::string& bytes, const std::filesystem::path& file,
                                           std::string_view context, const std::vector<std::string>& exec_plugins) {
    try {
        return read_context(YAML::Load(bytes), file, std::string(context), exec_plugins);
    } catch (const YAML::Exception& error) {
        return fail(Errc::invalid_argument, fmt::format("{}:{}:{}: {}", file.string(), error.mark.line + 1,
                                                        error.mark.column + 1, printable(error.msg)));
    }
}

probes::Credential renewable_user(KubeconfigContext read, const std::filesystem::path& file, std::string_view context,
                                  const std::vector<std::string>& exec_plugins) {
    auto user = std::move(read.user);
    if (read.exec) {
        user.source = credential_of_plugin(std::move(*read.exec));
        return user;
    }
    const auto again = [file, name = std::string(context), exec_plugins]() -> Result<probes::Credential> {
        auto renewed = read_kubeconfig(file, name, exec_plugins);
        if (!renewed) return std::unexpected(renewed.error());
        return std::move(renewed->user);
    };
    user.source = credential_in_files(kubeconfig_identity(file, context), std::move(read.files), again);
    return user;
}

namespace {

class UnreadKubeconfig : public probes::CredentialSource {
  public:
    UnreadKubeconfig(std::filesystem::path file, std::string context, std::vector<std::string> exec_plugins)
        : file_(std::move(file)), context_(std::move(context)), exec_plugins_(std::move(exec_plugins)) {}

    asio::awaitable<Result<probes::Credential>> current(bool refused) override {
        auto read = read_kubeconfig(file_, context_, exec_plugins_);
        if (!read) co_return std::unexpected(read.error());
        const auto user = renewable_user(std::move(*read), file_, context_, exec_plugins_);
        co_return co_await user.source->current(refused);
    }
    std::string identity() const override { return kubeconfig_identity(file_, context_); }

  private:
    std::filesystem::path file_;
    std::string context_;
    std::vector<std::string> exec_plugins_;
};

}  // namespace

std::shared_ptr<probes::CredentialSource> user_of_kubeconfig(const std::filesystem::path& file, std::string context,
                                                             std::vector<std::string> exec_plugins) {
    return std::make_shared<UnreadKubeconfig>(file, std::move(context), std::move(exec_plugins));
}

Result<ClusterConfig> cluster_from_kubeconfig(const std::filesystem::path& file, std::string_view context) {
    auto read = read_kubeconfig(file, context);
    if (!read) return std::unexpected(read.error());
    ClusterConfig cluster;
    cluster.target.name = printable(read->name, 200);
    cluster.target.server_host = std::move(read->server_host);
    cluster.target.server_port = read->server_port;
    cluster.target.server_name = std::move(read->server_name);
    cluster.target.ca_pem = std::move(read->ca_pem);
    cluster.target.insecure_skip_tls_verify = read->insecure_skip_tls_verify;
    cluster.target.probe = std::move(read->user);
    return cluster;
}

Config config_for_kubeconfig(ClusterConfig cluster) {
    Config config;
    config.state_dir.clear();
    config.control_socket.clear();
    config.clusters.push_back(std::move(cluster));
    return config;
}

}  // namespace aggmedic::daemon
