#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "net/time.hpp"
#include "probes/finding.hpp"
#include "probes/observation.hpp"
#include "remediate/journal.hpp"

// What /metrics shows, as values. Each scrape is rendered from them anew, so that a series disappears with its subject;
// a value that is not known is left out, never 0.
namespace aggmedic::daemon {

// How one aggregated API fared through one apiserver in the last cycle.
struct AggregatedApiFacts {
    std::string master, apiservice;
    std::optional<bool> up;  // unknown while that apiserver is not ready itself
    std::optional<unsigned> status_code;
};

struct ProxyCertificateFacts {
    std::string master, common_name;
    bool allowed = false;
    TimePoint not_after{};
};

// What one observation says, as far as metrics show it.
struct ObservationFacts {
    TimePoint at{};
    std::map<std::string, bool> apiserver_up;  // by master; "" is the server address
    std::vector<AggregatedApiFacts> apis;
    std::vector<ProxyCertificateFacts> proxy_certificates;
    std::map<std::string, bool> masked;  // by APIService
    std::optional<bool> shared_ca;
    std::optional<bool> permanent_fix;
};
ObservationFacts facts_of(const probes::Observation& observation);

// What only ever grows, for one cluster.
struct ClusterCounters {
    std::map<std::tuple<std::string, std::string, std::string>, std::uint64_t> responses;  // master, apiservice, code
    std::map<std::pair<std::string, std::string>, std::uint64_t> failures;                 // probe, reason
    std::map<std::pair<std::string, std::string>, std::uint64_t> runs;                     // trigger, outcome

    // Adds one observation, and forgets masters and APIServices that it shows to be gone.
    void count(const probes::Observation& observation);
    void count(const remediate::RunRecord& finished) { ++runs[{finished.trigger, finished.outcome}]; }
};

// One histogram for each value of one label.
class Durations {
  public:
    explicit Durations(std::vector<double> bounds) : bounds_(std::move(bounds)) {}
    void observe(const std::string& label, double seconds);

    struct Histogram {
        std::vector<std::uint64_t> counts;  // one more than bounds: +Inf
        double sum = 0;
    };
    const std::vector<double>& bounds() const { return bounds_; }
    const std::map<std::string, Histogram>& histograms() const { return histograms_; }

  private:
    std::vector<double> bounds_;
    std::map<std::string, Histogram> histograms_;
};
void observe_durations(Durations& probe_durations, const probes::Observation& observation);

struct ClusterMetrics {
    std::string name;
    std::optional<ObservationFacts> last;
    std::vector<probes::Finding> findings;  // raised ones
    ClusterCounters counters;
    bool run_in_progress = false;
    bool paused = false;
    bool plan_waits = false;             // made by itself, and not expired
    std::set<std::string> start_guards;  // that refuse automatic repair now
    std::set<std::string> plan_gates;    // that refused the last plan made by itself
    std::set<std::string> drifted;       // masters that a run repaired and that lost it
};

struct ProcessMetrics {
    double cpu_seconds = 0, start_time_seconds = 0;
    std::uint64_t resident_bytes = 0, virtual_bytes = 0, open_fds = 0, max_fds = 0;
};
// Of this process, from /proc/self; nullopt where that cannot be read.
std::optional<ProcessMetrics> read_process();

struct Metrics {
    std::vector<ClusterMetrics> clusters;
    const Durations* probe_durations = nullptr;
    const Durations* step_durations = nullptr;
    bool suspended = false;  // automatic repair, by itself
    bool reload_successful = true;
    std::optional<TimePoint> reloaded_at;  // the last time it succeeded
    std::optional<ProcessMetrics> process;
};

// Prometheus text format 0.0.4, every family with its HELP.
std::string render(const Metrics& metrics);

}  // namespace aggmedic::daemon
