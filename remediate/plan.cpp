#include "remediate/plan.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "net/text.hpp"
#include "remediate/api_state.hpp"
#include "remediate/guard.hpp"
#include "remediate/plan_words.hpp"
#include "remediate/platform_words.hpp"
#include "remediate/projection.hpp"

namespace aggmedic::remediate {
namespace {

// Of the arguments that the files give once the edit is made.
std::string arguments_digest(const std::string& platform, std::vector<probes::SourceFile> files,
                             const EditResult& edit) {
    const auto* known = probes::find_platform(platform);
    if (known == nullptr || edit.file >= files.size()) return {};
    files[edit.file].bytes = edit.bytes;
    const auto line = known->read(files);
    return line ? probes::read_arguments(line->arguments()).sha256 : "";
}

// Empty where it was not read: the revert of a run does not rest on it.
std::string proxy_digest(const Facts& facts, const std::string& master) {
    const auto* proxy = facts.proxy(master);
    return proxy == nullptr ? std::string() : proxy->leaf.sha256;
}

MasterPlan plan_master(const Facts& facts, const std::string& name) {
    const auto& view = *facts.view(name);
    const auto& edit = facts.edits.at(name);
    const auto* apiserver = facts.apiserver(name);
    MasterPlan master;
    master.name = name;
    master.address = apiserver->address;
    master.file = view.args_file.path;
    master.resolved = view.args_file.resolved;
    master.owner = view.args_file.owner;
    master.group = view.args_file.group;
    master.mode = view.args_file.mode;
    master.sha256_before = view.args_file.sha256;
    master.sha256_after = sha256_hex(edit.bytes);
    master.argument_before = edit.argument_before;
    master.argument_after = edit.argument_after;
    master.diff = "--- " + master.resolved + "\n+++ " + master.resolved + "\n" + edit.diff;
    master.gap_seconds = gap_seconds_of(view.platform);
    master.boot_id = view.boot_id;
    master.pid = view.process->pid;
    master.start_ticks = view.process->start_ticks;
    master.executable = printable(view.process->executable);
    master.arguments_sha256 = view.process->arguments.sha256;
    master.arguments_sha256_after = arguments_digest(view.platform, facts.input.sources.at(name), edit);
    master.argument_count = view.process->arguments.count;
    master.proxy_client_sha256 = proxy_digest(facts, name);
    master.other_files_sha256 = digest_of_others(view);
    master.advertised = advertised_address(facts, name);
    return master;
}

BoundMaster bind_master(const Facts& facts, const std::string& name) {
    const auto& view = *facts.view(name);
    return {.name = name,
            .file = view.args_file.path,
            .resolved = view.args_file.resolved,
            .owner = view.args_file.owner,
            .group = view.args_file.group,
            .mode = view.args_file.mode,
            .sha256 = view.args_file.sha256,
            .arguments_sha256 = view.process->arguments.sha256,
            .proxy_client_sha256 = proxy_digest(facts, name),
            .other_files_sha256 = digest_of_others(view),
            .boot_id = view.boot_id,
            .pid = view.process->pid,
            .start_ticks = view.process->start_ticks};
}

std::vector<Baseline> read_baseline(const Facts& facts, const Plan& plan) {
    const Identities identities{.caller = facts.input.observation.caller,
                                .common_name = plan.common_name,
                                .proxy_is_masters = plan.proxy_is_masters};
    const auto collapses = [&](const std::string& api) {
        return std::ranges::any_of(plan.findings, [&](const probes::Finding& finding) {
            return finding.cause == "identity-collapse" && finding.apiservice == api;
        });
    };
    std::vector<Baseline> baseline;
    for (const auto& name : facts.input.masters) {
        for (const auto& attempts : facts.apiserver(name)->attempts) {
            const auto judged = judge_api(attempts, identities);
            Baseline each{.apiservice = attempts.apiservice,
                          .master = name,
                          .state = std::string(remediate::name(judged.state)),
                          .proven_by = judged.proven_by,
                          .status = judged.status};
            // A credential that is blind to a masked identity sees a 200 there.
            if (judged.state == ApiState::ok && collapses(attempts.apiservice)) each.state = "masked";
            baseline.push_back(std::move(each));
        }
    }
    return baseline;
}

// The findings as their JSON carries them, so that a plan that was stored and read equals the one that was made.
std::vector<probes::Finding> stored_findings(const Facts& facts) {
    probes::Assessment kept = facts.input.assessment;
    std::erase_if(kept.findings, [](const auto& finding) {
        return finding.severity == probes::Severity::info || finding.finding_class != probes::FindingClass::fault;
    });
    kept.unobserved.clear();
    auto read = probes::parse_assessment(probes::to_json(kept).dump());
    return read ? std::move(read->findings) : std::vector<probes::Finding>{};
}

std::vector<AcceptedRisk> used_acceptances(const Facts& facts) {
    std::vector<AcceptedRisk> used;
    for (const auto& ca : facts.shared_ca_sha256) {
        if (const auto* acceptance = facts.acceptance("shared-ca", ca)) used.push_back(*acceptance);
    }
    if (facts.input.masters.size() != 1) return used;
    if (const auto* acceptance = facts.acceptance("single-master", {})) used.push_back(*acceptance);
    return used;
}

// Every master was read, holds and runs what the run found, and its name is not published (or is not its to take).
bool nothing_to_take_back(const Facts& facts) {
    if (facts.published() == nullptr || facts.withdraws() || facts.input.masters.empty()) return false;
    return std::ranges::all_of(facts.input.masters, [&](const std::string& master) {
        const auto* view = facts.view(master);
        return view != nullptr && view->process && view->file_equals_process && !facts.is_to_change(master);
    });
}

// Healthy, and known to be: every aggregated API was seen through every master, and every master was read; none lacks
// the name of the certificate it presents.
bool nothing_to_do(const Facts& facts) {
    if (facts.is_revert()) return nothing_to_take_back(facts);
    if (facts.calls_for_repair()) return false;
    // Unknown is not healthy: a master whose process, certificate or readiness was not seen is for the gates to refuse.
    const auto is_known = [&](const std::string& master) {
        const auto* view = facts.view(master);
        const auto* apiserver = facts.apiserver(master);
        return view != nullptr && view->process && facts.proxy(master) != nullptr && apiserver != nullptr &&
               apiserver->readyz && apiserver->readyz->status == 200;
    };
    return facts.published() != nullptr && !facts.input.masters.empty() && !gate_aggregated_apis(facts) &&
           std::ranges::all_of(facts.input.masters, is_known);
}

void fill_bindings(const Facts& facts, Plan& plan) {
    const auto& published = *facts.published();
    plan.common_name = *facts.common_name;
    plan.kubernetes = facts.input.assessment.kubernetes;
    plan.names_before = *published.allowed_names;
    plan.names_after = plan.names_before;
    if (facts.is_revert()) {
        if (plan.withdraws) std::erase(plan.names_after, plan.common_name);
    } else if (std::ranges::find(plan.names_after, plan.common_name) == plan.names_after.end()) {
        plan.names_after.push_back(plan.common_name);
    }
    plan.configmap_resource_version = published.resource_version;
    for (const auto& ca : published.requestheader_ca) plan.requestheader_ca_sha256.push_back(ca.sha256);
    if (!facts.seen.read.empty()) {
        const auto& organizations = facts.seen.read.front().leaf.organizations;
        plan.proxy_is_masters = std::ranges::find(organizations, "system:masters") != organizations.end();
    }
    plan.accepted = used_acceptances(facts);
}

void fill_masters(const Facts& facts, Plan& plan) {
    for (const auto& name : restart_order(facts)) {
        if (facts.is_to_change(name)) {
            plan.masters.push_back(plan_master(facts, name));
        } else {
            plan.untouched.push_back(bind_master(facts, name));
        }
    }
}

}  // namespace

std::chrono::milliseconds kept_first(const Plan& plan) {
    return std::min(std::chrono::milliseconds(std::chrono::seconds(5)), plan.withdrawn_watch / 2);
}
std::chrono::milliseconds kept_last(const Plan& plan) {
    return std::min(std::chrono::milliseconds(std::chrono::seconds(70)), plan.withdrawn_watch);
}

RevertOf revert_of(const Plan& plan, std::string run) {
    const bool is_revert = !plan.reverts.empty();
    const bool was_there = std::ranges::find(plan.names_before, plan.common_name) != plan.names_before.end();
    RevertOf of{.run = std::move(run),
                .common_name = plan.common_name,
                .added = is_revert ? plan.withdraws : !was_there,
                .marked = is_revert ? plan.marked : plan.method == "configmap",
                .masters = {}};
    for (const auto& master : plan.masters) {
        of.masters.push_back({.master = master.name,
                              .before = is_revert ? master.sha256_after : master.sha256_before,
                              .after = is_revert ? master.sha256_before : master.sha256_after});
    }
    return of;
}

Plan make_plan(const PlanInput& input) {
    const Facts facts(input);
    Plan plan;
    plan.cluster = input.observation.cluster;
    plan.method = input.method;
    plan.platform = input.observation.platform;
    plan.created = input.now;
    plan.expires = input.now + input.plan_ttl;
    plan.configuration_sha256 = input.configuration_sha256;
    plan.after_repair = input.after_repair;
    plan.verify_requests = input.verify_requests;
    plan.verify_timeout = input.verify_timeout;
    plan.settle = input.settle;
    plan.readyz_hold = input.readyz_hold;
    plan.withdrawn_watch = input.withdrawn_watch;
    if (facts.is_revert()) {
        plan.reverts = input.reverts->run;
        plan.common_name = input.reverts->common_name;
        plan.withdraws = input.reverts->added;
        plan.marked = input.reverts->marked;
    }
    if (nothing_to_do(facts)) return plan;
    if (!facts.is_revert()) plan.findings = stored_findings(facts);
    plan.refusals = ask_all_gates(facts);
    plan.risks = describe_risks(facts, plan);
    if (plan.refused()) return plan;

    fill_bindings(facts, plan);
    fill_masters(facts, plan);
    plan.baseline = read_baseline(facts, plan);
    plan.risks = describe_risks(facts, plan);
    for (auto& master : plan.masters) master.steps = describe_steps(plan, master, &master == &plan.masters.front());
    plan.steps = describe_list_steps(plan);
    plan.after = describe_after(plan);
    plan.verify = describe_verify(plan);
    plan.not_undone = describe_not_undone(facts, plan);
    plan.permanent = describe_permanent(plan);
    plan.id = content_id(plan);
    return plan;
}

}  // namespace aggmedic::remediate
