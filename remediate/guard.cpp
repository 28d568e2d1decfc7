#include "remediate/guard.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "net/text.hpp"
#include "probes/certificate_key.hpp"

namespace aggmedic::remediate {
namespace {

constexpr std::array<ClusterGate, 20> of_cluster{{
    {"observation", gate_observation, true},
    {"platform", gate_platform, true},
    {"method", gate_method, true},
    {"masters-listed", gate_masters_listed, true},
    {"kubernetes-version", gate_kubernetes_version, true},
    {"configmap", gate_configmap, true},
    {"aggregated-apis-known", gate_aggregated_apis},
    {"extension-log", gate_extension_log},
    {"diagnosis", gate_diagnosis},
    {"competing-cause", gate_competing_cause},
    {"common-name", gate_common_name},
    {"shared-ca", gate_shared_ca},
    {"single-master", gate_single_master, true},
    {"webhooks", gate_webhooks, true},
    {"endpoints", gate_endpoints, true},
    {"lease-holders", gate_lease_holders, true},
    {"something-to-edit", gate_something_to_edit},
    {"repair-credential", gate_repair_credential, true},
    {"dry-run", gate_dry_run, true},
    {"name-held", gate_name_held, true},
}};

constexpr std::array<MasterGate, 17> of_master{{
    {"master-seen", true, gate_master_seen},
    {"master-ready", true, gate_master_ready},
    {"facts-readable", false, gate_facts_readable},
    {"process", true, gate_process},
    {"supervisor", true, gate_supervisor},
    {"locked", false, gate_lock},
    {"old-bytes-left", false, gate_backup},
    {"certificate", false, gate_certificate, false},
    {"certificate-in-use", false, gate_certificate_in_use, false},
    {"edit", false, gate_edit},
    {"unapplied-edits", true, gate_unapplied_edits},
    {"named-files", true, gate_named_files},
    {"proxy-key", true, gate_proxy_key},
    {"certificates-in-date", true, gate_certificates_in_date},
    {"etcd", true, gate_etcd},
    {"disk-room", true, gate_disk},
    {"memory-room", true, gate_memory},
}};

// The CN that every master's live process presents, when it is one and the same.
std::optional<std::string> one_common_name(const probes::Case& seen, const std::vector<std::string>& masters) {
    std::set<std::string> names;
    for (const auto& master : masters) {
        const auto proxy = std::ranges::find(seen.read, master, &probes::ProxyClient::master);
        if (proxy == seen.read.end() || proxy->absent) return std::nullopt;
        names.insert(proxy->leaf.common_name);
    }
    if (names.size() != 1) return std::nullopt;
    return *names.begin();
}

std::vector<std::string> shared_cas(const probes::Case& seen) {
    const bool logs_in = std::ranges::any_of(seen.read, &probes::ProxyClient::logs_in);
    if (seen.published == nullptr || (!seen.shared_ca && !logs_in)) return {};
    std::vector<std::string> both, authorities, all;
    for (const auto& ca : seen.published->requestheader_ca) {
        all.push_back(ca.sha256);
        if (!ca.is_ca) continue;  // the old dialect's file holds the leaf as well
        authorities.push_back(ca.sha256);
        const auto& client = seen.published->client_ca;
        if (std::ranges::any_of(client, [&](const auto& each) { return probes::share_a_key(each, ca); }))
            both.push_back(ca.sha256);
    }
    if (!both.empty()) return both;
    return authorities.empty() ? all : authorities;  // one leads to the other: which certificate matters cannot be told
}

EditResult take_back(const RevertOf& run, const std::string& master, const probes::Platform& platform,
                     const std::vector<probes::SourceFile>& files, const ArgumentEdit& edit) {
    const auto of = std::ranges::find(run.masters, master, &RevertOf::Bytes::master);
    if (of != run.masters.end()) return take_back_arguments(platform, files, edit, of->before);
    EditResult nothing;
    nothing.answer = EditAnswer::already_right;
    nothing.reason = "The run had nothing to do on it.";
    return nothing;
}

}  // namespace

Facts::Facts(const PlanInput& of, bool all)
    : input(of), restart_all(all), seen(probes::digest(of.observation, of.now)) {
    shared_ca_sha256 = shared_cas(seen);
    common_name = is_revert() ? std::optional(input.reverts->common_name) : one_common_name(seen, input.masters);
    if (!common_name) return;
    for (const auto& master : input.masters) {
        const auto* looked = view(master);
        const auto files = input.sources.find(master);
        if (looked == nullptr || !looked->process || files == input.sources.end() || files->second.empty()) continue;
        const auto* platform = probes::find_platform(looked->platform);
        if (platform == nullptr) continue;
        ArgumentEdit edit;
        edit.add_name = *common_name;
        edit.live_argument_count = looked->process->arguments.count;
        edits[master] = is_revert() ? take_back(*input.reverts, master, *platform, files->second, edit)
                                    : edit_arguments(*platform, files->second, edit);
    }
}

const probes::MasterView* Facts::view(const std::string& master) const {
    const auto found = input.observation.masters.find(master);
    return found == input.observation.masters.end() || !found->second ? nullptr : &*found->second;
}
const probes::ApiserverView* Facts::apiserver(const std::string& master) const {
    const auto found = std::ranges::find(input.observation.apiservers, master, &probes::ApiserverView::master);
    return found == input.observation.apiservers.end() ? nullptr : &*found;
}
const probes::ProxyClient* Facts::proxy(const std::string& master) const {
    const auto found = std::ranges::find(seen.read, master, &probes::ProxyClient::master);
    return found == seen.read.end() ? nullptr : &*found;
}
bool Facts::is_to_change(const std::string& master) const {
    if (restart_all) return true;
    return input.method != "configmap" && is_to_edit(master);
}
bool Facts::is_to_edit(const std::string& master) const {
    const auto edit = edits.find(master);
    return edit == edits.end() || edit->second.answer != EditAnswer::already_right;
}
bool Facts::withdraws() const {
    if (!is_revert() || !input.reverts->added || published() == nullptr || !published()->allowed_names) return false;
    const auto& names = *published()->allowed_names;
    return std::ranges::find(names, input.reverts->common_name) != names.end();
}
bool Facts::calls_for_repair() const {
    return std::ranges::any_of(input.assessment.findings, [](const probes::Finding& finding) {
        return finding.severity != probes::Severity::info && finding.finding_class == probes::FindingClass::fault;
    });
}
const AcceptedRisk* Facts::acceptance(std::string_view id, std::string_view ca_sha256) const {
    const auto holds = [&](const AcceptedRisk& risk) {
        if (risk.id != id || to_lower(risk.ca_sha256) != ca_sha256) return false;
        if (!ca_sha256.empty() && risk.cn != common_name) return false;
        // In the configuration it has to end some day; a person's word is for this plan, which ends by itself.
        const bool for_ever = !risk.until && risk.by == "configuration" && !ca_sha256.empty();
        return !for_ever && (!risk.until || *risk.until > input.now);
    };
    const auto found = std::ranges::find_if(input.accepted, holds);
    return found == input.accepted.end() ? nullptr : &*found;
}

std::span<const ClusterGate> cluster_gates() {
    return of_cluster;
}
std::span<const MasterGate> master_gates() {
    return of_master;
}

std::vector<Refusal> ask_all_gates(const Facts& facts) {
    std::vector<Refusal> refusals;
    for (const auto& gate : of_cluster) {
        if (facts.is_revert() && !gate.of_revert) continue;
        if (auto refusal = gate.ask(facts)) refusals.push_back(std::move(*refusal));
    }
    for (const auto& master : facts.input.masters) {
        for (const auto& gate : of_master) {
            if (facts.is_revert() && !gate.of_revert) continue;
            if (auto refusal = gate.ask(facts, master)) refusals.push_back(std::move(*refusal));
        }
    }
    return refusals;
}

std::vector<Refusal> preflight(const PlanInput& input) {
    const Facts facts(input, true);
    std::vector<Refusal> refusals;
    for (const auto gate : {gate_masters_listed, gate_webhooks, gate_endpoints}) {
        if (auto refusal = gate(facts)) refusals.push_back(std::move(*refusal));
    }
    for (const auto& master : input.masters) {
        for (const auto& gate : of_master) {
            if (!gate.preflight) continue;
            if (auto refusal = gate.ask(facts, master)) refusals.push_back(std::move(*refusal));
        }
        if (auto refusal = gate_starts_under_1_35(facts, master)) refusals.push_back(std::move(*refusal));
    }
    return refusals;
}

std::vector<AcceptedRisk> acceptable_risks(const PlanInput& input) {
    const Facts facts(input);
    std::vector<AcceptedRisk> risks;
    for (const auto& ca : facts.shared_ca_sha256) {
        risks.push_back(
            {.id = "shared-ca", .ca_sha256 = ca, .cn = facts.common_name.value_or(""), .until = {}, .by = {}});
    }
    if (input.masters.size() == 1)
        risks.push_back({.id = "single-master", .ca_sha256 = {}, .cn = {}, .until = {}, .by = {}});
    return risks;
}

std::optional<int> kubernetes_minor(std::string_view version) {
    if (!version.starts_with("v1.")) return std::nullopt;
    int minor = 0;
    const auto digits = version.substr(3);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), minor);
    if (parsed.ec != std::errc() || minor < 0 || minor > 999) return std::nullopt;
    return minor;
}

}  // namespace aggmedic::remediate
