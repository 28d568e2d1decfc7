#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "probes/look.hpp"

// The facts of one look, line by line, and how they become a MasterView.
namespace aggmedic::probes {

// One process line: `process PID PPID START_TICKS b64(cmdline)`.
struct LookedProcess {
    std::int64_t pid = 0, parent = 0;
    std::uint64_t start_ticks = 0;
    std::vector<std::string> argv;
};

// How the kubelet stands to the manifest.
struct LookedKubelet {
    bool runs = false;
    std::string static_pod_path;           // where it looks for manifests; empty: it does not tell
    std::int64_t changed_seconds_ago = 0;  // since the manifest was put there
    bool same_file_system = false;
    std::string runtime;                           // empty: no container runtime runs
    std::map<std::string, bool> static_pods = {};  // the other manifests of kubeadm, and whether their process runs
};

// Everything of one look, before it is put together.
struct LookDraft {
    Look look;
    bool file_missing = false;
    std::string missing_reason;
    std::optional<std::int64_t> pid;
    std::vector<FileFacts> source_facts;  // of Look::sources, in their order
    std::optional<LookedKubelet> kubelet;
    std::vector<LookedProcess> processes;
    std::set<std::string, std::less<>> seen;  // keys that may come once
    std::int64_t clock_ms = 0;
    std::int64_t ticks_per_second = 100;
    std::map<std::string, TimePoint> modified;  // by path, of the master's clock
    bool dialled_all = true;                    // a master without bash and curl cannot dial
    std::string fault;

    bool refuse(std::string why) {
        if (fault.empty()) fault = std::move(why);
        return false;
    }
};

// Chooses the supervised apiserver, reads the arguments of file and process, and compares them.
void assemble(LookDraft& draft, TimePoint asked, TimePoint answered);

}  // namespace aggmedic::probes
