#include "tests/sim/cluster.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace aggmedic::sim {
namespace {

constexpr Ms since_boot{seconds(10'000)}, long_ago{seconds(1) - since_boot};
constexpr seconds publish_period{60};       // of the controller that publishes
constexpr seconds availability_period{30};  // of the controller that checks APIServices

const char* requestheader_ca = "-----BEGIN CERTIFICATE-----\nrequestheader\n-----END CERTIFICATE-----\n";

model::Seconds to_seconds(Ms time) {
    return std::chrono::duration_cast<model::Seconds>(time);
}
Ms to_ms(model::Seconds time) {
    return std::chrono::duration_cast<Ms>(time);
}

model::AuthPublication publication_of(const FileVersion& version) {
    return {.client_ca_pem = {},
            .requestheader_ca_pem = requestheader_ca,
            .allowed_names = version.allowed_names,
            .username_headers = {"X-Remote-User"},
            .group_headers = {"X-Remote-Group"},
            .extra_prefixes = {"X-Remote-Extra-"}};
}

}  // namespace

Cluster::Cluster(ClusterKind of, Dice& dice) : kind(of), generation_{.minor = of.minor}, dice_(dice) {
    for (int at = 0; at < kind.masters; ++at) {
        auto& made = masters.emplace_back();
        made.name = "m" + std::to_string(at);
        made.address = "10.0.11.1" + std::to_string(at);
        made.file = &file_version(false);
        made.pids = 4000 + 1000 * at;
        made.process = Process{.pid = made.pids, .start_ticks = 100, .version = made.file, .started = long_ago};
        made.monit.tick({}, true);
    }
    data_ =
        model::publish(generation_, std::nullopt, publication_of(file_version(false)), [](auto) { return false; }).data;
    read_names();
    extension.known = names;
    extension.available = !std::holds_alternative<model::Rejected>(authenticate());
}

Master& Cluster::master(const std::string& name) {
    const auto found = std::ranges::find(masters, name, &Master::name);
    if (found == masters.end()) throw std::runtime_error("no master " + name);
    return *found;
}

// --- the process and its supervisor ---------------------------------------------------------------------------------

model::Seconds Cluster::since_start(const Master& master) const {
    return to_seconds(now() - master.process->started);
}
model::ApiserverStart Cluster::pace(const Master& master) const {
    return model::ApiserverStart({.time_scale = 1.0, .slower_by = to_seconds(master.temper.slower_by)});
}
bool Cluster::answers(const Master& master) const {
    return master.up && master.process && !master.process->stopping &&
           since_start(master) >= pace(master).answers_begin();
}
bool Cluster::is_ready(const Master& master) const {
    if (!answers(master) || since_start(master) < pace(master).becomes_ready()) return false;
    return !(master.temper.new_is_never_ready && master.process->version->has_name);
}
bool Cluster::is_registered(const Master& master) const {
    return answers(master) && since_start(master) >= pace(master).registers();
}

void Cluster::wake_monit(Master& master, Ms in) {
    if (master.next_tick && *master.next_tick <= now() + in) return;
    master.next_tick = now() + in;
    agenda.in(in, [this, &master, wake = ++master.wakes] {
        if (master.wakes != wake) return;  // it was woken earlier
        master.next_tick.reset();
        tick_monit(master);
    });
}
void Cluster::tick_monit(Master& master) {
    if (!master.up) return;
    const auto program = master.monit.tick(to_seconds(now()), master.process.has_value());
    if (program == model::MonitProgram::stop && master.process) {
        master.process->stopping = true;
        agenda.in(master.temper.stop_time, [this, &master, pid = master.process->pid] { end_process(master, pid); });
    } else if (program == model::MonitProgram::start) {
        agenda.in(master.temper.start_delay, [this, &master, boot = master.boots] {
            if (master.boots == boot && master.up && !master.process) start_process(master);
        });
    }
    // While it runs and nothing is asked for, a check changes nothing.
    if (!master.process || master.monit.status_text() != "running") wake_monit(master, seconds(1));
}
void Cluster::start_process(Master& master) {
    master.pids += 7;
    master.process = Process{.pid = master.pids,
                             .start_ticks = static_cast<std::uint64_t>((now() + since_boot).count() / 10),
                             .version = master.file,
                             .started = now()};
    tell(master.name + " starts process " + std::to_string(master.pids) +
         (master.file->has_name ? " with the new arguments" : " with the old arguments"));
    const auto pid = master.pids;
    if (master.temper.new_never_starts && master.file->has_name) {
        agenda.in(seconds(1), [this, &master, pid] { end_process(master, pid); });
        return;
    }
    agenda.in(to_ms(pace(master).publishes()), [this, &master, pid] { publish(master, pid); });
}
void Cluster::end_process(Master& master, std::int64_t pid) {
    if (!master.process || master.process->pid != pid) return;
    master.process.reset();
    wake_monit(master, Ms(dice_.between(0, 10000)));  // somewhere in its cycle
}

void Cluster::restart_by_hand(Master& master) {
    master.disturbed_at = now();
    if (!master.up) return;
    tell("an operator restarts " + master.name);
    master.monit.request(model::MonitAction::restart);
    wake_monit(master, Ms(500));
}
void Cluster::crash(Master& master) {
    master.disturbed_at = now();
    if (!master.process) return;
    tell("the apiserver of " + master.name + " crashes");
    end_process(master, master.process->pid);
}
void Cluster::reboot(Master& master, Ms takes) {
    if (!master.up) return;
    tell(master.name + " reboots");
    master.disturbed_at = now() + takes;
    master.up = false;
    ++master.boots;
    master.process.reset();
    master.lock.reset();  // /run is empty
    master.next_tick.reset();
    ++master.wakes;
    agenda.in(takes, [this, &master, boot = master.boots] {
        if (master.boots != boot) return;
        master.up = true;
        master.monit = model::MonitService("kube-apiserver", {}, to_seconds(now()));
        wake_monit(master, seconds(1));
    });
}
void Cluster::edit_by_hand(Master& master, Hand how) {
    master.disturbed_at = now();
    master.file = &file_version(master.file->has_name, how);
    tell("an operator edits the file of " + master.name);
}

void Cluster::note_readiness() {
    for (auto& each : masters) {
        if (is_ready(each)) {
            each.unready_since.reset();
            if (each.monit.pending_field() == 0) each.down_by_us = false;  // asked for and not yet begun is not over
        } else if (!each.unready_since) {
            each.unready_since = now();
        }
    }
}

// --- the ConfigMap --------------------------------------------------------------------------------------------------

void Cluster::publish(Master& master, std::int64_t pid) {
    if (!master.process || master.process->pid != pid || master.process->stopping) return;
    auto made =
        model::publish(generation_, data_, publication_of(*master.process->version), [](auto) { return false; });
    if (!made.data) return;
    if (now() < writes_blocked_until) {
        if (!generation_.publishes_union()) return;  // it tries once, at its start
        agenda.in(publish_period, [this, &master, pid] { publish(master, pid); });
        return;
    }
    const auto before = names;
    data_ = std::move(made.data);
    ++resource_version;
    read_names();
    tell(master.name + " writes the ConfigMap: " + nlohmann::json(names).dump());
    const bool kept =
        std::ranges::all_of(before, [&](const auto& name) { return std::ranges::find(names, name) != names.end(); });
    if (broken && (names.empty() || (generation_.publishes_union() && !kept)))
        broken("the published list shrank to " + nlohmann::json(names).dump());
    spread();
}
void Cluster::spread() {
    if (model::reloads_config(kind.extension)) {
        agenda.in(Ms(500), [this] {
            extension.known = names;
            check_availability_soon();
        });
    }
    if (!generation_.publishes_union()) return;
    for (auto& other : masters) {
        if (!other.process) continue;
        agenda.in(Ms(100), [this, &other, its = other.process->pid] { publish(other, its); });
    }
}
HttpReply Cluster::serve_config_map(const std::string& patch, bool dry_run) {
    using nlohmann::json;
    HttpReply reply;
    json object{{"kind", "ConfigMap"},
                {"metadata",
                 {{"name", "extension-apiserver-authentication"},
                  {"resourceVersion", std::to_string(resource_version)},
                  {"annotations", json::object()}}},
                {"data", data_.value_or(model::ConfigMapData{})}};
    if (!added_mark_.empty()) object["metadata"]["annotations"]["aggmedic/added"] = added_mark_;
    reply.status = 200;
    if (patch.empty()) {
        reply.body = object.dump();
        return reply;
    }
    const auto change = json::parse(patch);
    if (change["metadata"]["resourceVersion"] != object["metadata"]["resourceVersion"]) reply.status = 409;
    if (now() < writes_blocked_until) reply.status = 500;  // its webhook fails closed
    if (reply.status != 200) return reply;
    object.merge_patch(change);
    reply.body = object.dump();
    if (dry_run) return reply;
    data_ = object["data"].get<model::ConfigMapData>();
    added_mark_ = object["metadata"]["annotations"].value("aggmedic/added", "");
    ++resource_version;
    const auto before = names;
    read_names();
    tell("a PATCH writes the ConfigMap: " + json(names).dump());
    const bool ours_alone = std::ranges::all_of(
        before, [&](const auto& name) { return name == demo_cn || std::ranges::find(names, name) != names.end(); });
    if (broken && (names.empty() || !ours_alone)) broken("a PATCH lost a foreign name: " + json(names).dump());
    spread();
    return reply;
}
void Cluster::read_names() {
    names = nlohmann::json::parse(data_->at("requestheader-allowed-names")).get<std::vector<std::string>>();
}

// --- the extension API server ---------------------------------------------------------------------------------------

model::AuthDecision Cluster::authenticate() const {
    const model::AuthRules rules{.trusts_client_ca = model::trusts_client_ca(kind.extension),
                                 .allows_anonymous = false,
                                 .allowed_names = extension.known};
    model::PresentedCertificate certificate;
    certificate.presented = certificate.verifies_for_requestheader = true;
    certificate.verifies_for_client = kind.shared_ca;
    certificate.common_name = demo_cn;
    return model::authenticate(rules, certificate, {.user = "probe", .groups = {}});
}

void Cluster::check_availability_soon() {
    const auto periods = now() / availability_period + 1;
    agenda.at(periods * availability_period, [this] {
        const bool works = extension.runs && now() >= extension.down_until;
        extension.available = works && !std::holds_alternative<model::Rejected>(authenticate());
    });
}
void Cluster::take_backend_down(Ms duration) {
    tell("the extension server is away for " + std::to_string(duration.count()) + " ms");
    extension.down_until = now() + duration;
    check_availability_soon();
    agenda.in(duration, [this] { check_availability_soon(); });
}
void Cluster::restart_extension() {
    ++extension.pod;
    extension.runs = false;
    agenda.in(seconds(4), [this] {
        extension.runs = true;
        extension.known = names;
        check_availability_soon();
    });
}

Through Cluster::ask_extension(const Master& master) const {
    if (!answers(master)) return Through::no_answer;
    switch (pace(master).aggregated(since_start(master), 0, 1)) {
        case model::AggregatedPaths::starting:
            return Through::starting;
        case model::AggregatedPaths::not_found:
            return Through::not_found;
        case model::AggregatedPaths::serving:
            break;
    }
    if (!extension.available || !extension.runs || now() < extension.down_until) return Through::unavailable;
    const auto decision = authenticate();
    const auto* as = std::get_if<model::Authenticated>(&decision);
    if (as == nullptr) return Through::rejected;
    return as->via == model::Via::front_proxy ? Through::as_caller : Through::masked;
}

// --- a second daemon on another jumpbox -----------------------------------------------------------------------------

// It does what ours does: every lock first, and a restart only while all are ready.
void Cluster::second_daemon() {
    const auto verb = [](std::string name, std::vector<std::string> more = {}) {
        VerbCall call;
        call.verb = std::move(name);
        call.arguments = {"bosh", "holder-of-another", "another-run", "1"};
        std::ranges::move(more, std::back_inserter(call.arguments));
        return call;
    };
    std::vector<Master*> locked;
    const auto unlock = [this, verb](const std::vector<Master*>& which) {
        for (auto* each : which) {
            if (reachable(*each)) call_helper(*each, verb("unlock", {args_path, each->file->sha256}));
        }
    };
    for (auto& each : masters) {
        if (!reachable(each) || call_helper(each, verb("lock")).exit_status != 0) break;
        locked.push_back(&each);
    }
    const bool all_ready = std::ranges::all_of(masters, [&](const Master& each) { return is_ready(each); });
    if (locked.size() < masters.size() || !all_ready) return unlock(locked);
    auto& target = masters[static_cast<std::size_t>(dice_.between(0, kind.masters - 1))];
    tell("another daemon restarts " + target.name);
    target.disturbed_at = now();
    call_helper(target, verb("restart", {args_path, target.file->sha256, std::to_string(target.process->pid),
                                         std::to_string(target.process->start_ticks)}));
    agenda.in(seconds(90), [unlock, locked] { unlock(locked); });
}

}  // namespace aggmedic::sim
