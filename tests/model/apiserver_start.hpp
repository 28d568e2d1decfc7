#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tests/model/generation.hpp"

// In which order a starting kube-apiserver begins to answer (fixtures/recorded/restart/timeline.txt). Aggregated paths
// change their answer three times, and /readyz turns 200 last.
namespace aggmedic::model {

using Seconds = std::chrono::duration<double>;

enum class AggregatedPaths {
    starting,   // 503 JSON `server is starting`, Retry-After 10
    not_found,  // 404 text/plain
    serving     // the aggregator answers
};

struct StartPace {
    double time_scale = 1.0;
    Seconds slower_by{0};  // added before the last readiness check turns, for the slow starts of the lab
};

class ApiserverStart {
  public:
    explicit ApiserverStart(StartPace pace) : pace_(pace) {}

    // The instants, counted from the process's start.
    Seconds port_opens() const;     // from here connections are accepted and requests hang
    Seconds answers_begin() const;  // from here every request gets some answer
    Seconds publishes() const;      // the authentication config is written
    Seconds registers() const;      // the address joins the endpoints of default/kubernetes
    Seconds becomes_ready() const;

    bool flow_schemas_known(Seconds since_start) const;
    bool anonymous_roles_loaded(Seconds since_start) const;
    AggregatedPaths aggregated(Seconds since_start, std::size_t api_index, std::size_t api_count) const;
    std::vector<std::string> failing_checks(Seconds since_start,
                                            std::string_view endpoint) const;       // readyz, healthz, livez
    std::string checks_body(Seconds since_start, std::string_view endpoint) const;  // the verbose text

  private:
    Seconds scaled(double seconds) const { return Seconds(seconds * pace_.time_scale); }
    Seconds passes_at(std::string_view check) const;

    StartPace pace_;
};

}  // namespace aggmedic::model
