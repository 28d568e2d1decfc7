#include "recording.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "net/text.hpp"
#include "net/time.hpp"
#include "probes/answer.hpp"
#include "probes/apiservice.hpp"
#include "probes/auth_config.hpp"

namespace aggmedic::probes::recording {

namespace {

constexpr int attempts_per_path = 5;

std::string fixture_path(const std::string& path) {
    return std::string(AGGMEDIC_FIXTURES) + "/recorded/" + path;
}

std::vector<Answer> repeated(const std::string& path) {
    if (!has_fixture(path)) return {};
    return std::vector<Answer>(attempts_per_path, answer(path));
}

std::string suffix(As as) {
    if (as == As::bad_token) return ".bad-token";
    if (as == As::no_token) return ".no-token";
    return "";
}

std::string first_of(const std::string& folder, const std::string& fallback, const std::string& file) {
    return has_fixture(folder + "/" + file) ? folder + "/" + file : fallback + "/" + file;
}

ApiService apiservice(const std::string& path) {
    const auto document = nlohmann::json::parse(read_fixture(path));
    const nlohmann::json list = {{"kind", "APIServiceList"}, {"items", nlohmann::json::array({document})}};
    auto parsed = parse_apiservices(list.dump(), {}, 200);
    EXPECT_TRUE(parsed && parsed->items.size() == 1) << path;
    return parsed->items.at(0);
}

ApiServiceAttempts attempts(const std::string& folder, const std::string& name, const std::string& infix, As as) {
    ApiServiceAttempts made;
    made.apiservice = name;
    made.discovery = repeated(folder + "/discovery" + infix + suffix(as) + ".http");
    made.resource_path = "/recorded";
    if (as == As::dev) {
        // Discovery was recorded as admin only: its status stands, its flow schemas are another caller's.
        for (auto& each : made.discovery) each.flow_schemas.clear();
        made.resource = repeated(folder + "/resource.dev-user" + infix + ".http");
    } else {
        made.resource = repeated(folder + "/resource" + infix + suffix(as) + ".http");
    }
    return made;
}

Caller caller(As as) {
    if (as == As::admin) return {.user = "admin", .groups = {"system:masters"}, .is_system_masters = true};
    if (as == As::dev) return {.user = "dev", .groups = {"developers"}, .is_system_masters = false};
    return {};
}

std::string csv(const nlohmann::json& names) {
    std::string text;
    for (const auto& name : names) {
        const auto value = name.get<std::string>();
        text += (text.empty() ? "" : ",") + (value.find(',') == std::string::npos ? value : "\"" + value + "\"");
    }
    return text;
}

NamedFile named(const std::string& flag, const std::string& pem) {
    NamedFile file;
    file.flag = flag;
    file.path = "/var/vcap/jobs/kube-apiserver/config/" + pem;
    file.exists = file.readable = true;
    file.certificates = certificates(pem);
    return file;
}

MasterView master_view(const std::string& name, const nlohmann::json& facts) {
    MasterView view;
    view.master = name;
    view.platform = "bosh";
    view.boot_id = "boot-" + name;
    const std::string proxy = facts.at("proxy_client_cert"), requestheader = facts.at("requestheader_ca"),
                      client = facts.at("client_ca");
    view.files = {named("proxy-client-cert-file", proxy), named("requestheader-client-ca-file", requestheader),
                  named("client-ca-file", client)};
    NamedFile key = view.files[0];
    key.flag = "proxy-client-key-file";
    key.path += ".key";
    key.certificates.clear();
    view.files.push_back(key);
    std::vector<std::string> argv{
        "--proxy-client-cert-file=" + view.files[0].path, "--proxy-client-key-file=" + key.path,
        "--requestheader-client-ca-file=" + view.files[1].path, "--client-ca-file=" + view.files[2].path,
        "--requestheader-allowed-names=" + csv(facts.at("allowed_names"))};
    view.file_arguments = read_arguments(argv);
    view.process =
        ProcessFacts{.pid = 4711, .start_ticks = 1, .executable = "kube-apiserver", .arguments = read_arguments(argv)};
    view.file_equals_process = true;
    view.supervisor = SupervisorState{.dialect = "monit-5.2.5", .services = {}};
    return view;
}

// What is known of the pods behind a recorded API that failed.
void add_workload(Observation& observation, const std::string& folder, const std::string& apiservice,
                  const std::string& server) {
    if (!has_fixture(folder + "/extension" + server + ".log.txt")) return;
    Workload workload;
    workload.apiservice = apiservice;
    workload.logs = std::vector<ExtensionLog>{extension_log(folder, server)};
    observation.workloads.push_back(std::move(workload));
}

void add_masters(Observation& observation, const std::string& folder) {
    const auto& masters = verdicts().at("recordings").at(folder).at("masters");
    for (std::size_t i = 0; i < masters.size(); ++i) {
        const auto name = "m" + std::to_string(i);
        observation.masters[name] = master_view(name, masters[i]);
    }
    observation.platform = "bosh";
}

ApiserverView apiserver(const std::string& master) {
    ApiserverView view;
    view.master = master;
    view.address = "10.88.0.10:8443";
    view.version = std::string("v1.20.2");
    view.readyz_path = "/readyz";
    view.readyz = answer("healthy/readyz.http");
    view.control = answer("healthy/core.http");
    view.serving = certificates("pki/kubernetes.pem");
    return view;
}

}  // namespace

bool has_fixture(const std::string& path) {
    return std::ifstream(fixture_path(path)).good();
}

std::string read_fixture(const std::string& path) {
    std::ifstream in(fixture_path(path), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

const nlohmann::json& verdicts() {
    static const nlohmann::json document = nlohmann::json::parse(read_fixture("verdicts.json"));
    return document;
}

HttpReply parse_http(const std::string& text) {
    HttpReply reply;
    std::istringstream in(text);
    std::string line;
    std::getline(in, line);
    reply.status = static_cast<unsigned>(std::stoul(line.substr(line.find(' ') + 1, 3)));
    while (std::getline(in, line) && !line.empty() && line != "\r") {
        if (line.back() == '\r') line.pop_back();
        const auto colon = line.find(": ");
        reply.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    std::ostringstream body;
    body << in.rdbuf();
    reply.body = body.str();
    return reply;
}

Answer answer(const std::string& path) {
    EXPECT_TRUE(has_fixture(path)) << path;
    return answer_of(parse_http(read_fixture(path)), now(), std::chrono::milliseconds(3));
}

std::vector<Certificate> certificates(const std::string& path) {
    return parse_certificates(read_fixture(path)).value();
}

ExtensionLog extension_log(const std::string& folder, const std::string& server) {
    LogSource source{.pod = "pod-0", .asked = now(), .started = std::nullopt};
    std::string text;
    std::istringstream in(read_fixture(folder + "/extension" + server + ".log.txt"));
    for (std::string line; std::getline(in, line);) {
        constexpr std::string_view start = "=== start ";
        if (line.starts_with(start)) source.started = from_rfc3339(line.substr(start.size()));
        std::size_t times = 1;
        if (const auto mark = line.rfind("   # x"); mark != std::string::npos) {
            times = std::stoul(line.substr(mark + 6));
            line.resize(mark);
        }
        for (; times > 0; --times) text += line + "\n";
    }
    return parse_extension_log(source, text);
}

TimePoint now() {
    return *from_rfc3339("2026-11-23T00:20:00Z");
}

Observation load(const std::string& folder, const Options& options) {
    Observation observation;
    observation.cluster = "demo";
    observation.started = observation.finished = now();
    observation.caller = caller(options.as);
    // What a folder does not record is as in the state that it is a variant of.
    const std::string base = folder == "cn-not-allowed.aggregator-1.11" ? "cn-not-allowed" : "healthy";
    const auto credential = suffix(options.as);
    const std::string refused = credential.empty() ? base : "probe-credential-invalid";
    for (const std::string master : {"", "m0"}) {
        auto view = apiserver(master);
        view.readyz = answer(first_of(folder, refused, "readyz" + credential + ".http"));
        view.control = answer(first_of(folder, refused, "core" + credential + ".http"));
        if (view.control->status == 200) {
            std::vector<ApiService> list{apiservice(first_of(folder, base, "apiservice.json"))};
            const bool has_wardle = has_fixture(folder + "/discovery.wardle.http");
            if (has_wardle) list.push_back(apiservice(first_of(folder, base, "apiservice.wardle.json")));
            if (master.empty()) {
                view.apiservices = list;
                view.published = parse_published_auth(read_fixture(first_of(folder, base, "configmap.json"))).value();
            }
            view.attempts.push_back(attempts(folder, servicecatalog, "", options.as));
            if (has_wardle) view.attempts.push_back(attempts(folder, wardle, ".wardle", options.as));
        }
        observation.apiservers.push_back(std::move(view));
    }
    if (options.ssh) add_masters(observation, folder);
    if (options.logs && credential.empty()) {
        add_workload(observation, folder, servicecatalog, "");
        add_workload(observation, folder, wardle, ".sample-apiserver");
    }
    return observation;
}

Observation load_ha(const Options& options, std::size_t from) {
    const std::string folder = "ha-one-master-bad-proxy-cert";
    Observation observation;
    observation.cluster = "demo";
    observation.caller = caller(options.as);
    // The timeline is of wardle's API; the verdict names servicecatalog's, which failed alike.
    std::map<std::string, std::vector<Answer>> answers;
    std::istringstream in(read_fixture(folder + "/timeline.first12s.txt"));
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string seconds, unit, who, status;
        words >> seconds >> unit >> who >> status;
        if (unit != "s" || who == "wardle-available") continue;
        Answer answer_then = answer(status == "200"   ? "healthy/discovery.http"
                                    : status == "401" ? "ha/transient-401.http"
                                                      : "cn-not-allowed/discovery.http");
        answers[who.substr(0, 2)].push_back(answer_then);
    }
    auto list = std::vector<ApiService>{
        apiservice(from % 2 == 0 ? "cn-not-allowed/apiservice.json" : "healthy/apiservice.json")};
    for (const std::string master : {"m0", "m1"}) {
        auto view = apiserver(master);
        if (master == "m0") {
            view.apiservices = list;
            view.published = parse_published_auth(read_fixture("healthy/configmap.json")).value();
        }
        const auto& all = answers.at(master);
        ApiServiceAttempts made;
        made.apiservice = servicecatalog;
        made.resource_path = "/recorded";
        for (std::size_t i = 0; i < 2 * attempts_per_path; ++i) {
            (i % 2 == 0 ? made.discovery : made.resource).push_back(all.at((from + i) % all.size()));
        }
        view.attempts.push_back(std::move(made));
        observation.apiservers.push_back(std::move(view));
    }
    if (options.ssh) add_masters(observation, folder);
    return observation;
}

Observation load_restart(const std::string& readyz, const std::string& core, const std::string& catalog,
                         const std::string& sample) {
    Observation observation;
    observation.cluster = "demo";
    observation.caller = caller(As::admin);
    auto view = apiserver("m0");
    view.readyz = answer("restart/raw/" + readyz);
    view.control = answer("restart/raw/" + core);
    view.apiservices =
        std::vector<ApiService>{apiservice("healthy/apiservice.json"), apiservice("healthy/apiservice.wardle.json")};
    view.published = parse_published_auth(read_fixture("healthy/configmap.json")).value();
    for (const auto& [name, file] : {std::pair{servicecatalog, catalog}, std::pair{wardle, sample}}) {
        ApiServiceAttempts made;
        made.apiservice = name;
        made.discovery = repeated("restart/raw/" + file);
        view.attempts.push_back(std::move(made));
    }
    observation.apiservers.push_back(std::move(view));
    return observation;
}

}  // namespace aggmedic::probes::recording
