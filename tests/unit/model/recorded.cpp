#include "tests/unit/model/recorded.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace aggmedic::model::recorded {

std::string text(std::string_view file) {
    std::ifstream stream(std::string(AGGMEDIC_FIXTURES) + "/" + std::string(file), std::ios::binary);
    if (!stream) throw std::runtime_error("no fixture " + std::string(file));
    std::ostringstream all;
    all << stream.rdbuf();
    return all.str();
}

std::vector<std::string> lines(std::string_view file) {
    std::istringstream stream(text(file));
    std::vector<std::string> all;
    for (std::string line; std::getline(stream, line);) all.push_back(line);
    return all;
}

Answer answer(std::string_view file) {
    const std::string all = text(file);
    const bool crlf = all.find("\r\n\r\n") != std::string::npos;
    const std::string end = crlf ? "\r\n\r\n" : "\n\n";
    const auto body_at = all.find(end);
    std::istringstream head(all.substr(0, body_at));
    Answer answer;
    std::string line;
    std::getline(head, line);
    answer.status = std::stoi(line.substr(line.find(' ') + 1));
    while (std::getline(head, line)) {
        if (line.ends_with('\r')) line.pop_back();
        const auto colon = line.find(':');
        answer.headers.push_back({line.substr(0, colon), line.size() > colon + 2 ? line.substr(colon + 2) : ""});
    }
    answer.body = all.substr(body_at + end.size());
    return answer;
}

std::vector<std::string> comparable_headers(const Answer& answer) {
    std::vector<std::string> lines;
    for (const auto& header : answer.headers) {
        const bool varies = header.name == "Audit-Id" || header.name == "Date";
        lines.push_back(header.name + ": " + (varies ? "*" : header.value));
    }
    return lines;
}

}  // namespace aggmedic::model::recorded
