#include "remediate/plan_words.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"
#include "remediate/api_state.hpp"

namespace aggmedic::remediate {
namespace {

constexpr int union_since = 17;  // k/k#82705: the ConfigMap is a union and only grows

std::string seconds(std::chrono::milliseconds duration) {
    return fmt::format("{} s", std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

bool only_grows(const std::string& kubernetes) {
    const auto minor = kubernetes_minor(kubernetes);
    return !minor || *minor >= union_since;
}

bool adds_to_configmap(const Plan& plan) {
    return std::ranges::find(plan.names_before, plan.common_name) == plan.names_before.end();
}

Risk note(std::string id, std::string text) {
    return {
        .id = std::move(id), .text = std::move(text), .needs_acceptance = false, .accepted = true, .accepted_by = {}};
}
Risk to_accept(const Facts& facts, std::string id, const std::string& ca, std::string text) {
    const auto* acceptance = facts.acceptance(id, ca);
    return {.id = std::move(id),
            .text = std::move(text),
            .needs_acceptance = true,
            .accepted = acceptance != nullptr,
            .accepted_by = acceptance != nullptr ? acceptance->by : ""};
}

bool is_masked(const Plan& plan) {
    return std::ranges::any_of(plan.findings, [](const auto& finding) { return finding.cause == "identity-collapse"; });
}

std::string list_apis(const Plan& plan) {
    std::string text;
    for (const auto& api : apis_to_heal(plan)) text += (text.empty() ? "" : ", ") + printable(api, 128);
    return text.empty() ? "every aggregated API" : text;
}

}  // namespace

std::vector<Risk> describe_risks(const Facts& facts, const Plan& plan) {
    std::vector<Risk> risks;
    for (const auto& ca : facts.shared_ca_sha256) {
        risks.push_back(to_accept(facts, "shared-ca", ca,
                                  fmt::format("The CA with SHA-256 fingerprint {} signs requestheader and client "
                                              "certificates alike. With {} on the list, whoever "
                                              "holds a certificate of this CA with that CN can act as any user at the "
                                              "apiservers and the extension API servers.",
                                              ca, facts.common_name.value_or("this CN"))));
    }
    if (facts.input.masters.size() == 1) {
        risks.push_back(to_accept(
            facts, "single-master", {},
            "There is one master: while it restarts the whole Kubernetes API is away, and nothing else is there to "
            "fall back on."));
    }
    if (only_grows(plan.kubernetes)) {
        risks.push_back(note("outlives-rollback",
                             "The ConfigMap is a union over all masters that nothing shrinks: once one master has "
                             "published the name it is "
                             "effective for all of them, and restoring the arguments does not take it back."));
    } else {
        risks.push_back(note("last-start-wins",
                             "Up to Kubernetes 1.16 the master that starts last decides what is published: until all "
                             "masters carry the name, "
                             "a restart of one that does not takes it away again."));
    }
    if (is_masked(plan)) {
        risks.push_back(note(
            "masked-identity-ends",
            "Callers stop acting as the proxy-client certificate, which may be in system:masters. What worked only "
            "because of "
            "that will answer 403, and a missing permission of the extension API server itself (AGG-18) may surface."));
    }
    risks.push_back(note("extension-restart",
                         "Extension API servers built on libraries before Kubernetes 1.19 read the published names "
                         "only at their start and "
                         "answer as before until then (AGG-32)" +
                             std::string(plan.after_repair.empty() ? "; no after_repair is configured for this cluster."
                                                                   : "; after_repair restarts the configured ones.")));
    risks.push_back(note("temporary",
                         "A file on a BOSH VM lives until a template changes or the VM is recreated. Make it "
                         "permanent: aggmedic bosh ops-file " +
                             plan.cluster + ", or aggmedic bosh runtime-config " + plan.cluster + "."));
    risks.push_back(
        note("not-looked-at",
             "Neither the etcd members nor fail-closed admission webhooks are looked at: either can keep a "
             "starting apiserver from publishing what it should. See for yourself that every etcd member is "
             "healthy."));
    risks.push_back(note("restart-brings-nothing-else",
                         "On every master that is restarted the file's arguments equal those of the live process: the "
                         "restart activates this "
                         "one change and no other edit."));
    return risks;
}

std::vector<PlanStep> describe_steps(const Plan& plan, const MasterPlan& master, bool is_canary) {
    const std::string folder = master.resolved.substr(0, master.resolved.rfind('/'));
    const std::string leaf = master.resolved.substr(master.resolved.rfind('/') + 1);
    const std::string restart = "sudo /var/vcap/bosh/bin/monit restart kube-apiserver";
    const std::string limit = seconds(plan.verify_timeout);
    std::vector<PlanStep> steps{
        {.step = "lock",
         .command = "hold /run/aggmedic/lock on every master (15 min, renewed)",
         .undo = "release it",
         .check = "nobody else holds it, and no run has left old bytes beside the file"},
        {.step = "check",
         .command = "look at every master again, and ask each one's /readyz",
         .undo = "",
         .check = "file, process, certificates, ConfigMap are as this plan says, and every master is ready"},
        {.step = "swap",
         .command = "put the line of the diff into " + master.resolved + " (temporary file, fsync, rename)",
         .undo = fmt::format("mv {}/.{}.aggmedic-RUN {}", folder, leaf, master.resolved),
         .check = fmt::format("sha256sum {} is {}, owner {}:{} and mode {} are kept", master.resolved,
                              master.sha256_after, master.owner, master.group, master.mode)},
        {.step = "restart", .command = restart, .undo = restart, .check = "accepted; that proves nothing yet"},
        {.step = "process",
         .command = "sudo /var/vcap/bosh/bin/monit status; read /proc/PID/cmdline",
         .undo = "",
         .check = "a new process with " + master.argument_after + " within " + limit + ", running, nothing pending"},
        {.step = "ready",
         .command = "GET https://" + master.address + "/readyz",
         .undo = "",
         .check = fmt::format(
             "200 three times over {} on fresh connections, the same process, its address in the endpoints of "
             "default/kubernetes, all jobs running",
             seconds(plan.readyz_hold))},
        {.step = "published",
         .command = "kubectl -n kube-system get configmap extension-apiserver-authentication -o yaml",
         .undo = "",
         .check = "requestheader-allowed-names holds " + plan.common_name},
        {.step = "aggregated",
         .command = "ask every aggregated API through " + master.name,
         .undo = "",
         .check = "none is worse than before (grace 120 s)"},
    };
    if (is_canary) {
        std::string command = "nothing is configured";
        if (!plan.after_repair.empty()) command.clear();
        for (const auto& pods : plan.after_repair) {
            command += fmt::format("{}kubectl -n {} delete pod -l {} (one pod at a time)", command.empty() ? "" : "; ",
                                   pods.namespace_, pods.selector);
        }
        steps.push_back({.step = "after_repair",
                         .command = command,
                         .undo = "",
                         .check = "only for servers that still fail by then"});
    }
    steps.push_back({.step = "healed",
                     .command = "ask " + list_apis(plan) + " through " + master.name,
                     .undo = "",
                     .check = "each answers as the caller, not as the certificate"});
    if (&master != &plan.masters.back()) {
        steps.push_back({.step = "settle",
                         .command = "wait " + seconds(plan.settle) + ", asking the server address's /readyz",
                         .undo = "",
                         .check = "200 every time"});
    }
    return steps;
}

std::vector<std::string> describe_after(const Plan& plan) {
    std::vector<std::string> after{"After the first master (the canary) the ConfigMap must carry " + plan.common_name +
                                   "."};
    for (const auto& pods : plan.after_repair) {
        after.push_back(
            fmt::format("Servers that still fail by then are restarted: pods {} in namespace {}, one at a time.",
                        pods.selector, pods.namespace_));
    }
    after.push_back("Then " + list_apis(plan) + " must answer through the canary before another master is touched.");
    return after;
}

std::vector<std::string> describe_verify(const Plan& plan) {
    std::vector<std::string> verify{"Every changed master runs the new arguments, and its file has the new digest.",
                                    list_apis(plan) + " answers through every master as the caller."};
    for (const auto& request : plan.verify_requests) {
        verify.push_back(
            fmt::format("GET {} through every master answers {}.", printable(request.get, 256), request.expect_status));
    }
    return verify;
}

std::vector<std::string> describe_not_undone(const Plan& plan) {
    std::vector<std::string> lines;
    if (adds_to_configmap(plan) && only_grows(plan.kubernetes)) {
        lines.push_back(
            "The name " + plan.common_name +
            " in the ConfigMap kube-system/extension-apiserver-authentication, once a master has published it.");
        lines.push_back("Extension API servers that have read it keep it until they reload or restart.");
    }
    if (!plan.after_repair.empty()) lines.push_back("Pods that after_repair restarted.");
    return lines;
}

}  // namespace aggmedic::remediate
