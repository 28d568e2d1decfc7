#include "tests/lab/monit_config.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/lab/world.hpp"

namespace aggmedic::lab {
namespace {

std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> words;
    std::istringstream stream(line);
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

std::vector<std::string> quoted_command(const std::string& line) {
    const auto open = line.find('"'), close = line.rfind('"');
    return open == close ? std::vector<std::string>() : words_of(line.substr(open + 1, close - open - 1));
}

void read_jobs(const std::filesystem::path& file, MonitConfig& config) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        const auto words = words_of(line);
        if (words.size() >= 3 && words[0] == "check" && words[1] == "process")
            config.jobs.push_back({.name = words[2], .pid_file = {}, .start = {}, .stop = {}});
        if (config.jobs.empty() || words.size() < 3) continue;
        if (words[0] == "with" && words[1] == "pidfile") config.jobs.back().pid_file = words[2];
        if (words[0] == "start") config.jobs.back().start = quoted_command(line);
        if (words[0] == "stop") config.jobs.back().stop = quoted_command(line);
    }
}

}  // namespace

MonitConfig read_monit_config(const std::string& file) {
    MonitConfig config;
    std::istringstream lines(read_file(file));
    for (std::string line; std::getline(lines, line);) {
        const auto words = words_of(line);
        const auto address = std::ranges::find(words, "address");
        if (address != words.end() && address + 1 != words.end()) config.address = *(address + 1);
        if (words.size() < 2 || words[0] != "include") continue;
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(words[1]).parent_path())) {
            if (entry.path().extension() == ".monitrc") files.push_back(entry.path());
        }
        std::ranges::sort(files);
        for (const auto& job : files) read_jobs(job, config);
    }
    return config;
}

pid_t pid_of(const MonitJob& job) {
    std::ifstream file(job.pid_file);
    pid_t pid = 0;
    file >> pid;
    return file ? pid : 0;
}

std::chrono::seconds pid_age(const MonitJob& job) {
    std::error_code missing;
    const auto written = std::filesystem::last_write_time(job.pid_file, missing);
    if (missing) return std::chrono::seconds(0);
    return std::chrono::duration_cast<std::chrono::seconds>(std::filesystem::file_time_type::clock::now() - written);
}

}  // namespace aggmedic::lab
