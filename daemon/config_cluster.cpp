#include "daemon/config_cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "daemon/credential_source.hpp"
#include "daemon/kubeconfig.hpp"
#include "daemon/server_url.hpp"
#include "net/text.hpp"
#include "net/tls_context.hpp"
#include "probes/platform.hpp"

namespace aggmedic::daemon {
namespace {

// Each renders its apiserver's arguments itself, or keeps its masters: diagnosed over HTTPS, never edited.
constexpr std::array<std::string_view, 7> never_edited = {"rke",      "rke2",      "k3s",    "k0s",
                                                          "microk8s", "openshift", "managed"};

bool is_letter_or_digit(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9');
}

void read_server(MapReader& map, NamedFiles& files, probes::ClusterTarget& target) {
    const auto server = map.find("server");
    if (const auto ca = map.find("certificate_authority_file")) {
        if (const auto name = scalar_text(*ca, map.faults())) {
            if (auto pem = files.read(*name, *ca)) target.ca_pem = std::move(*pem);
        }
    }
    if (!server) return;
    const auto text = scalar_text(*server, map.faults());
    if (!text) return;
    const auto parsed = parse_server_url(*text);
    if (!parsed) {
        map.faults().add(server->mark, fmt::format("{}: {}", server->path, parsed.error().detail));
        return;
    }
    target.server_host = parsed->host;
    target.server_port = parsed->port;
}

// The other way to say server, CA and probe credential.
void read_kubeconfig_of_cluster(MapReader& map, NamedFiles& files, probes::ClusterTarget& target) {
    const auto setting = map.find("kubeconfig");
    const auto context = map.text("context");
    if (!setting) {
        if (context) map.fault(map.path() + ".context has no kubeconfig beside it");
        return;
    }
    const auto name = scalar_text(*setting, map.faults());
    if (!name) return;
    const auto file = files.resolve(*name);
    auto read = read_kubeconfig(file, context.value_or(""), files.exec_plugins);
    if (!read) {
        map.faults().add(setting->mark, fmt::format("{}: {}", setting->path, read.error().detail));
        return;
    }
    target.server_host = std::move(read->server_host);
    target.server_port = read->server_port;
    target.server_name = std::move(read->server_name);
    target.ca_pem = std::move(read->ca_pem);
    target.insecure_skip_tls_verify = read->insecure_skip_tls_verify;
    target.probe = renewable_user(std::move(*read), file, context.value_or(""), files.exec_plugins);
}

// Exactly one of server and kubeconfig.
void read_address(MapReader& map, NamedFiles& files, probes::ClusterTarget& target) {
    const bool has_server = map.find("server").has_value();
    const bool has_kubeconfig = map.find("kubeconfig").has_value();
    if (map.is_map() && has_server == has_kubeconfig) {
        map.fault(fmt::format("{} needs either server (https://host:port) or kubeconfig", map.path()));
    }
    if (has_kubeconfig && map.find("certificate_authority_file")) {
        map.fault(map.path() + ".certificate_authority_file: the kubeconfig says it already; keep one of them");
    }
    read_server(map, files, target);
    read_kubeconfig_of_cluster(map, files, target);
}

// A certificate or key that OpenSSL cannot use is found here, not in the middle of the night.
void check_tls(const Setting& setting, const probes::Credential& credential, const probes::ClusterTarget& target,
               Faults& faults) {
    if (target.ca_pem.empty() && credential.client_certificate_pem.empty()) return;
    HttpsTarget https;
    https.host = target.server_host;
    https.ca_pem = target.ca_pem;
    https.client_certificate_pem = credential.client_certificate_pem;
    https.client_key_pem = credential.client_key_pem;
    SessionStore sessions;
    const auto made = make_client_context(https, sessions);
    if (!made) faults.add(setting.mark, fmt::format("{}: {}", setting.path, made.error().detail));
}

void read_credentials(MapReader& cluster, NamedFiles& files, ClusterConfig& result) {
    const auto setting = cluster.find("credentials");
    auto& target = result.target;
    if (setting) {
        MapReader map(*setting, cluster.faults());
        const auto read = [&](std::string_view key, probes::Credential& credential, bool is_read) {
            const auto found = map.find(key);
            if (!found) return;
            if (auto value = read_credential(*found, files, cluster.faults(), is_read)) {
                credential = std::move(*value);
                check_tls(*found, credential, target, cluster.faults());
            }
        };
        const bool own_probe = map.find("probe").has_value();
        read("probe", target.probe, true);
        read("canary", target.canary, true);
        read("repair", result.repair, files.reads_repair);
        map.finish();
        if (own_probe) return;
    }
    const bool from_kubeconfig = cluster.find("kubeconfig").has_value();
    if (from_kubeconfig || !cluster.is_map()) return;
    cluster.fault(cluster.path() +
                  ".credentials.probe is missing: name the token_file of a ServiceAccount that may do what "
                  "probes/rbac.yaml grants");
}

bool is_same_identity(const probes::Credential& one, const probes::Credential& other) {
    const auto a = probes::caller_of(one), b = probes::caller_of(other);
    const bool same_bytes =
        one.bearer_token == other.bearer_token && one.client_certificate_pem == other.client_certificate_pem;
    return (same_bytes && !(one.bearer_token.empty() && one.client_certificate_pem.empty())) ||
           (!a.user.empty() && a.user == b.user);
}

// A canary tells the right identity from a masked one only if it may do next to nothing.
void warn_of_canary(const Setting& setting, const ClusterConfig& cluster, Faults& faults) {
    const auto& target = cluster.target;
    if (target.canary.empty()) return;
    constexpr std::string_view remedy = "give it the ServiceAccount aggmedic-canary of probes/rbac.yaml";
    if (probes::caller_of(target.canary).is_system_masters)
        faults.warn(setting.mark, fmt::format("{}: the canary's credential is in system:masters, which is blind to a "
                                              "masked identity; {}",
                                              setting.path, remedy));
    if (is_same_identity(target.canary, target.probe))
        faults.warn(setting.mark,
                    fmt::format("{}: the canary's credential is the probe's own; {}", setting.path, remedy));
}

// Such a caller is allowed everything before anything is asked: whose identity an extension API server saw stays
// unknown.
void warn_of_masters(const Setting& setting, const ClusterConfig& cluster, Faults& faults) {
    if (!probes::caller_of(cluster.target.probe).is_system_masters) return;
    faults.warn(setting.mark, fmt::format("{}: the probe's credential is in system:masters, which is blind to a masked "
                                          "identity (aggmedic_identity_masked stays unknown); give it a ServiceAccount "
                                          "with what probes/rbac.yaml grants",
                                          setting.path));
}

void read_apiservices(MapReader& cluster, probes::ClusterTarget& target) {
    const auto setting = cluster.find("apiservices");
    if (!setting) return;
    MapReader map(*setting, cluster.faults());
    if (auto include = map.texts("include")) target.include = std::move(*include);
    if (auto exclude = map.texts("exclude")) target.exclude = std::move(*exclude);
    map.finish();
}

bool is_never_edited(std::string_view platform) {
    return std::ranges::find(never_edited, platform) != never_edited.end();
}

void read_platform(MapReader& map, ClusterConfig& cluster) {
    const auto setting = map.find("platform");
    if (setting) {
        const auto text = scalar_text(*setting, map.faults());
        if (text && probes::find_platform(*text) == nullptr && !is_never_edited(*text)) {
            map.faults().add(setting->mark, setting->path +
                                                " must be bosh, kubeadm or systemd, or one that is diagnosed and never "
                                                "edited: rke, rke2, k3s, k0s, microk8s, openshift, managed");
        } else if (text) {
            cluster.target.platform = *text;
        }
    }
    auto& platform = cluster.target.platform;
    if (!map.find("ssh")) {
        // ClusterTarget: a platform that can be edited means that the masters are looked at over SSH.
        if (!is_never_edited(platform)) platform.clear();
    } else if (!setting) {
        platform = probes::detected_platform;
    } else if (is_never_edited(platform)) {
        map.faults().add(setting->mark,
                         fmt::format("{}: '{}' is diagnosed over HTTPS alone and never edited; leave ssh out",
                                     setting->path, platform));
    }
}

}  // namespace

bool is_name(std::string_view text, bool slash) {
    const auto allowed = [&](char character) {
        return is_letter_or_digit(character) || character == '.' || character == '_' || character == '-' ||
               (slash && character == '/');
    };
    return !text.empty() && text.size() <= 63 && is_letter_or_digit(text.front()) && std::ranges::all_of(text, allowed);
}

void refuse_inline_secrets(MapReader& map) {
    for (const std::string_view key : {"token", "password", "client_key", "client_certificate", "private_key",
                                       "client_secret", "client_key_data", "client_certificate_data"}) {
        map.refuse(key,
                   "would put a secret into the configuration; write it to a file of its own and name that file "
                   "(token_file, client_key_file, private_key_file)");
    }
}

ClusterConfig read_cluster(const Setting& setting, NamedFiles& files, Faults& faults) {
    ClusterConfig cluster;
    MapReader map(setting, faults);
    map.require("name");
    if (auto name = map.find("name")) {
        auto text = scalar_text(*name, faults);
        if (text && !is_name(*text, false)) {
            faults.add(name->mark,
                       name->path + " must be 1 to 63 letters, digits, '.', '_' and '-', the first a letter or digit");
        } else if (text) {
            cluster.target.name = std::move(*text);
        }
    }
    refuse_inline_secrets(map);
    read_address(map, files, cluster.target);
    read_credentials(map, files, cluster);
    if (cluster.target.canary.empty()) warn_of_masters(setting, cluster, faults);
    warn_of_canary(setting, cluster, faults);
    read_apiservices(map, cluster.target);
    read_platform(map, cluster);
    read_masters(map, cluster);
    read_ssh(map, files, cluster);
    read_repair_settings(map, cluster);
    map.finish();
    return cluster;
}

namespace {

// The settings of one identity, of which exactly one way is there.
struct CredentialSettings {
    std::optional<Setting> token, certificate, key, kubeconfig;
    std::string context;
};

std::optional<CredentialSettings> read_credential_settings(const Setting& setting, Faults& faults) {
    MapReader map(setting, faults);
    if (!map.is_map()) return std::nullopt;
    refuse_inline_secrets(map);
    CredentialSettings settings{.token = map.find("token_file"),
                                .certificate = map.find("client_certificate_file"),
                                .key = map.find("client_key_file"),
                                .kubeconfig = map.find("kubeconfig"),
                                .context = {}};
    const auto context = map.text("context");
    map.finish();
    settings.context = context.value_or("");

    const int ways =
        (settings.token ? 1 : 0) + (settings.certificate || settings.key ? 1 : 0) + (settings.kubeconfig ? 1 : 0);
    if (ways == 1 && settings.certificate.has_value() == settings.key.has_value() && (!context || settings.kubeconfig))
        return settings;
    map.fault(map.path() +
              " needs exactly one of: token_file; client_certificate_file with client_key_file; kubeconfig with "
              "context");
    return std::nullopt;
}

std::optional<probes::Credential> read_now(const CredentialSettings& settings, NamedFiles& files, Faults& faults) {
    const auto name_at = [&](const Setting& at) { return scalar_text(at, faults); };
    probes::Credential credential;
    if (settings.token) {
        const auto name = name_at(*settings.token);
        const auto value = name ? files.read_token(*name, *settings.token) : std::nullopt;
        if (!value) return std::nullopt;
        credential.bearer_token = *value;
        credential.source = token_in_file(files.resolve(*name));
    } else if (settings.certificate) {
        const auto certificate_name = name_at(*settings.certificate);
        const auto key_name = name_at(*settings.key);
        const auto certificate_pem =
            certificate_name ? files.read(*certificate_name, *settings.certificate) : std::nullopt;
        const auto key_pem = key_name ? files.read_secret(*key_name, *settings.key) : std::nullopt;
        if (!certificate_pem || !key_pem) return std::nullopt;
        credential.client_certificate_pem = *certificate_pem;
        credential.client_key_pem = *key_pem;
        credential.source = certificate_in_files(files.resolve(*certificate_name), files.resolve(*key_name));
    } else {
        const auto name = name_at(*settings.kubeconfig);
        if (!name) return std::nullopt;
        const auto file = files.resolve(*name);
        auto read = read_kubeconfig(file, settings.context, files.exec_plugins);
        if (!read) {
            faults.add(settings.kubeconfig->mark,
                       fmt::format("{}: {}", settings.kubeconfig->path, read.error().detail));
            return std::nullopt;
        }
        credential = renewable_user(std::move(*read), file, settings.context, files.exec_plugins);
    }
    return credential;
}

std::optional<probes::Credential> read_later(const CredentialSettings& settings, NamedFiles& files, Faults& faults) {
    const auto file_at = [&](const Setting& at) -> std::optional<std::filesystem::path> {
        const auto name = scalar_text(at, faults);
        if (!name) return std::nullopt;
        files.expect_secret(*name, at);
        return files.resolve(*name);
    };
    probes::Credential credential;
    if (settings.token) {
        if (const auto file = file_at(*settings.token))
            credential.source = unkept([file] { return token_in_file(*file); });
    } else if (settings.certificate) {
        const auto certificate_name = scalar_text(*settings.certificate, faults);
        const auto key = file_at(*settings.key);
        if (certificate_name && key && files.read(*certificate_name, *settings.certificate))
            credential.source = unkept([certificate = files.resolve(*certificate_name), key = *key] {
                return certificate_in_files(certificate, key);
            });
    } else if (const auto file = file_at(*settings.kubeconfig)) {
        credential.source = user_of_kubeconfig(*file, settings.context, files.exec_plugins);
    }
    if (!credential.source) return std::nullopt;
    return credential;
}

}  // namespace

std::optional<probes::Credential> read_credential(const Setting& setting, NamedFiles& files, Faults& faults,
                                                  bool is_read) {
    const auto settings = read_credential_settings(setting, faults);
    if (!settings) return std::nullopt;
    return is_read ? read_now(*settings, files, faults) : read_later(*settings, files, faults);
}

}  // namespace aggmedic::daemon
