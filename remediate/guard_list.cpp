#include <algorithm>

#include "net/text.hpp"
#include "remediate/guard.hpp"
#include "remediate/plan_words.hpp"

// Gates about changing the published list itself: with a credential of its own, tried before it is done, and taken back
// only where nobody would put the name there again.
namespace aggmedic::remediate {
namespace {

constexpr int dry_run_since = 13;  // the first Kubernetes minor that answers dryRun=All by default

Refusal refusal(std::string_view gate, const Facts& facts, std::string reason) {
    return {.gate = std::string(gate), .subject = facts.input.observation.cluster, .reason = std::move(reason)};
}

// Up to 1.16 a master that starts with the old arguments publishes them over what is there: nothing has to be changed.
bool goes_by_itself(const Facts& facts) {
    return !only_grows(facts.input.assessment.kubernetes) &&
           std::ranges::any_of(facts.input.masters,
                               [&](const std::string& master) { return facts.is_to_change(master); });
}

bool changes_list(const Facts& facts) {
    return facts.input.method == "configmap" || (facts.withdraws() && !goes_by_itself(facts));
}

bool holds(const probes::Flags& flags, const std::string& name) {
    const auto names = probes::allowed_names(flags);
    return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::optional<Refusal> gate_repair_credential(const Facts& facts) {
    if (facts.input.has_repair_credential || !changes_list(facts)) return std::nullopt;
    return refusal("repair-credential", facts,
                   "The ConfigMap is changed with credentials.repair, and this cluster has none: configure one that "
                   "may get and patch kube-system/extension-apiserver-authentication.");
}

std::optional<Refusal> gate_dry_run(const Facts& facts) {
    if (!changes_list(facts)) return std::nullopt;
    for (const auto& master : facts.input.masters) {
        const auto* apiserver = facts.apiserver(master);
        const auto minor =
            apiserver != nullptr && apiserver->version ? kubernetes_minor(*apiserver->version) : std::nullopt;
        if (!minor || *minor >= dry_run_since) continue;  // an unknown one is refused by kubernetes-version
        return refusal("dry-run", facts,
                       "Before Kubernetes 1.13 a change of the ConfigMap cannot be tried first: " +
                           std::string(facts.is_revert() ? "restart a master, which then publishes its own arguments."
                                                         : "plan with --method args."));
    }
    return std::nullopt;
}

// As the masters will be once their files are taken back: what then still holds the name publishes it again.
std::optional<Refusal> gate_name_held(const Facts& facts) {
    if (!facts.withdraws()) return std::nullopt;
    const auto& name = facts.input.reverts->common_name;
    for (const auto& master : facts.input.masters) {
        const auto* view = facts.view(master);
        if (view == nullptr || facts.is_to_change(master)) continue;  // unseen: refused by master-seen
        const bool in_process = view->process && holds(view->process->arguments.flags, name);
        const bool in_file = view->file_arguments && holds(view->file_arguments->flags, name);
        if (!in_process && !in_file) continue;
        const std::string of = printable(name, 128);
        return Refusal{.gate = "name-held",
                       .subject = master,
                       .reason = in_file ? "This run did not put " + of +
                                               " there, but its arguments file holds it and would publish it again: "
                                               "revert the run that did first, or take it out by hand."
                                         : "Its live process still holds " + of +
                                               ", which its file does not, and would publish it again: restart it, and "
                                               "revert again."};
    }
    return std::nullopt;
}

}  // namespace aggmedic::remediate
