#include "tests/lab/apiserver/apiserver.hpp"

#include <fstream>
#include <random>

namespace aggmedic::lab {
namespace {

// Every file that the flags name must be readable, or the process does not start.
void require_files(const model::ApiserverFlags& flags) {
    for (const char* flag : {"tls-cert-file", "tls-private-key-file", "client-ca-file", "requestheader-client-ca-file",
                             "proxy-client-cert-file", "proxy-client-key-file", "token-auth-file", "etcd-cafile",
                             "etcd-certfile", "etcd-keyfile", "kubelet-client-certificate", "kubelet-client-key",
                             "service-account-key-file", "oidc-ca-file", "audit-policy-file", "cloud-config"}) {
        const std::string file = flags.value(flag);
        if (!file.empty() && !std::ifstream(file))
            throw std::runtime_error("Error: open " + file + ": no such file or permission denied (--" + flag + ")");
    }
}

std::string pem_of(const model::ApiserverFlags& flags, const char* flag) {
    const std::string file = flags.value(flag);
    return file.empty() ? std::string() : read_file(file);
}

std::map<std::string, model::Identity> read_tokens(const std::string& file) {
    std::map<std::string, model::Identity> tokens;
    if (file.empty()) return tokens;
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        const auto fields = model::parse_string_slice(line);
        if (fields.size() < 3) continue;
        model::Identity who{
            .user = fields[1],
            .groups = fields.size() > 3 ? model::parse_string_slice(fields[3]) : std::vector<std::string>()};
        who.groups.emplace_back("system:authenticated");
        tokens[fields[0]] = who;
    }
    return tokens;
}

model::AuthPublication publication_of(const model::ApiserverFlags& flags) {
    const auto rejoined = [](const std::string& pem) {
        std::string joined;
        for (const auto& block : model::split_pem(pem)) joined += block;
        return joined;
    };
    return {.client_ca_pem = rejoined(pem_of(flags, "client-ca-file")),
            .requestheader_ca_pem = rejoined(pem_of(flags, "requestheader-client-ca-file")),
            .allowed_names = flags.list("requestheader-allowed-names"),
            .username_headers = flags.list("requestheader-username-headers"),
            .group_headers = flags.list("requestheader-group-headers"),
            .extra_prefixes = flags.list("requestheader-extra-headers-prefix")};
}

bool share_a_certificate(const model::AuthPublication& publication) {
    const auto clients = model::split_pem(publication.client_ca_pem);
    const auto proxies = model::split_pem(publication.requestheader_ca_pem);
    return std::ranges::any_of(proxies,
                               [&](const auto& pem) { return std::ranges::find(clients, pem) != clients.end(); });
}

bool key_fits(const model::ApiserverFlags& flags) {
    const std::string certificate = flags.value("proxy-client-cert-file"), key = flags.value("proxy-client-key-file");
    return certificate.empty() || key.empty() || keys_match(read_file(certificate), read_file(key));
}

// Only where both flags are given does the proxy present anything.
std::string proxy_file(const model::ApiserverFlags& flags, const char* flag) {
    const bool complete = flags.given("proxy-client-cert-file") && flags.given("proxy-client-key-file");
    return complete ? flags.value(flag) : std::string();
}

// A process that reads the pair once keeps it, whatever becomes of the files.
std::string as_loaded(const model::Generation& generation, const std::string& file, const char* name) {
    if (file.empty() || generation.reloads_proxy_certificate()) return file;
    const std::string kept = std::string("/var/vcap/sys/run/bpm/kube-apiserver/loaded-") + name;
    write_file(kept, read_file(file));
    return kept;
}

std::string audit_id() {
    static thread_local std::mt19937_64 random(std::random_device{}());
    char text[40];
    const auto a = random(), b = random();
    std::snprintf(text, sizeof text, "%08x-%04x-4%03x-8%03x-%012llx", static_cast<unsigned>(a >> 32),
                  static_cast<unsigned>(a >> 16 & 0xffff), static_cast<unsigned>(a & 0xfff),
                  static_cast<unsigned>(b >> 52), static_cast<unsigned long long>(b & 0xffffffffffffULL));
    return text;
}

// `clock` = seconds by which this master's clock is ahead.
std::string date_of(const Apiserver& server) {
    const auto ahead = fault(server.faults(), "clock");
    return http_date(std::chrono::seconds(ahead ? std::stol(*ahead) : 0));
}

// A switch `hostile` = MODE or MODE:PATH-PREFIX turns the answers of the matching paths into what no client should have
// to see.
std::optional<HttpReply> hostile_reply(const Apiserver& server, const model::RequestTrace& trace,
                                       const HttpRequest& request) {
    const auto value = fault(server.faults(), "hostile");
    if (!value) return std::nullopt;
    const auto colon = value->find(':');
    const std::string mode = value->substr(0, colon);
    if (colon != std::string::npos && !request.path().starts_with(value->substr(colon + 1))) return std::nullopt;
    const auto answer = [&](int status, std::string body) {
        return model::own_answer(server.generation, trace, status, model::Content::json, std::move(body));
    };
    if (mode == "slow-drip") return HttpReply{answer(200, R"({"kind":"Status"})"), Delivery::slow_drip};
    if (mode == "endless") return HttpReply{answer(200, ""), Delivery::endless};
    if (mode == "cut-short") return HttpReply{answer(200, R"({"kind":"St)"), Delivery::cut_short};
    if (mode == "invalid-json")
        return HttpReply{answer(200, "{\"kind\": \"\xff\xfe<html>\x1b[31m{{{{"), Delivery::normal};
    if (mode == "deep-json") return HttpReply{answer(200, std::string(200000, '[')), Delivery::normal};
    if (mode == "redirect" || mode == "gzip") {
        HttpReply reply{answer(mode == "redirect" ? 302 : 200,
                               mode == "gzip" ? std::string("\x1f\x8b\x08\x00", 4) + std::string(64, '\xff') : "")};
        reply.answer.headers.push_back(mode == "redirect" ? model::Header{"Location", "https://192.0.2.1/elsewhere"}
                                                          : model::Header{"Content-Encoding", "gzip"});
        return reply;
    }
    return std::nullopt;
}

}  // namespace

Apiserver::Apiserver(World the_world, std::size_t own_index, model::ApiserverFlags own_flags)
    : world(std::move(the_world)),
      self(own_index),
      flags((require_files(own_flags), std::move(own_flags))),
      generation(world.kubernetes()),
      client_trust(pem_of(flags, "client-ca-file")),
      requestheader_trust(pem_of(flags, "requestheader-client-ca-file")),
      allowed_names(flags.list("requestheader-allowed-names")),
      tokens(read_tokens(flags.value("token-auth-file"))),
      publication(publication_of(flags)),
      proxy_key_fits(key_fits(flags)),
      store(world.store),
      backends(as_loaded(generation, proxy_file(flags, "proxy-client-cert-file"), "proxy.pem"),
               as_loaded(generation, proxy_file(flags, "proxy-client-key-file"), "proxy-key.pem")) {
    if (generation.refuses_shared_ca_without_names() && allowed_names.empty() && share_a_certificate(publication)) {
        throw std::runtime_error(
            "Error: --requestheader-client-ca-file and --client-ca-file contain overlapping certificates; "
            "--requestheader-allowed-names must be specified to ensure regular client certificates cannot set "
            "authenticating proxy headers for arbitrary users");
    }
    if (generation.checks_proxy_key_at_start() && !proxy_key_fits)
        throw std::runtime_error("Error: tls: private key does not match public key");
}

HttpReply Apiserver::handle(const HttpRequest& request) {
    const auto now = since_start();
    model::RequestTrace trace{.identity = identify(*this, request),
                              .audit_id = audit_id(),
                              .date = date_of(*this),
                              .flow_schemas_known = start.flow_schemas_known(now)};
    if (auto reply = hostile_reply(*this, trace, request)) return *reply;
    if (!trace.identity) return {model::unauthorized_answer(generation, trace)};
    const auto what = model::parse_attributes(request.method, request.target);
    const bool roles_loaded = start.anonymous_roles_loaded(now) || trace.identity->in("system:masters");
    const bool is_taken_away = what.is_resource && fault(world.faults(), "forbidden") == what.resource &&
                               !trace.identity->in("system:masters");
    if (!roles_loaded || is_taken_away || !model::allowed(generation, *trace.identity, what, world.bindings))
        return {model::forbidden_answer(generation, trace, what)};
    if (auto answer = serve_health(*this, trace, request)) return {*answer};
    if (const auto api = aggregated_api(*this, request.path())) {
        const auto phase = start.aggregated(now, api->index, api->count);
        if (phase == model::AggregatedPaths::starting) return {model::starting_answer(generation, trace)};
        if (phase == model::AggregatedPaths::not_found)
            return {model::own_answer(generation, trace, 404, model::Content::text, "404 page not found\n")};
        return {proxy(*this, trace, *api, request)};
    }
    if (auto answer = serve_own(*this, trace, request)) return {*answer};
    return {model::own_answer(generation, trace, 404, model::Content::text, "404 page not found\n")};
}

}  // namespace aggmedic::lab
