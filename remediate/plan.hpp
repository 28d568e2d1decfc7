#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "net/time.hpp"
#include "probes/command_line.hpp"
#include "probes/finding.hpp"
#include "probes/observation.hpp"

namespace aggmedic::remediate {

// Something that the repair brings with it and that a person must know, or accept, before it starts.
struct Risk {
    std::string id;  // shared-ca, single-master, masked-identity-ends, outlives-rollback, ...
    std::string text;
    bool needs_acceptance = false;
    bool accepted = false;    // true also where no acceptance is needed
    std::string accepted_by;  // configuration, or uid=N
    bool operator==(const Risk&) const = default;
};

// A gate that said no. `reason` ends with what would lift it.
struct Refusal {
    std::string gate;     // stable id
    std::string subject;  // cluster, master or file
    std::string reason;
    bool unknown{};  // it could not be seen, rather than that something was seen to be wrong
    bool operator==(const Refusal&) const = default;
};

struct PlanStep {
    std::string
        step;  // lock, check, swap, restart, process, ready, published, aggregated, after_repair, healed, settle
    std::string command;  // what runs on the master or is asked, as a person would write it
    std::string undo;
    std::string check;  // what must hold before the next step
    bool operator==(const PlanStep&) const = default;
};

struct MasterPlan {
    std::string name, address;
    std::string file, resolved;
    std::string owner, group, mode;
    std::string sha256_before, sha256_after;
    std::string argument_before, argument_after;
    std::string diff;     // one -U0 hunk
    int gap_seconds = 0;  // how long its API is expected to be away
    // What else the plan is bound to.
    std::string boot_id;
    std::int64_t pid = 0;
    std::uint64_t start_ticks = 0;
    std::string executable;
    std::string arguments_sha256;        // of the live process
    std::string arguments_sha256_after;  // that the new process must show
    std::size_t argument_count = 0;
    std::string proxy_client_sha256;
    std::string other_files_sha256;  // of a unit: the other files that say how it is started, and whose they are
    std::string advertised;          // its --advertise-address, by which endpoints may list it; empty: not given
    std::vector<PlanStep> steps;
    bool operator==(const MasterPlan&) const = default;
};

// A master that the plan leaves alone, but whose state it is bound to all the same.
struct BoundMaster {
    std::string name, file, resolved, owner, group, mode;
    std::string sha256, arguments_sha256, proxy_client_sha256, other_files_sha256, boot_id;
    std::int64_t pid = 0;
    std::uint64_t start_ticks = 0;
    bool operator==(const BoundMaster&) const = default;
};

struct RestartPods {
    std::string namespace_, selector;
    bool operator==(const RestartPods&) const = default;
};
// How a request was answered through one master.
struct VerifyAnswer {
    std::string master;
    bool passes = false;
    std::string says;  // one clause for people, printable: answers 503
    bool operator==(const VerifyAnswer&) const = default;
};
struct VerifyRequest {
    std::string get;
    int expect_status = 200;
    std::string json_path{}, value{};    // JsonPath and the text that must stand there; empty: the status is enough
    std::vector<VerifyAnswer> before{};  // through every master, before anything was touched; empty: not tried
    bool operator==(const VerifyRequest&) const = default;
};

// How an aggregated API answered through one apiserver before anything was touched.
struct Baseline {
    std::string apiservice, master;
    std::string state;      // ok, masked, failing, unknown
    std::string proven_by;  // of masked: flow-schemas or name (a 403 named the certificate); empty: inferred
    unsigned status = 0;
    bool operator==(const Baseline&) const = default;
};

struct AcceptedRisk {
    std::string id;             // shared-ca, single-master
    std::string ca_sha256, cn;  // for shared-ca: what exactly is accepted
    std::optional<TimePoint> until;
    std::string by;  // configuration, or uid=N
    bool operator==(const AcceptedRisk&) const = default;
};

// What would be changed, in which order, bound to what was seen. The object that is printed is the object that is
// applied.
struct Plan {
    std::string id;  // SHA-256 of the rest; empty: refused, or nothing to do
    std::string cluster, method = "args", platform;
    TimePoint created{}, expires{};
    std::string common_name;  // the one name that is added
    std::string kubernetes;
    std::vector<std::string> names_before, names_after;  // of the ConfigMap, projected
    std::string configmap_resource_version;
    std::vector<std::string> requestheader_ca_sha256;
    std::string configuration_sha256;       // of the configuration of this cluster and of remediation
    std::vector<probes::Finding> findings;  // that it answers
    std::vector<Risk> risks;
    std::vector<AcceptedRisk> accepted;  // what of the acceptances it rests on
    std::vector<Refusal> refusals;
    std::vector<MasterPlan> masters;  // in order; the first is the canary
    std::vector<BoundMaster> untouched;
    std::vector<Baseline> baseline;
    std::vector<RestartPods> after_repair;
    std::vector<VerifyRequest> verify_requests;
    std::vector<std::string> after, verify;  // in words: what happens after the canary, what must hold at the end
    std::vector<std::string> not_undone;     // what restoring the arguments does not undo
    std::vector<std::string> permanent;      // what has to change outside of the masters for it to last
    bool proxy_is_masters = false;           // the proxy-client certificate is in system:masters
    std::vector<PlanStep> steps;             // on the ConfigMap, without touching a master
    std::string reverts;                     // of method revert: the run whose change is taken back
    bool withdraws = false;                  // revert: that run's name goes out of the ConfigMap as well
    bool marked = false;                     // revert: it was added to the ConfigMap alone, and the annotation says so
    std::chrono::milliseconds verify_timeout{}, settle{}, readyz_hold{};
    std::chrono::milliseconds withdrawn_watch{};  // two periods of the controller that publishes
    bool operator==(const Plan&) const = default;

    bool empty() const { return id.empty() && refusals.empty(); }  // there is nothing to do
    bool refused() const { return !refusals.empty(); }
};

// When a name that was added to the ConfigMap alone is read again: at once, and after more than a period of the
// controller that writes it (5 s and 70 s, less where withdrawn_watch is less).
std::chrono::milliseconds kept_first(const Plan& plan);
std::chrono::milliseconds kept_last(const Plan& plan);

// A run that is to be taken back, as its plan tells.
struct RevertOf {
    struct Bytes {
        std::string master, before, after;  // SHA-256 of the file as the run found and as it wrote it
    };
    std::string run, common_name;
    bool added = false;   // the plan found the list without the name: the element is ours
    bool marked = false;  // it was added to the ConfigMap alone
    std::vector<Bytes> masters;
};
// Of the plan of a repair, what its revert needs; of the plan of a revert, the same again.
RevertOf revert_of(const Plan& plan, std::string run);

// Everything a plan is made from. Two calls with equal input give the same plan, id included.
struct PlanInput {
    probes::Observation observation;
    probes::Assessment assessment;                                   // diagnose(observation)
    std::map<std::string, std::vector<probes::SourceFile>> sources;  // by master, from the same look
    std::vector<std::string> masters;                                // every configured master, in configured order
    std::vector<AcceptedRisk> accepted;
    std::vector<RestartPods> after_repair;
    std::vector<VerifyRequest> verify_requests;
    bool has_repair_credential = false;
    std::chrono::milliseconds plan_ttl{std::chrono::minutes(15)};
    std::chrono::milliseconds verify_timeout{std::chrono::seconds(180)};
    std::chrono::milliseconds settle{std::chrono::seconds(60)};
    std::chrono::milliseconds readyz_hold{std::chrono::seconds(10)};
    std::chrono::milliseconds withdrawn_watch{std::chrono::seconds(120)};
    std::string method = "args";  // args, configmap, revert
    std::optional<RevertOf> reverts{};
    std::string configuration_sha256;
    // When something of the masters was last seen to change that an upgrade changes, by who watches them, and for how
    // long that is told.
    std::optional<TimePoint> changed{};
    std::string what_changed{};  // "master/0: its arguments file"
    std::chrono::milliseconds quiet{};
    TimePoint now{};
};

// What a person could accept for this cluster as it is now: shared-ca once for each shared CA with fingerprint and CN
// filled, single-master. The caller adds who and until when, and passes it back in `accepted`.
std::vector<AcceptedRisk> acceptable_risks(const PlanInput& input);

// Whether every master would come back from a restart, and would start under Kubernetes 1.35: what speaks against it.
// Needs no finding and no CN.
std::vector<Refusal> preflight(const PlanInput& input);

// Pure. Never fails: what speaks against it is in `refusals`, and then `masters` is empty and `id` too.
Plan make_plan(const PlanInput& input);

nlohmann::json to_json(const Plan& plan);        // the JSON of `plan` (design 5.1) and what is stored
Result<Plan> parse_plan(std::string_view json);  // checks the id against the content
std::string content_id(const Plan& plan);

// What moved between the plan and now, one Refusal (gate "stale") each; empty: the plan holds. `now_input` is a fresh
// PlanInput.
std::vector<Refusal> stale(const Plan& plan, const PlanInput& now_input);

}  // namespace aggmedic::remediate
