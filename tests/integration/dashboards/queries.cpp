#include "tests/integration/dashboards/queries.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace aggmedic::dashboards {
namespace {

void collect(const nlohmann::json& panels, std::vector<Query>& queries) {
    for (const auto& panel : panels) {
        for (const auto& target : panel.value("targets", nlohmann::json::array())) {
            queries.push_back({.panel = panel.value("title", ""), .expression = target.at("expr").get<std::string>()});
        }
        collect(panel.value("panels", nlohmann::json::array()), queries);  // a collapsed row holds its panels
    }
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

}  // namespace

std::vector<Query> read_queries(std::string_view dashboard_json) {
    std::vector<Query> queries;
    collect(nlohmann::json::parse(dashboard_json).at("panels"), queries);
    return queries;
}

std::string substitute(std::string expression, std::map<std::string, std::string> values) {
    values.try_emplace("__rate_interval", "1m");
    for (const auto& [name, value] : values) {
        replace_all(expression, "${" + name + "}", value);
        replace_all(expression, "$" + name, value);
    }
    return expression;
}

}  // namespace aggmedic::dashboards
