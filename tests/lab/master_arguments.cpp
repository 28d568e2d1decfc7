#include "tests/lab/master_arguments.hpp"

#include <algorithm>

// The masters' bpm.yml, and how breaks change it.
namespace aggmedic::lab {
namespace {

// Sets --FLAG=VALUE in any dialect of bpm.yml, touching only the value's bytes. Nothing happens when the flag is not
// there.
void set_flag(std::string& text, const std::string& flag, const std::string& value) {
    const std::string start = "--" + flag + "=";
    const auto at = text.find(start);
    if (at == std::string::npos) return;
    const auto begin = at + start.size();
    const auto end = std::min(text.find_first_of("\"' \r\n]#", begin), text.size());
    text.replace(begin, end - begin, value);
}

std::string value_of(const std::string& text, const std::string& flag) {
    const std::string start = "--" + flag + "=";
    const auto at = text.find(start);
    if (at == std::string::npos) return {};
    const auto begin = at + start.size();
    return text.substr(begin, std::min(text.find_first_of("\"' \r\n]#", begin), text.size()) - begin);
}

// Takes the line with the flag out, in any dialect that has one argument a line.
void remove_flag(std::string& text, const std::string& flag) {
    for (auto at = text.find("--" + flag); at != std::string::npos; at = text.find("--" + flag, at)) {
        const char next = text[std::min(at + 2 + flag.size(), text.size() - 1)];
        if (next != '=' && next != '\n' && next != '"') {
            ++at;
            continue;
        }
        const auto begin = text.rfind('\n', at);
        text.erase(begin, text.find('\n', at) - begin);
        at = begin;
    }
}

// Another argument, written as the one of --secure-port is.
void add_flag(std::string& text, const std::string& flag, const std::string& value) {
    const std::string port = "--secure-port=" + value_of(text, "secure-port");
    const auto at = text.find(port);
    if (at == std::string::npos) return;
    const auto begin = text.rfind('\n', at), end = text.find('\n', at);
    std::string line = text.substr(begin, end - begin);
    line.replace(line.find(port), port.size(), "--" + flag + "=" + value);
    text.insert(end, line);
}

void rename_flag(std::string& text, const std::string& flag, const std::string& other) {
    const auto at = text.find("--" + flag + "=");
    if (at != std::string::npos) text.replace(at + 2, flag.size(), other);
}

struct ProxyCertificate {
    const char* cause;
    const char* pair;
};
constexpr ProxyCertificate proxy_causes[] = {{"proxy-cert-expired", "proxy-expired"},
                                             {"proxy-cert-renewed-late", "proxy-expired"},
                                             {"proxy-cert-wrong-issuer", "proxy-other-ca"},
                                             {"proxy-cert-empty-cn", "proxy-empty-cn"},
                                             {"proxy-cert-server-eku", "proxy-server-eku"},
                                             {"proxy-cert-no-masters", "proxy-no-masters"},
                                             {"proxy-key-mismatch", "proxy-wrong-key"},
                                             {"hostile-cn", "proxy-hostile-cn"},
                                             {"clock-skew", "proxy-not-yet"},
                                             {"front-proxy-ca", "proxy-front"},
                                             {"stale-ca-in-extension", "proxy-rotated"},
                                             {"one-master-other-cn", "proxy-other-cn"},
                                             {"one-master-differs", "proxy-other-ca"}};

enum class Change { set, set_file, remove, add_file, rename };
struct FlagChange {
    const char* cause;
    Change change;
    const char* flag;
    const char* value;
};
constexpr FlagChange flag_changes[] = {
    {"separate-ca", Change::set_file, "client-ca-file", "clients-ca.pem"},
    {"empty-names", Change::set, "requestheader-allowed-names", ""},
    {"last-writer-wins", Change::set, "requestheader-allowed-names", "aggregator"},
    {"no-anonymous", Change::set, "anonymous-auth", "false"},
    {"front-proxy-ca", Change::set_file, "requestheader-client-ca-file", "front-proxy-ca.pem"},
    {"stale-ca-in-extension", Change::set_file, "requestheader-client-ca-file", "rotated-ca.pem"},
    {"no-proxy-client-cert", Change::remove, "proxy-client-cert-file", ""},
    {"no-proxy-client-cert", Change::remove, "proxy-client-key-file", ""},
    {"proxy-key-twice", Change::rename, "proxy-client-cert-file", "proxy-client-key-file"},
    {"no-requestheader-ca", Change::remove, "requestheader-client-ca-file", ""},
    {"header-names-missing", Change::remove, "requestheader-username-headers", ""},
    {"header-names-missing", Change::remove, "requestheader-group-headers", ""},
    {"header-names-missing", Change::remove, "requestheader-extra-headers-prefix", ""},
    {"other-header-names", Change::set, "requestheader-username-headers", "X-Other-User"},
    {"no-service-routing", Change::remove, "enable-aggregator-routing", ""},
    {"egress-tunnel-down", Change::add_file, "egress-selector-config-file", "egress-selector.yml"}};

void make(const FlagChange& what, std::string& text) {
    const std::string file = std::string(config_prefix) + what.value;
    switch (what.change) {
        case Change::set:
            return set_flag(text, what.flag, what.value);
        case Change::set_file:
            return set_flag(text, what.flag, file);
        case Change::remove:
            return remove_flag(text, what.flag);
        case Change::add_file:
            return add_flag(text, what.flag, file);
        case Change::rename:
            return rename_flag(text, what.flag, what.value);
    }
}

// A proxy that does not know the services; its user and password must never be seen again.
constexpr const char* proxy_environment =
    "\n    https_proxy: http://ops:swordfish@10.77.0.9:3128\n    no_proxy: 127.0.0.1,localhost,192.168.0.0/16";

void set_proxy_environment(std::string& text) {
    const std::string_view key = "\n  env:";
    const auto at = text.find(key);
    if (at == std::string::npos) {
        text += std::string(key.substr(text.ends_with('\n') ? 1 : 0)) + proxy_environment + "\n";
        return;
    }
    const auto end = std::min(text.find('\n', at + 1), text.size());
    text.replace(at + key.size(), end - at - key.size(), proxy_environment);
}

}  // namespace

std::string master_arguments(const LabSpec& spec, std::size_t index, std::string& proxy_pair) {
    std::string text = read_file(spec.bpm);
    const std::string names = value_of(text, "requestheader-allowed-names");
    const bool mismatch = spec.has("cn-not-allowed", index) || spec.has("separate-ca", index);
    if (names == "aggregator" && !mismatch)
        set_flag(text, "requestheader-allowed-names", std::string("aggregator,") + cluster_name);
    for (const auto& [cause, pair] : proxy_causes) {
        if (!spec.has(cause, index)) continue;
        proxy_pair = pair;
        set_flag(text, "proxy-client-cert-file", std::string(config_prefix) + "proxy-client.pem");
        set_flag(text, "proxy-client-key-file", std::string(config_prefix) + "proxy-client-key.pem");
    }
    for (const auto& change : flag_changes) {
        if (spec.has(change.cause, index)) make(change, text);
    }
    if (spec.has("http-proxy-env", index)) set_proxy_environment(text);
    return text;
}

}  // namespace aggmedic::lab
