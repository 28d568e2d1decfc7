#include <algorithm>
#include <charconv>

#include "net/text.hpp"
#include "remediate/guard.hpp"

// Gates about each master as it is now: seen, ready, supervised, ours to lock, its file one that can be edited.
namespace aggmedic::remediate {
namespace {

Refusal refusal(std::string_view gate, const std::string& master, std::string reason) {
    return {.gate = std::string(gate), .subject = master, .reason = std::move(reason)};
}

bool consists_of(std::string_view text, std::string_view more) {
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || more.contains(c);
    });
}

// The helper takes no other path, and a lock, a journal or a terminal gets no other word.
bool is_plain_path(std::string_view path) {
    return path.starts_with('/') && consists_of(path, "/._+-") && !path.contains("//") && !path.contains("/../") &&
           !path.contains("/./") && !path.ends_with("/..");
}

std::string_view words_of(std::string_view start_fault) {
    if (start_fault == "ca-overlap") return "a requestheader CA is a client CA too, and no names are allowed";
    if (start_fault == "unknown-flag") return "it does not know a flag";
    if (start_fault == "unreadable-file") return "a file could not be read";
    if (start_fault == "key-mismatch") return "a private key does not belong to its certificate";
    return start_fault;
}

// Whether the file that the edit changes is the one that everything else of the plan is about, and one that stays.
std::optional<Refusal> edit_is_lasting(const Facts& facts, const std::string& master, const EditResult& edit) {
    const auto& file = facts.view(master)->args_file;
    const auto& source = facts.input.sources.at(master).at(edit.file);
    if (!source.path.empty() && source.path != file.path)
        return refusal("edit", master, "Which of its files holds the list cannot be told for certain.");
    if (file.resolved.starts_with("/run/")) {
        return refusal("edit", master,
                       "Its list stands in " + printable(file.resolved, 256) +
                           ", which is made anew at each boot: put it into a file under /etc.");
    }
    return std::nullopt;
}

// What the last starts ended with, where the helper found it in the log.
std::string why_it_does_not_start(const probes::MasterView& view) {
    std::string text;
    if (!view.start_faults) return text;
    for (const auto& fault : *view.start_faults)
        text += (text.empty() ? " Its last start failed: " : "; ") + printable(words_of(fault), 128);
    return text.empty() ? text : text + ".";
}

}  // namespace

bool lock_is_live(const probes::MasterView& view) {
    const auto words = split(view.lock, ' ');
    if (words.size() < 5) return !view.lock.empty();  // not ours to read: somebody's
    if (words[3] != view.boot_id) return false;
    std::uint64_t expiry = 0;
    std::from_chars(words[4].data(), words[4].data() + words[4].size(), expiry);
    return static_cast<double>(expiry) > view.uptime_seconds;
}

std::optional<Refusal> gate_master_seen(const Facts& facts, const std::string& master) {
    const auto found = facts.input.observation.masters.find(master);
    if (found != facts.input.observation.masters.end() && found->second) return std::nullopt;
    std::string why = "nobody looked";
    if (found != facts.input.observation.masters.end())
        why = printable(found->second.why().reason + " " + found->second.why().detail, 256);
    return refusal("master-seen", master,
                   "It could not be read over SSH (" + why + "): every master must be, before any is touched.");
}

std::optional<Refusal> gate_master_ready(const Facts& facts, const std::string& master) {
    const auto* apiserver = facts.apiserver(master);
    if (apiserver != nullptr && apiserver->readyz && apiserver->readyz->status == 200) return std::nullopt;
    const bool answered = apiserver != nullptr && apiserver->readyz && apiserver->readyz->status != 0;
    return refusal("master-ready", master,
                   answered
                       ? "Its own /readyz answers " + std::to_string(apiserver->readyz->status) + ": it must be ready."
                       : std::string("Its own /readyz is not known: it must answer 200."));
}

std::optional<Refusal> gate_facts_readable(const Facts& facts, const std::string& master) {
    const auto* view = facts.view(master);
    if (view == nullptr) return std::nullopt;
    const auto& file = view->args_file;
    const bool plain = is_plain_path(file.path) && is_plain_path(file.resolved) && consists_of(file.owner, "_.-") &&
                       consists_of(file.group, "_.-") && consists_of(file.mode, "") && consists_of(view->boot_id, "-");
    if (plain) return std::nullopt;
    return refusal("facts-readable", master,
                   "The path, owner or mode of its arguments file is not one that aggmedic works with.");
}

std::optional<Refusal> gate_process(const Facts& facts, const std::string& master) {
    const auto* view = facts.view(master);
    if (view == nullptr || view->process) return std::nullopt;
    return refusal("process", master,
                   "Its kube-apiserver process was not found (" + printable(view->process.why().detail, 256) + ")." +
                       why_it_does_not_start(*view));
}

std::optional<Refusal> gate_supervisor(const Facts& facts, const std::string& master) {
    const auto* view = facts.view(master);
    if (view == nullptr) return std::nullopt;
    if (!view->supervisor) {
        return refusal("supervisor", master,
                       "Its supervisor's state is not known (" + printable(view->supervisor.why().detail, 256) + ").");
    }
    if (const auto& trouble = view->supervisor->trouble; !trouble.empty()) {
        return refusal("supervisor", master, "Its supervisor could not be asked for a restart: " + trouble + ".");
    }
    const auto& services = view->supervisor->services;
    if (std::ranges::find(services, "kube-apiserver", &probes::ServiceState::name) == services.end()) {
        return refusal("supervisor", master, "Its supervisor does not know kube-apiserver.");
    }
    for (const auto& service : services) {
        if (service.running && !service.pending) continue;
        return refusal("supervisor", master,
                       "Its job " + printable(service.name, 64) + " is `" + printable(service.status, 64) + "`" +
                           (service.pending ? ", with an action pending" : "") + ": all jobs of the VM must run.");
    }
    return std::nullopt;
}

std::optional<Refusal> gate_lock(const Facts& facts, const std::string& master) {
    const auto* view = facts.view(master);
    if (view == nullptr || view->lock.empty() || !lock_is_live(*view)) return std::nullopt;
    return refusal("locked", master,
                   "Another run holds /run/aggmedic/lock (" + printable(view->lock, 160) +
                       "): let it end; it runs out in 15 minutes.");
}

std::optional<Refusal> gate_backup(const Facts& facts, const std::string& master) {
    const auto* view = facts.view(master);
    if (view == nullptr || view->backups.empty()) return std::nullopt;
    return refusal("old-bytes-left", master,
                   "An earlier run left the file's old bytes in " + printable(view->backups.front(), 256) +
                       ": compare it with the file, keep the right one, and remove it.");
}

std::optional<Refusal> gate_edit(const Facts& facts, const std::string& master) {
    if (facts.input.method == "configmap" || !facts.common_name) return std::nullopt;
    if (!facts.calls_for_repair() && !facts.is_revert()) return std::nullopt;
    const auto edit = facts.edits.find(master);
    if (edit == facts.edits.end()) {
        const auto* view = facts.view(master);
        if (view == nullptr || !view->process) return std::nullopt;
        return refusal("edit", master, "The bytes of its arguments file were not read.");
    }
    const auto answer = edit->second.answer;
    if (answer == EditAnswer::changed) return edit_is_lasting(facts, master, edit->second);
    if (answer == EditAnswer::already_right) return std::nullopt;
    return refusal("edit", master, std::string(name(answer)) + ": " + printable(edit->second.reason, 512));
}

}  // namespace aggmedic::remediate
