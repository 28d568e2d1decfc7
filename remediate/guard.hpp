#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "probes/causes/case.hpp"
#include "remediate/edit.hpp"
#include "remediate/plan.hpp"

namespace aggmedic::remediate {

// A plan's input, digested once for all gates. Refers to the input, which must outlive it.
struct Facts {
    explicit Facts(const PlanInput& of, bool restart_all = false);

    const PlanInput& input;
    bool restart_all;  // ask of every master whether it would come back, not only of those that are restarted
    probes::Case seen;
    std::optional<std::string> common_name;     // the one CN that all masters present and that is missing somewhere
    std::map<std::string, EditResult> edits;    // by master, where file, process and CN were read
    std::vector<std::string> shared_ca_sha256;  // requestheader CAs that are client CAs too

    const probes::MasterView* view(const std::string& master) const;          // nullptr: not seen
    const probes::ApiserverView* apiserver(const std::string& master) const;  // likewise
    const probes::ProxyClient* proxy(const std::string& master) const;
    const probes::PublishedAuth* published() const { return seen.published; }
    bool is_to_change(const std::string& master) const;  // its file is to be written (or the answer is not known)
    bool is_to_edit(const std::string& master) const;    // whatever the method: its file would need the change
    bool is_revert() const { return input.reverts.has_value(); }
    bool withdraws() const;         // a revert that takes a published name out again
    bool calls_for_repair() const;  // a finding that is more than information
    const AcceptedRisk* acceptance(std::string_view id, std::string_view ca_sha256) const;  // that holds now
};

// Each gate is a pure function of the facts that answers with a reason to refuse, one subject at a time. What is not
// known refuses. A gate whose ground is missing stays silent where another gate refuses for just that.
struct ClusterGate {
    std::string_view id;
    std::optional<Refusal> (*ask)(const Facts&);
    bool of_revert = false;  // asked of the revert of a run too, which rests on no diagnosis
};
struct MasterGate {
    std::string_view id;
    bool preflight;  // part of "would it come back from a restart"
    std::optional<Refusal> (*ask)(const Facts&, const std::string& master);
    bool of_revert = true;
};
std::span<const ClusterGate> cluster_gates();
std::span<const MasterGate> master_gates();

std::vector<Refusal> ask_all_gates(const Facts& facts);

// The lock's text as another daemon or run left it, and whether it still holds at this look.
bool lock_is_live(const probes::MasterView& view);

// The minor of `v1.20.2`; nullopt when it cannot be read.
std::optional<int> kubernetes_minor(std::string_view version);

// --- the gates, by file ---

std::optional<Refusal> gate_observation(const Facts&);  // guard_cluster.cpp
std::optional<Refusal> gate_platform(const Facts&);
std::optional<Refusal> gate_method(const Facts&);
std::optional<Refusal> gate_masters_listed(const Facts&);
std::optional<Refusal> gate_kubernetes_version(const Facts&);
std::optional<Refusal> gate_configmap(const Facts&);
std::optional<Refusal> gate_something_to_edit(const Facts&);
std::optional<Refusal> gate_repair_credential(const Facts&);  // guard_list.cpp
std::optional<Refusal> gate_dry_run(const Facts&);
std::optional<Refusal> gate_name_held(const Facts&);
std::optional<Refusal> gate_single_master(const Facts&);

std::optional<Refusal> gate_aggregated_apis(const Facts&);  // guard_apis.cpp
std::optional<Refusal> gate_extension_log(const Facts&);

// guard_cause.cpp: what a name more repairs, for certain (the cause itself, masters of which only some were repaired).
bool is_repairable(const probes::Finding& finding);
std::optional<Refusal> gate_diagnosis(const Facts&);
std::optional<Refusal> gate_competing_cause(const Facts&);
std::optional<Refusal> gate_common_name(const Facts&);
std::optional<Refusal> gate_shared_ca(const Facts&);

std::optional<Refusal> gate_certificate(const Facts&, const std::string& master);  // guard_certificate.cpp
std::optional<Refusal> gate_certificate_in_use(const Facts&, const std::string& master);

std::optional<Refusal> gate_master_seen(const Facts&, const std::string& master);  // guard_master.cpp
std::optional<Refusal> gate_master_ready(const Facts&, const std::string& master);
std::optional<Refusal> gate_facts_readable(const Facts&, const std::string& master);
std::optional<Refusal> gate_process(const Facts&, const std::string& master);
std::optional<Refusal> gate_supervisor(const Facts&, const std::string& master);
std::optional<Refusal> gate_lock(const Facts&, const std::string& master);
std::optional<Refusal> gate_backup(const Facts&, const std::string& master);
std::optional<Refusal> gate_edit(const Facts&, const std::string& master);

std::optional<Refusal> gate_unapplied_edits(const Facts&, const std::string& master);  // guard_restart.cpp
std::optional<Refusal> gate_named_files(const Facts&, const std::string& master);
std::optional<Refusal> gate_proxy_key(const Facts&, const std::string& master);
std::optional<Refusal> gate_certificates_in_date(const Facts&, const std::string& master);
std::optional<Refusal> gate_disk(const Facts&, const std::string& master);
std::optional<Refusal> gate_memory(const Facts&, const std::string& master);
std::optional<Refusal> gate_starts_under_1_35(const Facts&, const std::string& master);

std::optional<Refusal> gate_etcd(const Facts&, const std::string& master);  // guard_control_plane.cpp
std::optional<Refusal> gate_webhooks(const Facts&);
std::optional<Refusal> gate_endpoints(const Facts&);
std::optional<Refusal> gate_lease_holders(const Facts&);
// What its live process says its address is, as endpoints would write it; empty: it does not say, or no address.
std::string advertised_address(const Facts&, const std::string& master);
// The masters in the order in which they are restarted: as configured, but those that hold a lease last. They are all
// asked about: what a master holds that is not known counts as nothing here, and refuses above.
std::vector<std::string> restart_order(const Facts&);
// The leases whose holder names a host that is none of the masters', with that name: they tell no order.
std::vector<std::string> leases_held_elsewhere(const Facts&);

}  // namespace aggmedic::remediate
