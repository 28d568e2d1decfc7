#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

// The house rules that a link line cannot keep: Asio is header-only, and an include of a higher floor compiles.
namespace {

namespace fs = std::filesystem;

// Lowest first; a folder may use those before it.
constexpr std::array<std::string_view, 5> floors{"net", "probes", "remediate", "bosh", "daemon"};

// The functional core: values in, values out. A new file of probes/ belongs to it unless it is listed here as shell.
const std::set<std::string> probes_shell{
    "observe",    "observe_aside", "observe_blast_radius", "observe_workloads", "observe_control_plane",
    "questions",  "attempts",      "cluster_connections",  "exchange",          "ask",
    "time_canary"};
// Of the other floors the core is listed.
const std::map<std::string, std::set<std::string>> core{
    {"net", {"result", "time", "text", "redact", "redact_words", "known_hosts", "http_message"}},
    {"remediate",
     {"allowed_names", "control_plane", "diff", "drift", "edit", "guard", "guards", "hold", "json_path",
      "master_changes", "meltdown", "plan", "published_list", "repair_window", "run_walk", "start_guard",
      "verify_request"}},
    {"bosh", {"ops_file", "runtime_config", "pre_start"}},
};

const fs::path root = AGGMEDIC_ROOT;

bool is_source(const fs::path& path) {
    return path.extension() == ".hpp" || path.extension() == ".cpp";
}

std::vector<fs::path> sources_below(const fs::path& folder) {
    std::vector<fs::path> found;
    if (!fs::exists(root / folder)) return found;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
        if (entry.is_regular_file() && is_source(entry.path())) found.push_back(fs::relative(entry.path(), root));
    }
    std::ranges::sort(found);
    return found;
}

std::string text_of(const fs::path& path) {
    std::ifstream in(root / path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::vector<std::string> includes_of(const std::string& text) {
    static const std::regex include(R"(^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"])", std::regex::multiline);
    std::vector<std::string> found;
    for (std::sregex_iterator at(text.begin(), text.end(), include), end; at != end; ++at) found.push_back((*at)[1]);
    return found;
}

std::string without_comments(const std::string& text) {
    static const std::regex comment("//[^\n]*");
    return std::regex_replace(text, comment, "");
}

bool is_core(const fs::path& path) {
    const auto folder = path.begin()->string();
    if (folder == "probes") return !probes_shell.contains(path.stem().string());
    const auto listed = core.find(folder);
    return listed != core.end() && listed->second.contains(path.stem().string());
}

std::vector<fs::path> core_files() {
    std::vector<fs::path> found;
    for (const auto floor : floors) {
        for (const auto& path : sources_below(floor)) {
            if (is_core(path)) found.push_back(path);
        }
    }
    return found;
}

// All headers that a file brings in, project ones followed; each with the file that included it.
std::map<std::string, std::string> everything_included(const fs::path& path) {
    std::map<std::string, std::string> found;
    std::vector<std::string> open{path.string()};
    while (!open.empty()) {
        const auto file = open.back();
        open.pop_back();
        for (const auto& header : includes_of(text_of(file))) {
            if (!found.try_emplace(header, file).second) continue;
            if (fs::exists(root / header)) open.push_back(header);
        }
    }
    return found;
}

bool does_io(const std::string& header) {
    static const std::regex io(
        R"(^(boost/(asio|beast|process)/.*|boost/(asio|beast|process)\.hpp|libssh/.*|sqlite3\.h|openssl/ssl\.h|sys/socket\.h|fstream|thread|systemd/.*|spdlog/.*))");
    return std::regex_match(header, io);
}

}  // namespace

TEST(Architecture, FindsTheSources) {
    EXPECT_GT(core_files().size(), 30U);
    EXPECT_GT(sources_below("net").size(), 10U);
}

TEST(Architecture, NoFloorIncludesAHigherOne) {
    for (std::size_t floor = 0; floor < floors.size(); ++floor) {
        for (const auto& path : sources_below(floors[floor])) {
            for (const auto& header : includes_of(text_of(path))) {
                for (std::size_t higher = floor + 1; higher < floors.size(); ++higher) {
                    EXPECT_FALSE(header.starts_with(std::string(floors[higher]) + "/"))
                        << path << " includes " << header;
                }
            }
        }
    }
}

TEST(Architecture, TheModelsKnowNeitherProbesNorRemedies) {
    for (const auto& path : sources_below("tests/model")) {
        for (const auto& header : includes_of(text_of(path))) {
            EXPECT_FALSE(header.starts_with("probes/") || header.starts_with("remediate/"))
                << path << " includes " << header;
        }
    }
}

TEST(Architecture, TheCoreIncludesNothingThatDoesInputOrOutput) {
    for (const auto& path : core_files()) {
        for (const auto& [header, by] : everything_included(path)) {
            EXPECT_FALSE(does_io(header)) << path << " brings in " << header << " (included by " << by << ")";
        }
    }
}

TEST(Architecture, TheCoreReadsNoClockAndLogsNothing) {
    static const std::regex forbidden(
        R"((_clock::now|\btime\(nullptr\)|\btime\(0\)|clock_gettime|gettimeofday|std::cerr|std::cout|\bgetenv\b|random_device))");
    for (const auto& path : core_files()) {
        const auto text = without_comments(text_of(path));
        std::smatch match;
        EXPECT_FALSE(std::regex_search(text, match, forbidden)) << path << " uses " << match.str();
    }
}

TEST(Architecture, NoTargetLinksUpwards) {
    for (std::size_t floor = 0; floor < floors.size(); ++floor) {
        const auto text = text_of(fs::path(floors[floor]) / "CMakeLists.txt");
        for (std::size_t higher = floor + 1; higher < floors.size(); ++higher) {
            EXPECT_EQ(text.find("aggmedic_" + std::string(floors[higher])), std::string::npos)
                << floors[floor] << "/CMakeLists.txt";
        }
    }
}
