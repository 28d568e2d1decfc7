#include "remediate/plan_words.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"
#include "remediate/api_state.hpp"
#include "remediate/platform_words.hpp"
#include "remediate/verify_request.hpp"

namespace aggmedic::remediate {
namespace {

std::string seconds(std::chrono::milliseconds duration) {
    return fmt::format("{} s", std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

bool adds_to_configmap(const Plan& plan) {
    return std::ranges::find(plan.names_before, plan.common_name) == plan.names_before.end();
}

constexpr const char* get_published = "kubectl -n kube-system get configmap extension-apiserver-authentication -o yaml";

PlanStep restart_pods_step(const Plan& plan) {
    std::string command = "nothing is configured";
    if (!plan.after_repair.empty()) command.clear();
    for (const auto& pods : plan.after_repair) {
        command += fmt::format("{}kubectl -n {} delete pod -l {} (one pod at a time)", command.empty() ? "" : "; ",
                               pods.namespace_, pods.selector);
    }
    return {
        .step = "after_repair", .command = command, .undo = "", .check = "only for servers that still fail by then"};
}

std::string quoted_list(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + printable(name, 128);
    return text;
}

std::string list_apis(const Plan& plan) {
    std::string text;
    for (const auto& api : apis_to_heal(plan)) text += (text.empty() ? "" : ", ") + printable(api, 128);
    return text.empty() ? "every aggregated API" : text;
}

}  // namespace

bool only_grows(const std::string& kubernetes) {
    constexpr int union_since = 17;  // k/k#82705: the ConfigMap is a union and only grows
    const auto minor = kubernetes_minor(kubernetes);
    return !minor || *minor >= union_since;
}

std::vector<PlanStep> describe_steps(const Plan& plan, const MasterPlan& master, bool is_canary) {
    const std::string restart = restart_words(plan.platform);
    const std::string limit = seconds(plan.verify_timeout);
    std::vector<PlanStep> steps{
        {.step = "lock",
         .command = "hold /run/aggmedic/lock on every master (15 min, renewed)",
         .undo = "release it",
         .check = "nobody else holds it, and no run has left old bytes beside the file"},
        {.step = "check",
         .command = "look at every master again, and ask each one's /readyz, for the etcd members, and for webhooks",
         .undo = "",
         .check =
             "file, process, certificates, ConfigMap are as this plan says, every master is ready, every etcd member "
             "healthy, and no webhook that fails closed without a backend"},
        {.step = "swap",
         .command = "put the line of the diff into " + master.resolved + " (temporary file, fsync, rename)",
         .undo = fmt::format("mv {} {}", kept_bytes(plan.platform, master.resolved), master.resolved),
         .check = fmt::format("sha256sum {} is {}, owner {}:{} and mode {} are kept", master.resolved,
                              master.sha256_after, master.owner, master.group, master.mode)},
        {.step = "restart", .command = restart, .undo = restart, .check = "accepted; that proves nothing yet"},
        {.step = "process",
         .command = process_words(plan.platform),
         .undo = "",
         .check = "a new process with " + master.argument_after + " within " + limit + ", running, nothing pending"},
        {.step = "ready",
         .command = "GET https://" + master.address + "/readyz",
         .undo = "",
         .check = fmt::format(
             "200 three times over {} on fresh connections, the same process, its address in the endpoints of "
             "default/kubernetes, all jobs running",
             seconds(plan.readyz_hold))},
    };
    const bool is_revert = !plan.reverts.empty();
    if (!is_revert) {
        steps.push_back({.step = "published",
                         .command = get_published,
                         .undo = "",
                         .check = "requestheader-allowed-names holds " + plan.common_name});
    }
    steps.push_back({.step = "aggregated",
                     .command = "ask every aggregated API through " + master.name,
                     .undo = "",
                     .check = is_revert && !only_grows(plan.kubernetes)
                                  ? "nothing: up to Kubernetes 1.16 the name goes with the arguments"
                                  : "none is worse than before (grace 120 s)"});
    if (is_canary && !is_revert) {
        steps.push_back(restart_pods_step(plan));
    }
    if (!is_revert) {
        steps.push_back(
            {.step = "healed",
             .command = "ask " + list_apis(plan) + " through " + master.name,
             .undo = "",
             .check = is_canary && !plan.verify_requests.empty()
                          ? "each answers as the caller, not as the certificate; the requests of `verify` pass"
                          : "each answers as the caller, not as the certificate"});
    }
    if (&master != &plan.masters.back()) {
        steps.push_back({.step = "settle",
                         .command = "wait " + seconds(plan.settle) + ", asking the server address's /readyz",
                         .undo = "",
                         .check = "200 every time"});
    }
    return steps;
}

std::vector<PlanStep> describe_list_steps(const Plan& plan) {
    const std::string patch =
        "merge PATCH of kube-system/extension-apiserver-authentication with its resourceVersion, first dryRun=All, at "
        "most 5 times again after a conflict: requestheader-allowed-names becomes ";
    const PlanStep lock{.step = "lock",
                        .command = "hold /run/aggmedic/lock on every master (15 min, renewed)",
                        .undo = "release it",
                        .check = "nobody else holds it"};
    const PlanStep check{.step = "check",
                         .command = "look at every master again, and ask each one's /readyz",
                         .undo = "",
                         .check =
                             "file, process, certificates, ConfigMap are as this plan says, and every master is "
                             "ready"};
    const std::string watch = seconds(plan.withdrawn_watch);
    if (plan.method == "configmap") {
        return {lock,
                check,
                {.step = "add_name",
                 .command = patch + quoted_list(plan.names_after) + "; the annotation aggmedic/added names " +
                            plan.common_name,
                 .undo = "the same PATCH without the name, watched for " + watch,
                 .check = "the answer holds exactly this list"},
                {.step = "kept",
                 .command = get_published,
                 .undo = "",
                 .check = fmt::format("requestheader-allowed-names holds {} after {} and after {}", plan.common_name,
                                      seconds(kept_first(plan)), seconds(kept_last(plan)))},
                {.step = "aggregated",
                 .command = "ask every aggregated API through " + plan.untouched.front().name,
                 .undo = "",
                 .check = "none is worse than before (grace 120 s)"},
                restart_pods_step(plan)};
    }
    if (!plan.withdraws) return {};
    std::vector<PlanStep> steps;
    if (plan.masters.empty()) steps = {lock, check};
    steps.push_back({.step = "withdraw",
                     .command = "look at every master again, then " + patch + quoted_list(plan.names_after),
                     .undo = "",
                     .check = "no live process and no file on any master holds " + plan.common_name +
                              ", stopped ones included; one that cannot be read needs a person"});
    steps.push_back({.step = "withdrawn",
                     .command = get_published,
                     .undo = "",
                     .check = plan.common_name + " stays away for " + watch});
    return steps;
}

std::vector<std::string> describe_after(const Plan& plan) {
    if (plan.method != "args") return {};
    std::vector<std::string> after{"After the first master (the canary) the ConfigMap must carry " + plan.common_name +
                                   "."};
    for (const auto& pods : plan.after_repair) {
        after.push_back(
            fmt::format("Servers that still fail by then are restarted: pods {} in namespace {}, one at a time.",
                        pods.selector, pods.namespace_));
    }
    after.push_back("Then " + list_apis(plan) + " must answer through the canary" +
                    (plan.verify_requests.empty() ? "" : ", and the requests of `verify` must pass through it,") +
                    " before another master is touched.");
    return after;
}

std::vector<std::string> describe_verify(const Plan& plan) {
    std::vector<std::string> verify;
    if (!plan.masters.empty())
        verify.push_back(plan.reverts.empty()
                             ? "Every changed master runs the new arguments, and its file has the new digest."
                             : "Every changed master runs the old arguments, and its file has the old digest.");
    if (plan.withdraws) verify.push_back("The ConfigMap does not hold " + plan.common_name + ".");
    if (!plan.reverts.empty()) return verify;
    verify.push_back(list_apis(plan) + " answers through every master as the caller.");
    for (const auto& request : plan.verify_requests) verify.push_back(describe_verify_request(request));
    return verify;
}

std::vector<std::string> describe_not_undone(const Facts& facts, const Plan& plan) {
    std::vector<std::string> lines;
    if (!plan.reverts.empty()) return lines;
    if (plan.method == "configmap") {
        lines.push_back(
            "Taking the name out of the ConfigMap again does not reach extension API servers that read it "
            "at their start: they keep it until they restart.");
    } else if (adds_to_configmap(plan) && only_grows(plan.kubernetes)) {
        lines.push_back(
            "The name " + plan.common_name +
            " in the ConfigMap kube-system/extension-apiserver-authentication, once a master has published it: taking "
            "it out is a step of its own, done only where no live process and no file on any master holds it, and " +
            std::string(facts.input.has_repair_credential ? "with credentials.repair."
                                                          : "by hand, since this cluster has no credentials.repair."));
        lines.push_back("Extension API servers that have read it keep it until they reload or restart.");
    }
    if (!plan.after_repair.empty()) lines.push_back("Pods that after_repair restarted.");
    return lines;
}

}  // namespace aggmedic::remediate
