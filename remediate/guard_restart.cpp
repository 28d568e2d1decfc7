#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"
#include "remediate/guard.hpp"

// Gates about the restart: would this master come back, and bring nothing but our change (design 6.1)?
namespace aggmedic::remediate {
namespace {

constexpr std::uint64_t disk_free_min = std::uint64_t{64} << 20;
constexpr std::uint64_t memory_available_min = std::uint64_t{256} << 20;

Refusal refusal(std::string_view gate, const std::string& master, std::string reason) {
    return {.gate = std::string(gate), .subject = master, .reason = std::move(reason)};
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + printable(word, 64);
    return text;
}

bool is_bundle(std::string_view flag) {
    return flag.contains("ca-file") || flag.contains("cafile") || flag.contains("authority");
}

bool in_date(const probes::Certificate& certificate, TimePoint now) {
    return certificate.not_before <= now && now < certificate.not_after;
}

// Of a unit's files, which say more than the arguments, one that is newer than the process; empty: none.
std::string file_since_start(const probes::MasterView& view) {
    if (view.platform != "systemd" || !view.process->started_at) return {};
    const auto is_newer = [&](const probes::FileFacts& file) {
        return file.modified && *file.modified > *view.process->started_at;
    };
    if (is_newer(view.args_file)) return view.args_file.resolved;
    const auto found = std::ranges::find_if(view.other_files, is_newer);
    return found == view.other_files.end() ? std::string() : found->resolved;
}

// A restart is asked for where the file has to change; the preflight asks for all.
bool concerns(const Facts& facts, const std::string& master) {
    return facts.view(master) != nullptr && facts.is_to_change(master);
}

}  // namespace

std::optional<Refusal> gate_unapplied_edits(const Facts& facts, const std::string& master) {
    const auto* view = facts.view(master);
    if (view == nullptr || !view->process) return std::nullopt;
    if (!view->file_arguments) {
        return refusal("unapplied-edits", master,
                       "Its arguments file is not understood: " + printable(view->file_text_fault, 256));
    }
    if (view->file_equals_process) {
        const auto newer = file_since_start(*view);
        if (newer.empty() || !facts.is_to_change(master)) return std::nullopt;
        return refusal("unapplied-edits", master,
                       printable(newer, 256) +
                           " was changed after the process had started: beside the arguments, which are the same, a "
                           "restart would activate that too. Restart it first.");
    }
    const auto live = probes::allowed_names(view->process->arguments.flags);
    const bool lacks = facts.common_name && std::ranges::find(live, *facts.common_name) == live.end();
    // It is not restarted, and carries the name. After a revert every one has to run what its file holds.
    if (!facts.is_revert() && !facts.is_to_change(master) && !lacks) return std::nullopt;
    return refusal("unapplied-edits", master,
                   "Its file and its live process differ in " + joined(view->differing_flags) +
                       ": a restart would activate that too. Restart it or take the edit back first.");
}

std::optional<Refusal> gate_named_files(const Facts& facts, const std::string& master) {
    if (!concerns(facts, master)) return std::nullopt;
    for (const auto& file : facts.view(master)->files) {
        if (file.exists && file.readable) continue;
        return refusal(
            "named-files", master,
            fmt::format("The file of --{} ({}) {}: the process would not start again.", printable(file.flag, 64),
                        printable(file.path, 256), file.exists ? "cannot be read by its user" : "does not exist"));
    }
    return std::nullopt;
}

std::optional<Refusal> gate_proxy_key(const Facts& facts, const std::string& master) {
    if (!concerns(facts, master)) return std::nullopt;
    const auto& matches = facts.view(master)->proxy_key_matches;
    if (!matches || *matches) return std::nullopt;
    return refusal("proxy-key", master,
                   "The key of --proxy-client-key-file does not belong to the proxy-client certificate: the process "
                   "would not start again. Put the right pair there first.");
}

std::optional<Refusal> gate_certificates_in_date(const Facts& facts, const std::string& master) {
    if (!concerns(facts, master)) return std::nullopt;
    const auto now = facts.input.now;
    for (const auto& file : facts.view(master)->files) {
        if (file.certificates.empty()) continue;
        // A bundle may keep old CAs; of a certificate's own file the first one is used.
        const bool good =
            is_bundle(file.flag)
                ? std::ranges::any_of(file.certificates, [&](const auto& each) { return in_date(each, now); })
                : in_date(file.certificates.front(), now);
        if (good) continue;
        return refusal(
            "certificates-in-date", master,
            "The certificate of --" + printable(file.flag, 64) + " is outside its validity period: renew it first.");
    }
    return std::nullopt;
}

std::optional<Refusal> gate_disk(const Facts& facts, const std::string& master) {
    if (!concerns(facts, master) || facts.view(master)->disk_free_bytes >= disk_free_min) return std::nullopt;
    return refusal("disk-room", master, "Less than 64 MiB are free where its arguments file is.");
}

std::optional<Refusal> gate_memory(const Facts& facts, const std::string& master) {
    if (!concerns(facts, master) || facts.view(master)->memory_available_bytes >= memory_available_min)
        return std::nullopt;
    return refusal("memory-room", master, "Less than 256 MiB of memory are available.");
}

// AGG-04, k/k#131411: from 1.35 on kube-apiserver exits at start when a requestheader CA is a client CA and no names
// are given.
std::optional<Refusal> gate_starts_under_1_35(const Facts& facts, const std::string& master) {
    const auto* view = facts.view(master);
    if (view == nullptr || !view->process) return std::nullopt;
    const auto certificates = [&](std::string_view flag) {
        std::vector<std::string> found;
        for (const auto& file : view->files) {
            if (file.flag != flag) continue;
            for (const auto& certificate : file.certificates) found.push_back(certificate.sha256);
        }
        return found;
    };
    if (!probes::allowed_names(view->process->arguments.flags).empty()) return std::nullopt;
    const auto requestheader = certificates("requestheader-client-ca-file");
    const auto client = certificates("client-ca-file");
    const bool shared = std::ranges::any_of(
        requestheader, [&](const std::string& sha256) { return std::ranges::find(client, sha256) != client.end(); });
    if (!shared) return std::nullopt;
    return refusal("apiserver-refuses-start", master,
                   "From Kubernetes 1.35 on it would not start: a requestheader CA is also a client CA and "
                   "--requestheader-allowed-names is empty. Set the names to the CN in use, or separate the CAs.");
}

}  // namespace aggmedic::remediate
