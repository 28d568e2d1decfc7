#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"
#include "remediate/plan_words.hpp"
#include "remediate/platform_words.hpp"
#include "remediate/verify_request.hpp"

// What a plan brings with it and a person must know, or accept, before it starts.
namespace aggmedic::remediate {
namespace {

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

void add_shared_ca(const Facts& facts, const std::string& where, std::vector<Risk>& risks) {
    for (const auto& ca : facts.shared_ca_sha256) {
        risks.push_back(to_accept(facts, "shared-ca", ca,
                                  fmt::format("The CA with SHA-256 fingerprint {} signs requestheader and client "
                                              "certificates alike. With {} on the list, whoever "
                                              "holds a certificate of this CA with that CN can act as any user at {}.",
                                              ca, facts.common_name.value_or("this CN"), where)));
    }
}

void add_single_master(const Facts& facts, std::vector<Risk>& risks) {
    if (facts.input.masters.size() != 1) return;
    risks.push_back(to_accept(
        facts, "single-master", {},
        "There is one master: while it restarts the whole Kubernetes API is away, and nothing else is there to "
        "fall back on."));
}

void add_what_ends(const Plan& plan, std::vector<Risk>& risks) {
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
}

// It keeps automatic repair away (start_guard.hpp); a person decides, and has to know.
void add_changed_lately(const PlanInput& input, std::vector<Risk>& risks) {
    if (!input.changed || input.now - *input.changed >= input.quiet) return;
    risks.push_back(note("changed-lately",
                         fmt::format("A master changed at {} ({}). If that was no run of aggmedic, an upgrade or a "
                                     "recreate may be going on, which takes masters down by itself: see that it has "
                                     "ended before this plan is applied.",
                                     to_rfc3339(*input.changed), printable(input.what_changed, 256))));
}

void add_restart_notes(const Facts& facts, const Plan& plan, std::vector<Risk>& risks) {
    add_changed_lately(facts.input, risks);
    std::vector<std::string> planned;
    for (const auto& master : plan.masters) planned.push_back(master.name);
    auto configured = facts.input.masters;
    std::erase_if(configured,
                  [&](const std::string& master) { return std::ranges::find(planned, master) == planned.end(); });
    if (planned != configured) {
        risks.push_back(note("lease-holder-last",
                             "The masters are restarted in another order than configured: those that hold the lease of "
                             "kube-controller-manager or kube-scheduler go last, as a kube-controller-manager exits "
                             "when it cannot renew its lease."));
    }
    const auto elsewhere = leases_held_elsewhere(facts);
    if (plan.masters.size() > 1 && !elsewhere.empty()) {
        risks.push_back(note("lease-held-elsewhere",
                             fmt::format("Held by a host that is none of the masters by its name: {}. If it is one of "
                                         "them, it is not restarted last.",
                                         fmt::join(elsewhere, ", "))));
    }
    risks.push_back(note("restart-brings-nothing-else",
                         "On every master that is restarted the file's arguments equal those of the live process: the "
                         "restart activates this "
                         "one change and no other edit."));
}

// What is asked for at the end and fails now has to be mended by the repair, or the run ends with a person.
void add_beyond_findings(const Plan& plan, std::vector<Risk>& risks) {
    for (const auto& get : verify_beyond_findings(plan)) {
        risks.push_back(note("verify-beyond-findings",
                             "GET " + printable(get, 256) +
                                 " of `verify` fails now, and it asks no API of the findings. If it fails for another "
                                 "reason, the repair does not mend it, and the run stops and needs a person."));
    }
}

std::vector<Risk> risks_of_args(const Facts& facts, const Plan& plan) {
    std::vector<Risk> risks;
    add_shared_ca(facts, "the apiservers and the extension API servers", risks);
    add_single_master(facts, risks);
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
    add_what_ends(plan, risks);
    risks.push_back(note("temporary", lasts_until(plan)));
    add_restart_notes(facts, plan, risks);
    add_beyond_findings(plan, risks);
    return risks;
}

std::vector<Risk> risks_of_configmap(const Facts& facts, const Plan& plan) {
    std::vector<Risk> risks;
    add_shared_ca(facts, "the extension API servers", risks);
    risks.push_back(note("narrower-grant",
                         "The extension API servers will believe the name. The apiservers themselves will not: their "
                         "arguments stay as they are, so this grants less than --method args does."));
    if (only_grows(plan.kubernetes)) {
        risks.push_back(note("explained-by-no-file",
                             "No master's arguments will account for the name: it stays a finding (unexplained-trust) "
                             "until they do, and a ConfigMap that is deleted comes back without it. " +
                                 make_permanent(plan)));
    } else {
        risks.push_back(note("until-next-master-start",
                             "It heals until the next master start and no longer: up to Kubernetes 1.16 every starting "
                             "master publishes its own arguments over what is there."));
    }
    add_what_ends(plan, risks);
    add_beyond_findings(plan, risks);
    return risks;
}

std::vector<Risk> risks_of_revert(const Facts& facts, const Plan& plan) {
    std::vector<Risk> risks;
    if (std::ranges::any_of(facts.input.masters, [&](const std::string& master) { return facts.is_to_change(master); }))
        add_single_master(facts, risks);
    risks.push_back(note("fails-again",
                         "What the run repaired fails again: without the name extension API servers refuse every "
                         "request that comes through the aggregation layer, or take the caller for the certificate."));
    risks.push_back(note("held-until-restart",
                         "Extension API servers built on libraries before Kubernetes 1.19 go on believing the name "
                         "until they restart. Those that still answer at the end are named; restart their pods."));
    if (!plan.withdraws) {
        risks.push_back(note(
            "name-stays", plan.common_name + " is not taken out of the ConfigMap: it was published before the run."));
    }
    if (std::ranges::any_of(facts.input.masters, [&](const std::string& master) { return facts.is_to_change(master); }))
        add_restart_notes(facts, plan, risks);
    return risks;
}

}  // namespace

std::vector<Risk> describe_risks(const Facts& facts, const Plan& plan) {
    if (facts.is_revert()) return risks_of_revert(facts, plan);
    return plan.method == "configmap" ? risks_of_configmap(facts, plan) : risks_of_args(facts, plan);
}

}  // namespace aggmedic::remediate
