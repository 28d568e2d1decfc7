#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace aggmedic::dashboards {

struct Query {
    std::string panel;  // title of the panel that asks it
    std::string expression;
};

// Every query of a Grafana dashboard, its variables as they are written.
std::vector<Query> read_queries(std::string_view dashboard_json);

// Puts values in for $name and ${name}; Grafana's own $__rate_interval becomes a minute unless a value is given.
std::string substitute(std::string expression, std::map<std::string, std::string> values);

}  // namespace aggmedic::dashboards
