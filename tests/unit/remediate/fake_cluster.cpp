#include "fake_cluster.hpp"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "net/text.hpp"
#include "probes/diagnose.hpp"
#include "probes/look.hpp"
#include "remediate/verify_request.hpp"

namespace aggmedic::remediate {

namespace {

using probes::Answer;

constexpr TimePoint epoch{milliseconds(1796083200000)};  // 2026-12-01, inside the recorded certificates' validity
constexpr milliseconds exchange_time{20};

Answer answer(unsigned status, std::string body = {}) {
    Answer made;
    made.status = status;
    made.body = std::move(body);
    return made;
}
Answer no_answer() {
    Answer made;
    made.failure = "connect_failed";
    return made;
}
bool holds(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}
VerbReply says(std::string line) {
    return {.exit_status = line.starts_with("ok") ? 0 : 24, .output = line + "\n", .error_output = {}};
}

class FakeHost : public RemoteHost {
  public:
    FakeHost(FakeCluster& cluster, std::string master) : cluster_(cluster), master_(std::move(master)) {}
    asio::awaitable<Result<VerbReply>> call(VerbCall call) override { co_return cluster_.call(master_, call); }

  private:
    FakeCluster& cluster_;
    std::string master_;
};

}  // namespace

std::string fixture(const std::string& path) {
    std::ifstream file(std::string(AGGMEDIC_FIXTURES) + "/" + path, std::ios::binary);
    if (!file) throw std::runtime_error("no fixture " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

AcceptedRisk accepted_shared_ca(const PlanInput& input, const std::string& by) {
    auto risks = acceptable_risks(input);
    if (risks.empty()) return {};
    risks.front().by = by;
    if (by == "configuration") risks.front().until = input.now + std::chrono::hours(24);
    return risks.front();
}

FakeCluster::FakeCluster(int count) {
    const auto pem = fixture("recorded/pki/kubernetes.pem");
    requestheader_ca_ = *probes::parse_certificates(fixture("recorded/pki/kubo_ca.pem"));
    client_ca_ = requestheader_ca_;
    for (int at = 0; at < count; ++at) {
        FakeMaster made;
        made.name = "m" + std::to_string(at);
        made.address = "10.0.11.1" + std::to_string(at);
        made.bytes = fixture("bpm/plain-v0.21.13-pks-vsphere.yml");
        made.proxy_pem = pem;
        made.arguments = made.argv_in_files();
        made.pid += 100 * at;
        masters.push_back(std::move(made));
    }
    apis = {{.name = "v1beta1.servicecatalog.k8s.io", .known = {"aggregator"}}};
}

FakeMaster& FakeCluster::master(const std::string& name) {
    const auto found = std::ranges::find(masters, name, &FakeMaster::name);
    if (found == masters.end()) throw std::runtime_error("no master " + name);
    return *found;
}
TimePoint FakeCluster::wall() const {
    return epoch + elapsed;
}

// --- time -----------------------------------------------------------------------------------------------------------

void FakeCluster::pass(milliseconds duration) {
    elapsed += duration;
    for (;;) {
        FakeMaster* earliest = nullptr;
        for (auto& each : masters) {
            if (each.due.empty() || each.due.front().at > elapsed) continue;
            if (earliest == nullptr || each.due.front().at < earliest->due.front().at) earliest = &each;
        }
        if (earliest == nullptr) return;
        const auto due = earliest->due.front();
        earliest->due.erase(earliest->due.begin());
        happen(*earliest, due);
    }
}
void FakeCluster::happen(FakeMaster& each, const FakeMaster::Due& due) {
    if (due.what == FakeMaster::Due::What::stop) {
        each.runs = each.ready = false;
    } else if (due.what == FakeMaster::Due::What::start) {
        if (each.never_starts && each.bytes.contains(demo_cn)) return;
        each.runs = true;
        each.pid += 7;
        each.start_ticks = static_cast<std::uint64_t>(500'000 + elapsed.count() / 10);
        each.arguments = each.argv_in_files();
    } else if (each.runs && !(each.never_ready && holds(each.names(), demo_cn))) {
        each.ready = true;
        publish();
    }
}
// The controller of every live master adds its names and never takes one away (>= 1.17).
void FakeCluster::publish() {
    for (const auto& each : masters) {
        if (!each.ready || blocks_configmap_writes) continue;
        for (const auto& name : each.names()) {
            if (holds(published_names, name)) continue;
            published_names.push_back(name);
            ++resource_version;
        }
    }
    for (auto& api : apis) {
        if (!api.reads_once) api.known = published_names;
    }
}

Fault FakeCluster::next_exchange() {
    if (before_exchange) before_exchange();
    pass(exchange_time);
    return exchanges++ == fault_at ? fault : Fault::none;
}

asio::awaitable<void> FakeCluster::sleep(milliseconds duration) {
    pass(duration);
    co_return;
}

// --- HTTPS ----------------------------------------------------------------------------------------------------------

asio::awaitable<probes::Seen<Answer>> FakeCluster::readyz(std::string name) {
    if (next_exchange() != Fault::none) co_return no_answer();
    if (name.empty()) co_return balancer_answers ? answer(200) : answer(503);
    const auto& each = master(name);
    co_return each.ready ? answer(200) : each.runs ? answer(500) : no_answer();
}
probes::PublishedAuth FakeCluster::published_auth() const {
    probes::PublishedAuth auth;
    auth.resource_version = std::to_string(resource_version);
    auth.allowed_names = published_names;
    auth.requestheader_ca = requestheader_ca_;
    auth.has_requestheader_ca = true;
    auth.client_ca = shared_ca ? client_ca_ : *probes::parse_certificates(fixture("recorded/pki/clients_ca.pem"));
    auth.has_client_ca = true;
    auth.username_headers = {"X-Remote-User"};
    auth.group_headers = {"X-Remote-Group"};
    auth.extra_headers_prefixes = {"X-Remote-Extra-"};
    return auth;
}
asio::awaitable<probes::Seen<probes::PublishedAuth>> FakeCluster::published(std::string name) {
    if (next_exchange() != Fault::none || !master(name).ready)
        co_return probes::Unobserved{.reason = "timeout", .detail = "no answer"};
    co_return published_auth();
}
probes::ApiServiceAttempts FakeCluster::attempts(const FakeMaster& each, const FakeApi& api) const {
    probes::ApiServiceAttempts made;
    made.apiservice = api.name;
    Answer said = answer(503, "service unavailable");
    if (holds(api.known, demo_cn) || api.trusts_client_ca) {
        said = answer(200);
        const bool masked = !holds(api.known, demo_cn);
        if (api.sends_pair) said.flow_schemas = {"aaaa", masked ? "bbbb" : "aaaa"};
    }
    if (!each.ready) said = no_answer();
    made.discovery = {said};
    return made;
}
asio::awaitable<probes::ApiServiceAttempts> FakeCluster::apiservice(std::string name, probes::ApiService asked) {
    const auto broken = next_exchange();
    const auto api = std::ranges::find(apis, asked.name, &FakeApi::name);
    auto made = attempts(master(name), *api);
    if (broken != Fault::none) made.discovery = {no_answer()};
    co_return made;
}
asio::awaitable<Result<HttpReply>> FakeCluster::as_probe(std::string name, HttpRequest request) {
    if (next_exchange() != Fault::none || !master(name).ready) co_return fail(Errc::timeout, "no answer");
    co_return serve_probe(request.path);
}
HttpReply FakeCluster::serve_probe(const std::string& path) const {
    using nlohmann::json;
    HttpReply reply;
    reply.status = 200;
    const auto leaf = path.substr(path.rfind('/') + 1);
    if (path.contains("/namespaces/default/endpoints/")) {
        reply.status = endpoints_status;
        json addresses = json::array();
        for (const auto& each : masters) {
            if (each.ready && each.is_listed)
                addresses.push_back({{"ip", each.advertised.empty() ? each.address : each.advertised}});
        }
        reply.body = json{{"kind", "Endpoints"}, {"subsets", {{{"addresses", addresses}}}}}.dump();
        return reply;
    }
    if (path == "/api/v1/componentstatuses") {
        const json condition{{"type", "Healthy"}, {"status", etcd_is_healthy ? "True" : "False"}, {"error", "refused"}};
        reply.body = json{{"kind", "ComponentStatusList"},
                          {"items", {{{"metadata", {{"name", "etcd-0"}}}, {"conditions", {condition}}}}}}
                         .dump();
        return reply;
    }
    if (path.contains("/admissionregistration.k8s.io/")) {
        const auto backend = json{{"namespace", "policy"}, {"name", "hook"}};
        const json rule{{"apiGroups", {""}}, {"resources", {"configmaps"}}, {"operations", {"UPDATE"}}};
        const json hook{
            {"name", "deny"}, {"failurePolicy", "Fail"}, {"rules", {rule}}, {"clientConfig", {{"service", backend}}}};
        json list{{"kind", "ValidatingWebhookConfigurationList"}, {"items", json::array()}};
        if (has_dead_webhook) list["items"].push_back({{"metadata", {{"name", "policies"}}}, {"webhooks", {hook}}});
        reply.body = list.dump();
        return reply;
    }
    if (path.contains("/policy/endpoints/")) {
        reply.status = 404;
        return reply;
    }
    for (const auto& api : apis) {
        if (path.contains("/apiservices/") && leaf == api.name) {
            reply.body =
                json{{"spec", {{"service", {{"namespace", api.name_space}, {"name", "s-" + api.name}}}}}}.dump();
        } else if (path.contains("/endpoints/") && leaf == "s-" + api.name) {
            json addresses = json::array();
            for (const auto& pod : api.pods) addresses.push_back({{"targetRef", {{"kind", "Pod"}, {"name", pod}}}});
            reply.body = json{{"kind", "Endpoints"}, {"subsets", {{{"addresses", addresses}}}}}.dump();
        } else {
            continue;
        }
        if (!maps_pods) reply.status = 403;
        return reply;
    }
    const bool healed = holds(published_names, demo_cn);
    reply.status = verify_status != 0 ? verify_status : healed ? 200 : 503;
    reply.body = verify_body;
    return reply;
}
void FakeCluster::try_requests(std::vector<VerifyRequest>& requests) const {
    for (auto& wanted : requests) {
        for (const auto& each : masters)
            wanted.before.push_back(judge_verify(wanted, each.name, serve_probe(wanted.get)));
    }
}
// A merge PATCH that is bound to the resourceVersion, and a GET.
HttpReply FakeCluster::serve_config_map(const HttpRequest& request) {
    using nlohmann::json;
    const auto object = [](const std::vector<std::string>& names, const std::optional<std::string>& odd,
                           const std::string& mark, int version) {
        json made{{"kind", "ConfigMap"},
                  {"metadata",
                   {{"name", "extension-apiserver-authentication"}, {"resourceVersion", std::to_string(version)}}},
                  {"data", {{"requestheader-allowed-names", odd.value_or(json(names).dump())}}}};
        if (!mark.empty()) made["metadata"]["annotations"]["aggmedic/added"] = mark;
        return made.dump();
    };
    HttpReply reply;
    reply.status = 200;
    if (request.method == "GET") {
        reply.body = object(published_names, odd_names_text, added_mark, resource_version);
        return reply;
    }
    const bool dry_run = request.path.ends_with("?dryRun=All");
    if (request.method != "PATCH" || request.content_type != "application/merge-patch+json" ||
        (dry_run && !dry_run_works)) {
        reply.status = 400;
        return reply;
    }
    if (!dry_run && other_writers > 0) {
        --other_writers;
        published_names.push_back("other-" + std::to_string(other_writers));
        ++resource_version;
    }
    const auto patch = json::parse(request.body);
    if (patch["metadata"]["resourceVersion"] != std::to_string(resource_version)) {
        reply.status = 409;
        return reply;
    }
    const auto names = json::parse(patch["data"]["requestheader-allowed-names"].get<std::string>());
    const auto mark = patch["metadata"]["annotations"]["aggmedic/added"];
    const auto new_mark = mark.is_string() ? mark.get<std::string>() : std::string();
    if (!dry_run && patch_status != 200) {
        reply.status = patch_status;
        return reply;
    }
    patches.emplace_back(dry_run ? "dry run" : "written");
    reply.body = object(names, {}, new_mark, resource_version + 1);
    if (dry_run) return reply;
    published_names = names;
    added_mark = new_mark;
    ++resource_version;
    publish();
    return reply;
}

asio::awaitable<Result<HttpReply>> FakeCluster::as_repair(HttpRequest request) {
    const auto broken = next_exchange();
    if (request.path.contains("/configmaps/")) {
        if (broken != Fault::none && broken != Fault::lost_after) co_return fail(Errc::timeout, "no answer");
        auto served = serve_config_map(request);
        if (broken != Fault::none) co_return fail(Errc::read_failed, "connection reset");
        co_return served;
    }
    if (broken != Fault::none) co_return fail(Errc::timeout, "no answer");
    co_return serve_pods(request);
}
// The pods of the API that the selector names; of the first one where it names none.
HttpReply FakeCluster::serve_pods(const HttpRequest& request) {
    HttpReply reply;
    reply.status = 200;
    FakeApi* api = &apis.front();
    for (auto& each : apis) {
        const auto pod = request.path.substr(request.path.rfind('/') + 1);
        if (request.path.ends_with(each.name) || holds(each.pods, pod)) api = &each;
    }
    if (request.method == "DELETE") {
        deleted_pods.push_back(request.path.substr(request.path.rfind('/') + 1));
        std::erase(api->pods, deleted_pods.back());
        if (!api->replaces_pods) return reply;
        api->known = published_names;
        api->pods.push_back("catalog-" + std::to_string(100 + deleted_pods.size()));
        return reply;
    }
    nlohmann::json items = nlohmann::json::array();
    const nlohmann::json conditions{{{"type", "Ready"}, {"status", "True"}}};
    for (const auto& pod : api->pods)
        items.push_back(
            {{"metadata", {{"name", pod}, {"uid", "uid-" + pod}}}, {"status", {{"conditions", conditions}}}});
    reply.body = nlohmann::json{{"items", items}}.dump();
    return reply;
}

// --- SSH ------------------------------------------------------------------------------------------------------------

asio::awaitable<Result<SshTarget>> FakeCluster::acquire(std::string name) {
    ++acquired;
    SshTarget target;
    target.address = name;
    co_return target;
}
asio::awaitable<void> FakeCluster::release(std::string) {
    --acquired;
    co_return;
}
asio::awaitable<Result<std::unique_ptr<RemoteHost>>> FakeCluster::connect(SshTarget target, milliseconds) {
    if (next_exchange() != Fault::none || target.address == unreachable)
        co_return fail(Errc::connect_failed, "no route");
    co_return std::unique_ptr<RemoteHost>(new FakeHost(*this, target.address));
}

Result<VerbReply> FakeCluster::call(const std::string& name, const VerbCall& call) {
    const auto broken = next_exchange();
    if (name == unreachable) return fail(Errc::timeout, "no answer");
    verbs.push_back(call.verb + " " + name);
    if (broken == Fault::refused)
        return VerbReply{.exit_status = 1, .output = {}, .error_output = "sudo: a password is required"};
    if (broken == Fault::lost_before) return fail(Errc::timeout, "no answer");
    auto reply = do_verb(master(name), call);
    if (broken == Fault::lost_after) return fail(Errc::read_failed, "connection reset");
    if (broken == Fault::garbage) return VerbReply{.exit_status = 0, .output = "\x01garbage", .error_output = {}};
    return reply;
}

VerbReply FakeCluster::do_verb(FakeMaster& each, const VerbCall& call) {
    const auto& given = call.arguments;
    if (call.verb == "look") return {.exit_status = 0, .output = each.look_text(elapsed), .error_output = {}};
    const std::string mine = given[1] + " " + given[2] + " ";
    const bool ours = each.lock.starts_with(mine);
    const std::string backup_name = each.backup_path(given[2]);
    if (call.verb == "lock") {
        if (!each.lock.empty() && !ours) return says("no locked " + each.lock);
        if (!each.backup_name.empty() && each.backup_name != backup_name) return says("no person " + each.backup_name);
        each.lock = mine + given[3] + " " + each.boot + " 99999999";
        return says("ok locked");
    }
    if (call.verb == "unlock") {
        if (!each.lock.empty() && !ours) return says("no locked " + each.lock);
        if (each.backup_name == backup_name && sha256_hex(each.bytes) != given[5]) return says("no changed");
        if (each.backup_name == backup_name) each.backup_name.clear();
        each.lock.clear();
        return says("ok unlocked");
    }
    if (each.lock.empty()) return says("no lock-lost");
    if (!each.lock.starts_with(mine + given[3] + " ")) return says("no token");
    if (call.verb == "restart") return says(ask_restart(each, given));
    const auto now = sha256_hex(each.bytes);
    if (call.verb == "swap") {
        if (now == given[6] && !each.backup_name.empty()) return says("ok already");
        if (now != given[5]) return says("no changed " + now);
        if (sha256_hex(call.input) != given[6]) return says("no input");
        each.backup = std::exchange(each.bytes, call.input);
        each.backup_name = backup_name;
        see_manifest(each);
        return says("ok swapped");
    }
    if (now == given[5]) return says("ok already");
    if (now != given[6]) return says("no changed " + now);
    each.bytes = each.backup;
    each.backup_name.clear();
    see_manifest(each);
    return says("ok restored");
}

std::string FakeCluster::ask_restart(FakeMaster& each, const std::vector<std::string>& given) {
    const bool same = each.runs && std::to_string(each.pid) == given[6] && std::to_string(each.start_ticks) == given[7];
    if (given[6] == "0" ? each.runs : !same) return "ok already";
    if (const auto now = sha256_hex(each.bytes); now != given[5]) return "no changed " + now;
    if (each.platform == "kubeadm") return "ok asked";  // it did so when the manifest changed
    if (!each.due.empty()) return "ok pending";
    if (each.monit_does_nothing) return "ok asked";
    start_again(each);
    return "ok asked";
}

// The kubelet acts on its own.
void FakeCluster::see_manifest(FakeMaster& each) {
    each.changed_at = elapsed;
    if (each.platform == "kubeadm" && !each.monit_does_nothing) start_again(each);
}

void FakeCluster::start_again(FakeMaster& each) {
    using Due = FakeMaster::Due;
    const auto stop = elapsed + each.stop_time, start = stop + each.start_time;
    each.due = {{stop, Due::What::stop}, {start, Due::What::start}, {start + each.ready_time, Due::What::ready}};
}

// --- an observation
// ---------------------------------------------------------------------------------------------------

probes::ApiserverView FakeCluster::view(const FakeMaster* each) const {
    probes::ApiserverView seen;
    const auto& behind = each != nullptr ? *each : masters.front();
    seen.master = each != nullptr ? each->name : "";
    seen.address = (each != nullptr ? each->address : "demo.pks.ik.am") + ":8443";
    seen.version = kubernetes;
    seen.readyz = behind.ready ? answer(200) : answer(500);
    seen.control = answer(200);
    std::vector<probes::ApiService> listed;
    for (const auto& api : apis) {
        probes::ApiService made;
        made.name = api.name;
        made.version = api.name.substr(0, api.name.find('.'));
        made.group = api.name.substr(api.name.find('.') + 1);
        made.service_namespace = made.service_name = "catalog";
        const bool good = holds(api.known, demo_cn) || api.trusts_client_ca;
        made.available = good ? "True" : "False";
        made.reason = good ? "Passed" : "FailedDiscoveryCheck";
        made.message = good ? "all checks passed"
                            : "failing or missing response from https://10.100.200.9:443/apis: bad status from "
                              "https://10.100.200.9:443/apis: 401";
        listed.push_back(std::move(made));
        seen.attempts.push_back(attempts(behind, api));
    }
    seen.apiservices = std::move(listed);
    seen.published = published_auth();
    return seen;
}

PlanInput FakeCluster::input() const {
    PlanInput made;
    auto& observation = made.observation;
    observation.cluster = "demo";
    observation.platform = masters.front().platform;
    observation.started = observation.finished = wall();
    observation.apiservers.push_back(view(nullptr));
    for (const auto& each : masters) {
        observation.apiservers.push_back(view(&each));
        made.masters.push_back(each.name);
        auto look = probes::parse_look(each.name, each.look_text(elapsed), wall(), wall());
        if (!look) throw std::runtime_error(look.error().detail);
        observation.masters[each.name] = std::move(look->view);
        made.sources[each.name] = std::move(look->sources);
    }
    probes::ControlPlane around;
    around.endpoints = std::vector<std::string>();
    for (const auto& each : masters) {
        around.etcd[each.name] = std::vector<probes::EtcdMember>{{"etcd-0", true, "ok"}};
        around.endpoints->push_back(each.advertised.empty() ? each.address : each.advertised);
    }
    around.webhooks = std::vector<probes::ClosedWebhook>();
    around.controller_manager = around.scheduler = std::string("host-" + masters.back().name + "_7d1c");
    observation.control_plane = std::move(around);
    made.now = wall();
    made.assessment = probes::diagnose(observation, made.now);
    made.configuration_sha256 = std::string(64, 'c');
    made.has_repair_credential = true;
    made.settle = seconds(20);
    return made;
}

}  // namespace aggmedic::remediate
