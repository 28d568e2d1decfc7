// dashboard_queries DASHBOARD.json URL [name=value...]: asks a Prometheus every query of the dashboard and fails when
// one returns nothing. dashboard_queries DASHBOARD.json --rules: prints the queries as recording rules, for `promtool
// check rules`.
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>

#include "net/text.hpp"
#include "tests/integration/dashboards/queries.hpp"

namespace aggmedic::dashboards {
namespace {

// The exit status and the series that promtool prints, one a line.
int ask(const std::string& url, const std::string& expression, std::string& series) {
    const std::string command = "promtool query instant " + shell_quote(url) + " " + shell_quote(expression) + " 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return -1;
    std::array<char, 4096> buffer{};
    while (const auto size = std::fread(buffer.data(), 1, buffer.size(), pipe)) series.append(buffer.data(), size);
    return pclose(pipe);
}

void print_rules(std::span<const Query> queries) {
    std::cout << "groups:\n- name: dashboard\n  rules:\n";
    for (std::size_t at = 0; at < queries.size(); ++at) {
        std::cout << "  - record: query" << at << "\n    expr: '" << substitute(queries[at].expression, {}) << "'\n";
    }
}

int check(std::span<const Query> queries, const std::string& url, const std::map<std::string, std::string>& values) {
    std::size_t silent = 0;
    for (const auto& query : queries) {
        const auto expression = substitute(query.expression, values);
        std::string series;
        if (ask(url, expression, series) == 0 && series.contains("=>")) continue;
        ++silent;
        std::cerr << "no series: " << query.panel << "\n  " << expression << "\n  " << series << "\n";
    }
    std::cout << queries.size() << " queries, " << silent << " without series\n";
    return queries.empty() || silent > 0 ? 1 : 0;
}

}  // namespace
}  // namespace aggmedic::dashboards

int main(int count, char** words) {
    using namespace aggmedic::dashboards;
    const std::vector<std::string> arguments(words + 1, words + count);
    std::ifstream stream(arguments.empty() ? "" : arguments[0]);
    if (!stream || arguments.size() < 2) {
        std::cerr << "usage: dashboard_queries DASHBOARD.json URL|--rules [name=value...]\n";
        return 2;
    }
    const auto queries = read_queries(std::string{std::istreambuf_iterator<char>(stream), {}});
    if (arguments[1] == "--rules") {
        print_rules(queries);
        return 0;
    }
    std::map<std::string, std::string> values;
    for (const auto& argument : std::span(arguments).subspan(2)) {
        values[argument.substr(0, argument.find('='))] = argument.substr(argument.find('=') + 1);
    }
    return check(queries, arguments[1], values);
}
