#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/time.hpp"
#include "probes/certificate.hpp"
#include "probes/seen.hpp"

// What one master shows over SSH, read-only.
namespace aggmedic::probes {

struct FileFacts {
    std::string path, resolved;  // as configured; after following links
    std::string sha256;
    std::uint64_t size = 0;
    std::string owner, group, mode;                    // mode in octal: 0640
    std::optional<TimePoint> modified = std::nullopt;  // by the master's clock; nullopt: not told
    bool operator==(const FileFacts&) const = default;
};

// The flags of a kube-apiserver command line that judgements need, in order; a flag given twice has two values.
using Flags = std::map<std::string, std::vector<std::string>>;

struct Arguments {
    std::size_t count = 0;  // without the program, empty ones not counted
    std::string sha256;     // of the non-empty ones, each followed by NUL
    Flags flags;            // only those of known_flags()
    bool operator==(const Arguments&) const = default;
};
// Reads argv (without the program): `--flag=value`, `--flag value`, bare `--flag` (value "true" is not invented: empty
// string).
Arguments read_arguments(const std::vector<std::string>& argv);
bool is_known_flag(std::string_view flag);
// The names of a --requestheader-allowed-names value as kube-apiserver splits it (CSV with double quotes; a flag given
// twice adds up).
std::vector<std::string> allowed_names(const Flags& flags);

struct ProcessFacts {
    std::int64_t pid = 0;
    std::uint64_t start_ticks = 0;  // field 22 of /proc/<pid>/stat: with the boot id, the process's identity
    std::string executable;
    Arguments arguments;
    // By the master's clock, so that it compares with file times; nullopt: not told.
    std::optional<TimePoint> started_at = std::nullopt;
    bool operator==(const ProcessFacts&) const = default;
};

struct ServiceState {
    std::string name;
    std::string status;    // monit's text
    bool running = false;  // `running` or `OK`, monitored, nothing pending
    bool pending = false;
    std::optional<std::int64_t> pid;
    bool operator==(const ServiceState&) const = default;
};
struct SupervisorState {
    std::string dialect;  // monit-5.2.5, monit-5.33, systemd, kubelet
    std::vector<ServiceState> services;
    std::string trouble =
        {};  // why no restart may be asked of it, as a sentence's half; empty: nothing speaks against it
    bool operator==(const SupervisorState&) const = default;
};

// A file that a flag names.
struct NamedFile {
    std::string flag, path;
    bool exists = false;
    bool readable = false;                             // by the apiserver's user
    std::vector<Certificate> certificates;             // CERTIFICATE blocks only; empty for keys
    std::optional<TimePoint> modified = std::nullopt;  // by the master's clock; nullopt: not told
    bool operator==(const NamedFile&) const = default;
};

// A TCP connect from a master to a backend of an aggregated API, tried by the master itself.
struct BackendReach {
    std::string apiservice;
    std::string address;  // host:port
    std::string kind;     // cluster-ip, pod
    std::string outcome;  // connected, refused, timeout, no-route, failed
    bool operator==(const BackendReach&) const = default;
};

// When the agent unpacked the job that holds the arguments file, against that file's own times: by the master's clock.
struct UnpackedJob {
    std::size_t files = 0;        // of the job beside the arguments file
    TimePoint oldest_change{};    // of their inodes: no later than the agent's last hand on the job
    TimePoint newest_modified{};  // of their contents
    TimePoint file_changed{};     // the arguments file's inode
    bool operator==(const UnpackedJob&) const = default;
};

// One master seen over SSH, read-only.
struct MasterView {
    std::string master;
    std::string platform;  // bosh, kubeadm, systemd; or one that is never edited: k3s, rke, none, several, ...
    std::string boot_id;
    std::string hostname{};  // empty: not told
    double uptime_seconds = 0;
    std::int64_t clock_offset_ms = 0;
    FileFacts args_file;                      // the file that an edit would change
    std::vector<FileFacts> other_files = {};  // of a unit: the others that say how it is started
    Seen<Arguments> file_arguments;           // malformed_reply: the file is not understood
    std::string file_text_fault;              // why, when it is not
    Seen<ProcessFacts> process;
    bool file_equals_process = false;          // same non-empty arguments in the same order
    std::vector<std::string> differing_flags;  // names only
    std::vector<NamedFile> files;
    Seen<SupervisorState> supervisor;
    std::uint64_t disk_free_bytes = 0;
    std::uint64_t memory_available_bytes = 0;
    std::string lock;                  // text of /run/aggmedic/lock, empty: none
    std::vector<std::string> backups;  // old bytes that a run left beside the file

    // Facts that an older helper does not bring: not-asked then.
    Seen<std::vector<BackendReach>> backends;
    // *_proxy and no_proxy of the live process, by lower-case name; userinfo was cut off on the master.
    Seen<std::map<std::string, std::string>> proxy_environment;
    Seen<bool> proxy_key_matches;  // --proxy-client-key-file belongs to the certificate (public-key digests compared)
    Seen<bool> permanent_fix_present;  // the script or job that repeats the repair after a recreate is on this VM
    Seen<UnpackedJob> unpacked_job;
    // Why the last starts of kube-apiserver failed, as ids: ca-overlap (1.35: requestheader and client CA share a
    // certificate and the allowed names are empty), unknown-flag, unreadable-file.
    Seen<std::vector<std::string>> start_faults;
    bool operator==(const MasterView&) const = default;
};

}  // namespace aggmedic::probes
