#include "tests/lab/selftest/lab_fixture.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/lab/namespaces.hpp"
#include "tests/lab/supervisor.hpp"

namespace aggmedic::lab {
namespace {

namespace fs = std::filesystem;

fs::path fresh_directory() {
    std::string name = (fs::temp_directory_path() / "aggmedic-lab-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a directory for the lab");
    return name;
}

bool names_directory(const fs::path& file, const std::string& directory) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        if (line.find(directory) != std::string::npos) return true;
    }
    return false;
}

}  // namespace

std::string why_no_lab() {
    return missing_programs(LabSpec{});
}

// In the foreground, as a child: a test that is killed takes its lab with it.
LabUnderTest::LabUnderTest(std::vector<std::string> options) : directory_(fresh_directory()) {
    std::vector<std::string> argv = {LAB_PROGRAM,         "up",           "--foreground", "--keep", "--dir",
                                     directory_.string(), "--time-scale", "0.1"};
    argv.insert(argv.end(), options.begin(), options.end());
    const std::string log = directory_.string() + ".log";
    child_ = spawn({.argv = argv, .environment = {}, .output_file = log, .in_child = {}});
    const auto is_up = [&] { return fs::exists(log) && read_file(log).find("lab up:") != std::string::npos; };
    wait_until([&] { return is_up() || !is_alive(child_); }, std::chrono::minutes(3), std::chrono::milliseconds(50));
    if (!is_up()) {
        end_process(child_, std::chrono::seconds(5));
        throw std::runtime_error("lab up did not come up: " + read_file(log));
    }
    world_ = load_world(directory_);
    join_network(load_running(directory_).supervisor);
}

LabUnderTest::~LabUnderTest() {
    command({"down"});
    end_process(child_, std::chrono::seconds(5));  // it has ended; this only collects it
    fs::remove_all(directory_);
    fs::remove(directory_.string() + ".log");
}

model::Answer LabUnderTest::get(const std::string& address, const std::string& path, const std::string& who) const {
    return ask("GET", address, path, who);
}

model::Answer LabUnderTest::ask(const std::string& method, const std::string& address, const std::string& path,
                                const std::string& who, const std::string& body) const {
    HttpClient client({address, 8443}, TlsAsking{.ca_pem = read_file(world_.pki("ca.pem")),
                                                 .server_name = cluster_name,
                                                 .certificate_file = {},
                                                 .key_file = {}});
    HttpRequest request{.method = method, .target = path, .body = body, .headers = {}, .peer_certificate = {}};
    if (!who.empty())
        request.headers.push_back(
            {"Authorization", "Bearer " + (who == "bad" ? "bad" : read_file(world_.pki(who + ".token")))});
    if (!body.empty()) request.headers.push_back({"Content-Type", "application/merge-patch+json"});
    const auto reply = client.exchange(request, std::chrono::seconds(10));
    return reply ? *reply : model::Answer{.status = 0, .headers = {}, .body = reply.error().text};
}

bool LabUnderTest::eventually(const std::string& address, const std::string& path, const std::string& who,
                              int status) const {
    return wait_until([&] { return get(address, path, who).status == status; }, std::chrono::seconds(60),
                      std::chrono::milliseconds(50));
}

int LabUnderTest::command(std::vector<std::string> words) const {
    std::vector<std::string> argv = {LAB_PROGRAM, words.at(0), "--dir", directory_.string()};
    argv.insert(argv.end(), words.begin() + 1, words.end());
    return run({.argv = argv, .environment = {}, .output_file = directory_.string() + ".log", .in_child = {}});
}

LabUnderTest::Output LabUnderTest::ssh(const std::string& master, const std::string& script) const {
    const std::string file = directory_.string() + ".ssh";
    const int status = run({.argv = {LAB_PROGRAM, "ssh", "--dir", directory_.string(), master, script},
                            .environment = {},
                            .output_file = file,
                            .in_child = {}});
    const Output output{.status = status, .text = read_file(file)};
    fs::remove(file);
    return output;
}

std::string LabUnderTest::allowed_names() const {
    const auto answer = get(world_.masters[0].address,
                            "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication", "probe");
    const auto object = nlohmann::json::parse(answer.body, nullptr, false);
    return object.is_object() ? object["data"].value("requestheader-allowed-names", "")
                              : "status " + std::to_string(answer.status);
}

std::vector<std::string> leftovers(const std::filesystem::path& directory) {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const std::string pid = entry.path().filename().string();
        if (pid.find_first_not_of("0123456789") == std::string::npos &&
            names_directory(entry.path() / "cmdline", directory.string()))
            found.push_back("process " + pid);
    }
    if (names_directory("/proc/self/mountinfo", directory.string())) found.emplace_back("a mount");
    if (fs::exists(directory)) found.push_back("the directory");
    return found;
}

}  // namespace aggmedic::lab
