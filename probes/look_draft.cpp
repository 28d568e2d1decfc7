#include "probes/look_draft.hpp"

#include <algorithm>
#include <map>

#include "probes/kubelet_status.hpp"
#include "probes/platform.hpp"

namespace aggmedic::probes {

namespace {

std::string_view base_name(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Where the apiserver's own arguments start in argv; 0: this is no apiserver. An interpreter or hyperkube names it
// second.
std::size_t apiserver_arguments(const std::vector<std::string>& argv) {
    for (std::size_t at = 0; at < 2 && at < argv.size(); ++at) {
        const auto word = base_name(argv[at]);
        if (word == "kube-apiserver" || (at == 1 && word == "apiserver" && base_name(argv[0]) == "hyperkube"))
            return at + 1;
    }
    return 0;
}

bool descends(const std::vector<LookedProcess>& processes, const LookedProcess& from, std::int64_t ancestor) {
    auto pid = from.pid;
    for (int steps = 0; steps < 64; ++steps) {
        if (pid == ancestor) return true;
        const auto at = std::ranges::find(processes, pid, &LookedProcess::pid);
        if (at == processes.end()) return false;
        pid = at->parent;
    }
    return false;
}

const char* no_pid(std::string_view platform) {
    if (platform == "bosh") return "there is no pid file";
    if (platform == "systemd") return "systemd tells no main process of kube-apiserver.service";
    if (platform == "kubeadm") return "there is not exactly one kube-apiserver process";
    return "how it is started is not known";
}

// The supervised apiserver: the process of the pid file, or the one below it that runs the apiserver.
Seen<const LookedProcess*> choose_process(const LookDraft& draft) {
    if (!draft.pid) return Unobserved{.reason = "not-found", .detail = no_pid(draft.look.view.platform)};
    std::vector<const LookedProcess*> found;
    for (const auto& process : draft.processes) {
        if (apiserver_arguments(process.argv) == 0 || !descends(draft.processes, process, *draft.pid)) continue;
        if (process.pid == *draft.pid) return &process;
        found.push_back(&process);
    }
    if (found.size() == 1) return found.front();
    return Unobserved{.reason = "not-found",
                      .detail = (found.empty() ? "no kube-apiserver" : "several kube-apiservers") +
                                std::string(" at or below pid ") + std::to_string(*draft.pid)};
}

std::map<std::string, std::vector<std::string>> by_name(const std::vector<std::string>& argv) {
    std::map<std::string, std::vector<std::string>> flags;
    for (const auto& word : argv) {
        if (word.empty()) continue;
        const auto equals = word.find('=');
        flags[word.substr(0, equals)].push_back(equals == std::string::npos ? "" : word.substr(equals));
    }
    return flags;
}

// Names only: a value may be a secret.
std::vector<std::string> differing(const std::vector<std::string>& file, const std::vector<std::string>& process) {
    const auto a = by_name(file), b = by_name(process);
    std::set<std::string> names;
    const auto compare = [&](const auto& one, const auto& other) {
        for (const auto& [flag, values] : one) {
            const auto at = other.find(flag);
            if (at != other.end() && at->second == values) continue;
            names.insert(flag.starts_with("--") ? flag.substr(2) : "(a value by itself)");
        }
    };
    compare(a, b);
    compare(b, a);
    return {names.begin(), names.end()};
}

// Of a unit's files the one that an edit would change.
void choose_file(LookDraft& draft, std::size_t chosen) {
    for (std::size_t at = 0; at < draft.source_facts.size(); ++at) {
        auto& facts = draft.source_facts[at];
        const auto modified = draft.modified.find(facts.resolved);
        if (modified != draft.modified.end()) facts.modified = modified->second;
        if (at == chosen) {
            draft.look.view.args_file = facts;
        } else {
            draft.look.view.other_files.push_back(facts);
        }
    }
}

void read_arguments_of_file(LookDraft& draft, const std::vector<std::string>* live) {
    auto& view = draft.look.view;
    const auto* platform = find_platform(view.platform);
    const auto line = platform != nullptr ? platform->read(draft.look.sources)
                                          : fail(Errc::invalid_argument, "the platform is not one that is read");
    choose_file(draft, line ? file_of_flag(*line, "requestheader-allowed-names").value_or(0) : 0);
    if (!line) {
        view.file_arguments = unobserved(line.error());
        view.file_text_fault = line.error().detail;
        return;
    }
    const auto argv = line->arguments();
    view.file_arguments = read_arguments(argv);
    if (live == nullptr) return;
    view.file_equals_process = view.file_arguments->sha256 == view.process->arguments.sha256;
    if (!view.file_equals_process) view.differing_flags = differing(argv, *live);
    if (!view.file_equals_process && view.differing_flags.empty()) view.differing_flags = {"(the order)"};
}

// Field 22 counts from the boot, and so does the uptime.
std::optional<TimePoint> started_at(const LookDraft& draft, std::uint64_t start_ticks) {
    const auto hertz = static_cast<double>(draft.ticks_per_second);
    const double seconds_ago = draft.look.view.uptime_seconds - static_cast<double>(start_ticks) / hertz;
    if (!(seconds_ago > -60 && seconds_ago < 1e10)) return std::nullopt;
    return TimePoint(std::chrono::milliseconds(draft.clock_ms - static_cast<std::int64_t>(seconds_ago * 1000)));
}

void add_file_times(LookDraft& draft) {
    const auto time_of = [&](const std::string& path) -> std::optional<TimePoint> {
        const auto at = draft.modified.find(path);
        return at == draft.modified.end() ? std::nullopt : std::optional(at->second);
    };
    auto& view = draft.look.view;
    view.args_file.modified = time_of(view.args_file.resolved);
    for (auto& file : view.files) file.modified = time_of(file.path);
}

}  // namespace

void assemble(LookDraft& draft, TimePoint asked, TimePoint answered) {
    auto& view = draft.look.view;
    add_file_times(draft);
    if (!draft.dialled_all) view.backends = Unobserved{.reason = "not-found", .detail = "neither bash nor curl there"};
    const auto middle = asked + (answered - asked) / 2;
    view.clock_offset_ms = draft.clock_ms - middle.time_since_epoch().count();
    std::vector<std::string> live;
    const auto chosen = choose_process(draft);
    if (chosen) {
        const auto& process = **chosen;
        live.assign(process.argv.begin() + static_cast<std::ptrdiff_t>(apiserver_arguments(process.argv)),
                    process.argv.end());
        view.process = ProcessFacts{.pid = process.pid,
                                    .start_ticks = process.start_ticks,
                                    .executable = process.argv.front(),
                                    .arguments = read_arguments(live),
                                    .started_at = started_at(draft, process.start_ticks)};
    } else {
        view.process = chosen.why();
    }
    if (draft.file_missing) {
        view.file_arguments = Unobserved{.reason = "not-found", .detail = draft.missing_reason};
    } else {
        read_arguments_of_file(draft, view.process ? &live : nullptr);
    }
    if (draft.kubelet) view.supervisor = kubelet_state(*draft.kubelet, view, draft.clock_ms);
}

}  // namespace aggmedic::probes
