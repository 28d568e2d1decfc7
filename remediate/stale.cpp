#include <algorithm>
#include <set>

#include "net/text.hpp"
#include "remediate/guard.hpp"
#include "remediate/plan.hpp"
#include "remediate/projection.hpp"
#include "remediate/verify_request.hpp"

// What moved between a plan and now (design 6.2).
namespace aggmedic::remediate {
namespace {

class Comparison {
  public:
    explicit Comparison(std::string cluster) : cluster_(std::move(cluster)) {}

    void cluster(bool same, const char* what) { expect(same, cluster_, what); }
    void master(bool same, const std::string& name, const char* what) { expect(same, name, what); }
    std::vector<Refusal> take() { return std::move(refusals_); }

  private:
    void expect(bool same, const std::string& subject, const char* what) {
        if (same) return;
        refusals_.push_back({.gate = "stale", .subject = subject, .reason = std::string(what) + ": plan again."});
    }
    std::string cluster_;
    std::vector<Refusal> refusals_;
};

// Of a master that is changed and of one that is not, the same things are bound.
BoundMaster bound(const MasterPlan& master) {
    return {.name = master.name,
            .file = master.file,
            .resolved = master.resolved,
            .owner = master.owner,
            .group = master.group,
            .mode = master.mode,
            .sha256 = master.sha256_before,
            .arguments_sha256 = master.arguments_sha256,
            .proxy_client_sha256 = master.proxy_client_sha256,
            .other_files_sha256 = master.other_files_sha256,
            .boot_id = master.boot_id,
            .pid = master.pid,
            .start_ticks = master.start_ticks};
}

void compare_master(const BoundMaster& then, const Facts& facts, Comparison& compare) {
    const auto* view = facts.view(then.name);
    if (view == nullptr) return compare.master(false, then.name, "It cannot be read any more");
    const auto& file = view->args_file;
    compare.master(file.path == then.file && file.resolved == then.resolved, then.name,
                   "The path of its arguments file changed");
    compare.master(file.sha256 == then.sha256, then.name, "Its arguments file changed");
    compare.master(file.owner == then.owner && file.group == then.group && file.mode == then.mode, then.name,
                   "Owner or mode of its arguments file changed");
    compare.master(digest_of_others(*view) == then.other_files_sha256, then.name, "Another file of its unit changed");
    compare.master(view->boot_id == then.boot_id, then.name, "It was rebooted");
    if (!view->process) return compare.master(false, then.name, "Its process cannot be found any more");
    compare.master(view->process->pid == then.pid && view->process->start_ticks == then.start_ticks, then.name,
                   "Its kube-apiserver was restarted");
    compare.master(view->process->arguments.sha256 == then.arguments_sha256, then.name,
                   "The arguments of its live process changed");
    const auto* proxy = facts.proxy(then.name);
    compare.master((proxy == nullptr ? "" : proxy->leaf.sha256) == then.proxy_client_sha256, then.name,
                   "Its proxy-client certificate changed");
}

void compare_published(const Plan& plan, const Facts& facts, Comparison& compare) {
    const auto* published = facts.published();
    if (published == nullptr) return compare.cluster(false, "The ConfigMap cannot be read any more");
    std::vector<std::string> cas;
    for (const auto& ca : published->requestheader_ca) cas.push_back(ca.sha256);
    compare.cluster(
        published->resource_version == plan.configmap_resource_version && published->allowed_names == plan.names_before,
        "The published authentication config changed");
    compare.cluster(cas == plan.requestheader_ca_sha256, "The published requestheader CA changed");
}

// The leaders of the control plane go last; one that cannot be told refuses by its own gate.
void compare_order(const Plan& plan, const Facts& facts, Comparison& compare) {
    auto now = restart_order(facts);
    const auto is_planned = [&](const std::string& name) {
        return std::ranges::find(plan.masters, name, &MasterPlan::name) != plan.masters.end();
    };
    std::erase_if(now, [&](const std::string& name) { return !is_planned(name); });
    std::vector<std::string> then;
    for (const auto& master : plan.masters) then.push_back(master.name);
    if (gate_lease_holders(facts) || now.size() != then.size()) return;
    compare.cluster(now == then, "The order of the masters is another one, as a lease of the control plane moved");
}

// One that came since has no baseline, so nobody would ask it.
void compare_apis(const Plan& plan, const Facts& facts, Comparison& compare) {
    std::set<std::string> then, now;
    for (const auto& each : plan.baseline) then.insert(each.apiservice);
    for (const auto& api : facts.seen.apis) now.insert(api.apiservice->name);
    compare.cluster((!then.empty() || !plan.reverts.empty()) && then == now,
                    "The aggregated APIs are not those that it was made for");
}

}  // namespace

std::vector<Refusal> stale(const Plan& plan, const PlanInput& now_input) {
    PlanInput input = now_input;
    // A person's acceptance is part of the plan; the configuration's has to hold now.
    for (const auto& accepted : plan.accepted) {
        if (accepted.by != "configuration") input.accepted.push_back(accepted);
    }
    if (!plan.reverts.empty()) input.reverts = revert_of(plan, plan.reverts);
    const Facts facts(input);
    Comparison compare(plan.cluster);
    compare.cluster(input.observation.cluster == plan.cluster, "It is a plan for another cluster");
    compare.cluster(input.now < plan.expires && input.now >= plan.created, "The plan has expired");
    compare.cluster(input.configuration_sha256 == plan.configuration_sha256, "The configuration changed");

    std::vector<std::string> planned;
    for (const auto& master : plan.masters) planned.push_back(master.name);
    for (const auto& master : plan.untouched) planned.push_back(master.name);
    std::ranges::sort(planned);
    std::vector<std::string> configured = input.masters;
    std::ranges::sort(configured);
    compare.cluster(planned == configured, "The list of masters changed");

    compare_order(plan, facts, compare);
    for (const auto& master : plan.masters) compare_master(bound(master), facts, compare);
    for (const auto& master : plan.untouched) compare_master(master, facts, compare);
    compare_published(plan, facts, compare);
    compare_apis(plan, facts, compare);
    auto moved = compare.take();
    for (auto& refusal : verify_answers_moved(plan, input.verify_requests)) moved.push_back(std::move(refusal));
    if (!moved.empty()) return moved;
    // Nothing that is bound has moved; what only has to hold (readiness, room, locks) is asked again.
    return ask_all_gates(facts);
}

}  // namespace aggmedic::remediate
