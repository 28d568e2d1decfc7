#include "daemon/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <set>
#include <sstream>

#include "net/text.hpp"

namespace aggmedic::daemon {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr std::size_t label_bytes_max = 200;

double seconds_of(TimePoint time) {
    return static_cast<double>(time.time_since_epoch().count()) / 1000.0;
}

// What comes from a network is made printable before it becomes a label.
ClientMetric::Label label(std::string name, std::string_view value) {
    return {.name = std::move(name), .value = printable(value, label_bytes_max)};
}

class Family {
  public:
    Family(MetricType type, std::string name, std::string help) {
        family_.type = type;
        family_.name = std::move(name);
        family_.help = std::move(help);
    }

    void add(Labels labels, double value) {
        ClientMetric metric;
        metric.label = std::move(labels);
        metric.gauge.value = value;
        metric.counter.value = value;
        family_.metric.push_back(std::move(metric));
    }

    void add(Labels labels, const std::vector<double>& bounds, const Durations::Histogram& histogram) {
        ClientMetric metric;
        metric.label = std::move(labels);
        std::uint64_t cumulative = 0;
        for (std::size_t index = 0; index < histogram.counts.size(); ++index) {
            cumulative += histogram.counts[index];
            const double bound = index < bounds.size() ? bounds[index] : std::numeric_limits<double>::infinity();
            metric.histogram.bucket.push_back({.cumulative_count = cumulative, .upper_bound = bound});
        }
        metric.histogram.sample_count = cumulative;
        metric.histogram.sample_sum = histogram.sum;
        family_.metric.push_back(std::move(metric));
    }

    // A family without a series is not shown: a HELP alone says nothing.
    void move_to(std::vector<MetricFamily>& families) {
        if (!family_.metric.empty()) families.push_back(std::move(family_));
    }

  private:
    MetricFamily family_;
};

Family gauge(std::string name, std::string help) {
    return {MetricType::Gauge, std::move(name), std::move(help)};
}
Family counter(std::string name, std::string help) {
    return {MetricType::Counter, std::move(name), std::move(help)};
}

void add_apiservers(const std::vector<ClusterMetrics>& clusters, std::vector<MetricFamily>& families) {
    auto up = gauge("aggmedic_apiserver_up",
                    "Whether the apiserver's own /readyz answered 200 in the last cycle; master \"\" is the cluster's "
                    "server address.");
    auto api_up = gauge(
        "aggmedic_aggregated_api_up",
        "Whether every discovery attempt at the aggregated API through this apiserver answered 200 in the last cycle.");
    auto status = gauge(
        "aggmedic_aggregated_api_status_code",
        "Highest HTTP status of the last cycle's discovery attempts at the aggregated API through this apiserver.");
    auto responses =
        counter("aggmedic_aggregated_api_responses_total",
                "Answers of the aggregated API through this apiserver, by HTTP status or by the reason of none.");
    for (const auto& cluster : clusters) {
        const auto cluster_label = label("cluster", cluster.name);
        if (cluster.last) {
            for (const auto& [master, is_up] : cluster.last->apiserver_up) {
                up.add({cluster_label, label("master", master)}, is_up ? 1 : 0);
            }
            for (const auto& api : cluster.last->apis) {
                const Labels labels = {cluster_label, label("master", api.master), label("apiservice", api.apiservice)};
                if (api.up) api_up.add(labels, *api.up ? 1 : 0);
                if (api.status_code) status.add(labels, *api.status_code);
            }
        }
        for (const auto& [key, count] : cluster.counters.responses) {
            const auto& [master, apiservice, code] = key;
            responses.add(
                {cluster_label, label("master", master), label("apiservice", apiservice), label("code", code)},
                static_cast<double>(count));
        }
    }
    for (auto* family : {&up, &api_up, &status, &responses}) family->move_to(families);
}

void add_identity(const std::vector<ClusterMetrics>& clusters, std::vector<MetricFamily>& families) {
    auto allowed = gauge("aggmedic_proxy_client_cn_allowed",
                         "Whether extension API servers accept the CN of the master's proxy-client certificate, by the "
                         "published ConfigMap.");
    auto not_after = gauge("aggmedic_proxy_client_certificate_not_after_timestamp_seconds",
                           "When the master's proxy-client certificate ends.");
    auto masked = gauge("aggmedic_identity_masked",
                        "Whether the aggregated API saw the proxy certificate's identity in place of the caller's.");
    auto shared = gauge(
        "aggmedic_requestheader_ca_shared",
        "Whether a published requestheader CA is also a client CA, which makes the allow-list an impersonation grant.");
    auto permanent = gauge("aggmedic_permanent_fix_present",
                           "Whether the allowed name that the proxy-client certificate needs would be there after BOSH "
                           "recreated a master.");
    for (const auto& cluster : clusters) {
        if (!cluster.last) continue;
        const auto cluster_label = label("cluster", cluster.name);
        for (const auto& certificate : cluster.last->proxy_certificates) {
            const auto master = label("master", certificate.master);
            allowed.add({cluster_label, master, label("cn", certificate.common_name)}, certificate.allowed ? 1 : 0);
            not_after.add({cluster_label, master}, seconds_of(certificate.not_after));
        }
        for (const auto& [apiservice, is_masked] : cluster.last->masked) {
            masked.add({cluster_label, label("apiservice", apiservice)}, is_masked ? 1 : 0);
        }
        if (cluster.last->shared_ca) shared.add({cluster_label}, *cluster.last->shared_ca ? 1 : 0);
        if (cluster.last->permanent_fix) permanent.add({cluster_label}, *cluster.last->permanent_fix ? 1 : 0);
    }
    for (auto* family : {&allowed, &not_after, &masked, &shared, &permanent}) family->move_to(families);
}

void add_findings(const std::vector<ClusterMetrics>& clusters, std::vector<MetricFamily>& families) {
    auto finding = gauge("aggmedic_finding", "A cause that holds now (raised when seen in 2 cycles of 3); always 1.");
    auto failures = counter("aggmedic_observation_failures_total", "What could not be observed, by probe and reason.");
    auto last = gauge("aggmedic_last_observation_timestamp_seconds", "When the cluster was last observed.");
    for (const auto& cluster : clusters) {
        const auto cluster_label = label("cluster", cluster.name);
        // One cause can concern many APIServices; they are one series.
        std::set<std::tuple<std::string, std::string, std::string>> causes;
        for (const auto& raised : cluster.findings) {
            causes.emplace(raised.master, raised.cause, std::string(probes::name(raised.severity)));
        }
        for (const auto& [master, cause, severity] : causes) {
            finding.add({cluster_label, label("master", master), label("cause", cause), label("severity", severity)},
                        1);
        }
        for (const auto& [key, count] : cluster.counters.failures) {
            failures.add({cluster_label, label("probe", key.first), label("reason", key.second)},
                         static_cast<double>(count));
        }
        if (cluster.last) last.add({cluster_label}, seconds_of(cluster.last->at));
    }
    for (auto* family : {&finding, &failures, &last}) family->move_to(families);
}

void add_remediation(const std::vector<ClusterMetrics>& clusters, bool is_suspended,
                     std::vector<MetricFamily>& families) {
    auto runs = counter("aggmedic_remediation_runs_total",
                        "Runs that ended since this process started, by who began them and how they ended.");
    auto in_progress = gauge("aggmedic_remediation_in_progress", "Whether a run is changing this cluster now.");
    auto paused = gauge("aggmedic_remediation_paused", "Whether a person has paused repairs of this cluster.");
    auto suspended = gauge("aggmedic_remediation_suspended",
                           "Whether automatic repair has suspended itself because too many clusters broke at once.");
    for (const auto& cluster : clusters) {
        const auto cluster_label = label("cluster", cluster.name);
        for (const auto& [key, count] : cluster.counters.runs) {
            runs.add({cluster_label, label("trigger", key.first), label("outcome", key.second)},
                     static_cast<double>(count));
        }
        in_progress.add({cluster_label}, cluster.run_in_progress ? 1 : 0);
        paused.add({cluster_label}, cluster.paused ? 1 : 0);
    }
    suspended.add({}, is_suspended ? 1 : 0);
    for (auto* family : {&runs, &in_progress, &paused, &suspended}) family->move_to(families);
}

void add_automatic(const std::vector<ClusterMetrics>& clusters, std::vector<MetricFamily>& families) {
    auto waits = gauge("aggmedic_plan_waiting", "Whether a plan that was made by itself waits to be applied.");
    auto guards = gauge("aggmedic_start_guard_refusing",
                        "A guard that keeps automatic repair of the cluster from starting now; always 1.");
    auto gates = gauge("aggmedic_plan_gate_refusing",
                       "A gate that refused the last plan which was to be made by itself; always 1.");
    auto drifted = gauge("aggmedic_master_drifted",
                         "A master that a run repaired and that holds the old arguments again; always 1.");
    for (const auto& cluster : clusters) {
        const auto cluster_label = label("cluster", cluster.name);
        waits.add({cluster_label}, cluster.plan_waits ? 1 : 0);
        for (const auto& guard : cluster.start_guards) guards.add({cluster_label, label("guard", guard)}, 1);
        for (const auto& gate : cluster.plan_gates) gates.add({cluster_label, label("gate", gate)}, 1);
        for (const auto& master : cluster.drifted) drifted.add({cluster_label, label("master", master)}, 1);
    }
    for (auto* family : {&waits, &guards, &gates, &drifted}) family->move_to(families);
}

void add_durations(const Metrics& metrics, std::vector<MetricFamily>& families) {
    const auto add = [&](const Durations* durations, const char* name, const char* help, const char* label_name) {
        if (durations == nullptr) return;
        Family family(MetricType::Histogram, name, help);
        for (const auto& [value, histogram] : durations->histograms()) {
            family.add({label(label_name, value)}, durations->bounds(), histogram);
        }
        family.move_to(families);
    };
    add(metrics.probe_durations, "aggmedic_probe_duration_seconds",
        "How long an answered exchange took, by probe; masters and cycle: a look at the masters, a whole cycle.",
        "probe");
    add(metrics.step_durations, "aggmedic_remediation_step_duration_seconds", "How long a step of a run took.", "step");
}

void add_process(const ProcessMetrics& process, std::vector<MetricFamily>& families) {
    const auto add = [&](Family family, double value) {
        family.add({}, value);
        family.move_to(families);
    };
    const auto whole = [](std::uint64_t value) { return static_cast<double>(value); };
    add(counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds."), process.cpu_seconds);
    add(gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds."),
        process.start_time_seconds);
    add(gauge("process_resident_memory_bytes", "Resident memory size in bytes."), whole(process.resident_bytes));
    add(gauge("process_virtual_memory_bytes", "Virtual memory size in bytes."), whole(process.virtual_bytes));
    add(gauge("process_open_fds", "Number of open file descriptors."), whole(process.open_fds));
    add(gauge("process_max_fds", "Maximum number of open file descriptors."), whole(process.max_fds));
}

}  // namespace

void Durations::observe(const std::string& label, double seconds) {
    auto& histogram = histograms_[label];
    histogram.counts.resize(bounds_.size() + 1);
    const auto bucket = std::ranges::lower_bound(bounds_, seconds) - bounds_.begin();
    ++histogram.counts[static_cast<std::size_t>(bucket)];
    histogram.sum += seconds;
}

std::string render(const Metrics& metrics) {
    std::vector<MetricFamily> families;
    auto build = gauge("aggmedic_build_info", "The running version; always 1.");
    build.add({label("version", AGGMEDIC_VERSION)}, 1);
    build.move_to(families);
    add_apiservers(metrics.clusters, families);
    add_identity(metrics.clusters, families);
    add_findings(metrics.clusters, families);
    add_remediation(metrics.clusters, metrics.suspended, families);
    add_automatic(metrics.clusters, families);
    add_durations(metrics, families);
    auto successful = gauge("aggmedic_config_last_reload_successful",
                            "Whether the configuration on disk was accepted when it was last read.");
    successful.add({}, metrics.reload_successful ? 1 : 0);
    successful.move_to(families);
    auto at = gauge("aggmedic_config_last_reload_success_timestamp_seconds", "When a configuration was last accepted.");
    if (metrics.reloaded_at) at.add({}, seconds_of(*metrics.reloaded_at));
    at.move_to(families);
    if (metrics.process) add_process(*metrics.process, families);
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, families);
    return std::move(text).str();
}

}  // namespace aggmedic::daemon
