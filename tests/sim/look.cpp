#include "tests/sim/look.hpp"

#include <map>
#include <sstream>
#include <stdexcept>
#include <tuple>

#include "net/text.hpp"
#include "probes/diagnose.hpp"

namespace aggmedic::sim {
namespace {

using probes::Answer;

constexpr const char* api_name = "v1beta1.servicecatalog.k8s.io";

std::string b64(const std::string& bytes) {
    return "b64:" + base64_encode(bytes);
}

std::string monit_text(const std::string& status, const std::string& monitoring) {
    std::string text = model::monit_header(std::chrono::hours(74));
    text += "Process 'kube-apiserver'\n  status                            " + status +
            "\n  monitoring status                 " + monitoring + "\n\nProcess 'etcd'\n" +
            "  status                            running\n  monitoring status                 monitored\n\n";
    return text + "System 'system_vm'\n  status                            running\n";
}
std::string monit_text(const Master& master) {
    return monit_text(master.monit.status_text(), master.monit.monitoring_text());
}

std::string lock_text(const Lock& lock) {
    const auto expiry = std::chrono::duration_cast<seconds>(lock.expiry + Ms(10'000'000)).count();
    return lock.holder + " " + lock.run + " " + std::to_string(lock.token) + " " + lock.boot + " " +
           std::to_string(expiry);
}
double uptime(Ms now) {  // beside the expiry of locks: both count from one instant
    return static_cast<double>((now + Ms(10'000'000)).count()) / 1000.0;
}
std::string backup_path(const Backup& backup) {
    return "/var/vcap/jobs/kube-apiserver/config/.bpm.yml.aggmedic-" + backup.run;
}

std::string named_files(const std::vector<std::string>& argv) {
    static const std::string certificate = b64(read_fixture("recorded/pki/kubernetes.pem"));
    std::string text;
    for (const auto& word : argv) {
        const auto equals = word.find("=/");
        if (!word.starts_with("--") || equals == std::string::npos) continue;
        const std::string flag = word.substr(2, equals - 2);
        const bool shows = flag == "proxy-client-cert-file";
        const auto path = b64(word.substr(equals + 1));
        text += "named " + flag + " " + path + " exists readable " + (shows ? certificate : "b64:") + "\n";
        text += "modified " + path + " " + std::to_string(epoch_ms / 1000 - 1'000'000) + "\n";  // before any start
    }
    return text;
}

std::string text_of(const FileVersion& file, const Process* process, const std::string& boot, double up,
                    const std::string& monit) {
    std::ostringstream out;
    out << "aggmedic-look 1\nboot_id " << boot << "\nuptime " << up << "\nclock " << epoch_ms
        << "000000\nticks_per_second 100\n"
        << "file.path " << b64(args_path) << "\nfile.resolved " << b64(args_path) << "\nfile.stat root vcap 0640 "
        << file.bytes.size() << "\nfile.sha256 " << file.sha256 << "\nfile.bytes " << b64(file.bytes) << '\n';
    if (process != nullptr) {
        std::string cmdline;
        for (const auto& word : process->version->argv) cmdline += word + '\0';
        out << "pid " << process->pid << "\nprocess " << process->pid << " 1 " << process->start_ticks << ' '
            << b64(cmdline) << '\n'
            << named_files(process->version->argv);
    } else {
        out << "pid none\n";
    }
    out << "monit 0 " << b64(monit) << " b64:\ndisk_free_kb 9999999\nmemory_available_kb 4000000\n";
    return out.str();
}

const probes::Look& read_once(const FileVersion& file, const Process* process) {
    thread_local std::map<std::pair<const FileVersion*, const FileVersion*>, probes::Look> kept;
    const auto* runs = process != nullptr ? process->version : nullptr;
    if (const auto found = kept.find({&file, runs}); found != kept.end()) return found->second;
    Process any{.pid = 1, .start_ticks = 1, .version = runs};
    const auto text = text_of(file, runs != nullptr ? &any : nullptr, "boot", 1, monit_text("running", "monitored"));
    auto look = probes::parse_look("any", text + "end\n", wall(Ms(0)), wall(Ms(0)));
    if (!look) throw std::runtime_error(look.error().detail);
    return kept.emplace(std::pair(&file, runs), std::move(*look)).first->second;
}

const probes::Seen<probes::SupervisorState>& supervisor_of(const Master& master) {
    thread_local std::map<std::string, probes::Seen<probes::SupervisorState>> kept;
    const auto text = monit_text(master);
    if (const auto found = kept.find(text); found != kept.end()) return found->second;
    auto state = probes::parse_monit_status(text, "", 0);
    probes::Seen<probes::SupervisorState> seen =
        state ? probes::Seen<probes::SupervisorState>(*state) : probes::unobserved(state.error());
    return kept.emplace(text, std::move(seen)).first->second;
}

Answer answer(unsigned status) {
    Answer made;
    made.status = status;
    return made;
}
Answer no_answer() {
    Answer made;
    made.failure = "connect_failed";
    return made;
}

probes::ApiserverView view_of(const Cluster& cluster, const Master& master, bool balancer) {
    probes::ApiserverView seen;
    seen.master = balancer ? "" : master.name;
    seen.address = (balancer ? "demo.pks.ik.am" : master.address) + ":8443";
    if (!cluster.answers(master) || (!balancer && !cluster.reachable(master))) {
        seen.readyz = no_answer();
        return seen;
    }
    seen.version = model::Generation{.minor = cluster.kind.minor}.git_version();
    seen.readyz = ask_readyz(cluster, master);
    seen.control = answer(200);
    probes::ApiService api;
    api.name = api_name;
    api.version = "v1beta1";
    api.group = "servicecatalog.k8s.io";
    api.service_namespace = api.service_name = "catalog";
    api.available = cluster.extension.available ? "True" : "False";
    api.reason = cluster.extension.available ? "Passed" : "FailedDiscoveryCheck";
    api.message = cluster.extension.available
                      ? "all checks passed"
                      : "failing or missing response from https://10.100.200.9:443/apis: bad status from "
                        "https://10.100.200.9:443/apis: 401";
    seen.apiservices = std::vector{api};
    seen.attempts.push_back(ask_api(cluster, master));
    seen.published = published_auth(cluster);
    return seen;
}

// Judging costs more than a whole run; a cluster to which nothing has happened is judged once.
probes::Assessment assess(const Cluster& cluster, const probes::Observation& observation, TimePoint now) {
    thread_local std::map<ClusterKind, std::pair<probes::Observation, probes::Assessment>> kept;
    auto as_then = observation;
    as_then.started = as_then.finished = TimePoint{};
    for (auto& [name, view] : as_then.masters) {
        if (view) view->uptime_seconds = 0;
    }
    const auto found = kept.find(cluster.kind);
    if (found != kept.end() && found->second.first == as_then) return found->second.second;
    auto made = probes::diagnose(observation, now);
    if (found == kept.end()) kept.emplace(cluster.kind, std::pair(std::move(as_then), made));
    return made;
}

// Nothing of it breaks here: the masters themselves do.
probes::ControlPlane sound_control_plane(const Cluster& cluster) {
    probes::ControlPlane around;
    around.webhooks = std::vector<probes::ClosedWebhook>();
    around.endpoints = std::vector<std::string>();
    around.controller_manager = around.scheduler = std::string();
    for (const auto& each : cluster.masters) {
        around.etcd[each.name] = std::vector<probes::EtcdMember>{{"etcd-0", true, "ok"}};
        around.endpoints->push_back(each.address);
    }
    return around;
}

}  // namespace

TimePoint wall(Ms now) {
    return TimePoint(Ms(epoch_ms) + now);
}

std::string look_text(const Cluster& cluster, const Master& master) {
    auto text = text_of(*master.file, master.process ? &*master.process : nullptr, master.boot_id(),
                        uptime(cluster.now()), monit_text(master));
    if (master.lock) text += "lock " + b64(lock_text(*master.lock)) + "\n";
    for (const auto& backup : master.backups) text += "backup " + b64(backup_path(backup)) + "\n";
    return text + "end\n";
}

probes::Look look_at(const Cluster& cluster, const Master& master) {
    auto look = read_once(*master.file, master.process ? &*master.process : nullptr);
    auto& view = look.view;
    view.master = master.name;
    view.boot_id = master.boot_id();
    view.uptime_seconds = uptime(cluster.now());
    if (master.process) {
        view.process->pid = master.process->pid;
        view.process->start_ticks = master.process->start_ticks;
        view.process->started_at = wall(master.process->started);
    }
    view.supervisor = supervisor_of(master);
    if (master.lock) view.lock = lock_text(*master.lock);
    for (const auto& backup : master.backups) view.backups.push_back(backup_path(backup));
    return look;
}

probes::PublishedAuth published_auth(const Cluster& cluster) {
    static const auto own = *probes::parse_certificates(read_fixture("recorded/pki/kubo_ca.pem"));
    static const auto clients = *probes::parse_certificates(read_fixture("recorded/pki/clients_ca.pem"));
    probes::PublishedAuth auth;
    auth.resource_version = std::to_string(cluster.resource_version);
    auth.allowed_names = cluster.names;
    auth.requestheader_ca = own;
    auth.client_ca = cluster.kind.shared_ca ? own : clients;
    auth.has_requestheader_ca = auth.has_client_ca = true;
    auth.username_headers = {"X-Remote-User"};
    auth.group_headers = {"X-Remote-Group"};
    auth.extra_headers_prefixes = {"X-Remote-Extra-"};
    return auth;
}

probes::ApiServiceAttempts ask_api(const Cluster& cluster, const Master& master) {
    Answer said = no_answer();
    const bool pair = model::library_minor(cluster.kind.extension) >= 20 && cluster.kind.minor >= 20;
    switch (cluster.ask_extension(master)) {
        case Through::no_answer:
            break;
        case Through::starting:
        case Through::unavailable:
            said = answer(503);
            break;
        case Through::not_found:
            said = answer(404);
            break;
        case Through::rejected:
            said = answer(401);
            break;
        case Through::as_caller:
            said = answer(200);
            if (pair) said.flow_schemas = {"aaaa", "aaaa"};
            break;
        case Through::masked:
            said = answer(200);
            if (pair) said.flow_schemas = {"aaaa", "bbbb"};
            break;
    }
    probes::ApiServiceAttempts made;
    made.apiservice = api_name;
    made.discovery = {std::move(said)};
    return made;
}

probes::Answer ask_readyz(const Cluster& cluster, const Master& master) {
    return cluster.is_ready(master) ? answer(200) : cluster.answers(master) ? answer(500) : no_answer();
}

remediate::PlanInput observe(const Cluster& cluster) {
    remediate::PlanInput made;
    auto& observation = made.observation;
    observation.cluster = "demo";
    observation.platform = "bosh";
    observation.started = observation.finished = made.now = wall(cluster.now());
    const auto ready =
        std::ranges::find_if(cluster.masters, [&](const Master& each) { return cluster.is_ready(each); });
    observation.apiservers.push_back(
        view_of(cluster, ready == cluster.masters.end() ? cluster.masters.front() : *ready, true));
    for (const auto& each : cluster.masters) {
        observation.apiservers.push_back(view_of(cluster, each, false));
        made.masters.push_back(each.name);
        if (!cluster.reachable(each)) {
            observation.masters[each.name] = probes::Unobserved{.reason = "connect_failed", .detail = "no route"};
            continue;
        }
        auto look = look_at(cluster, each);
        observation.masters[each.name] = std::move(look.view);
        made.sources[each.name] = std::move(look.sources);
    }
    observation.control_plane = sound_control_plane(cluster);
    made.assessment = assess(cluster, observation, made.now);
    made.configuration_sha256 = std::string(64, 'c');
    made.settle = seconds(10);
    made.readyz_hold = seconds(4);
    made.verify_timeout = seconds(120);
    if (cluster.kind.after_repair) {
        made.after_repair = {{.namespace_ = "catalog", .selector = "release=catalog"}};
        made.has_repair_credential = true;
    }
    return made;
}

remediate::Plan plan_for(const ClusterKind& kind) {
    thread_local std::map<ClusterKind, remediate::Plan> kept;
    if (const auto found = kept.find(kind); found != kept.end()) return found->second;
    Dice dice(0);
    const Cluster cluster(kind, dice);
    auto input = observe(cluster);
    for (auto& risk : remediate::acceptable_risks(input)) {
        risk.by = "uid=0";
        input.accepted.push_back(risk);
    }
    auto plan = remediate::make_plan(input);
    if (plan.id.empty()) {
        throw std::runtime_error("no plan for this kind of cluster: " +
                                 (plan.refusals.empty() ? "nothing to do" : plan.refusals.front().reason));
    }
    return kept.emplace(kind, std::move(plan)).first->second;
}

}  // namespace aggmedic::sim
