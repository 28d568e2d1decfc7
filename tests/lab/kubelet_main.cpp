// A stand-in for the kubelet, as far as its directory of static pods goes: every file there that does not begin with a
// dot is a manifest, also one that somebody meant as a backup; a file that it cannot read is a pod that is gone; a
// manifest with other bytes is another pod, so the old process is ended (SIGTERM, SIGKILL after 30 s) before the new
// one is started; what ends by itself is started again after a pause that doubles.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>

#include "tests/lab/process.hpp"
#include "tests/lab/world.hpp"

namespace aggmedic::lab {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// The container images' programs, by the name that a manifest starts them with.
constexpr const char* images = "/run/lab/images";

struct Pod {
    std::string manifest;  // the bytes that it was made from
    std::vector<std::string> command;
    pid_t pid = 0;
    bool ending = false;
    Clock::time_point kill_at{}, start_at{};
    std::chrono::milliseconds pause{0};
};

std::vector<std::string> command_of(const std::string& manifest) {
    const YAML::Node pod = YAML::Load(manifest);
    if (pod["kind"].as<std::string>() != "Pod") throw std::runtime_error("no Pod");
    const auto container = pod["spec"]["containers"][0];
    std::vector<std::string> command;
    for (const char* list : {"command", "args"}) {
        for (const auto& word : container[list]) command.push_back(word.IsNull() ? "" : word.as<std::string>());
    }
    if (command.empty()) throw std::runtime_error("no command");
    return command;
}

class Kubelet {
  public:
    Kubelet(fs::path manifests, double scale) : manifests_(std::move(manifests)), scale_(scale) {}

    int run() {
        for (;;) {
            reap();
            const auto wanted = read_manifests();
            for (auto& [file, pod] : pods_) bring_down(file, pod, wanted);
            std::erase_if(pods_, [](const auto& each) { return each.second.ending && each.second.pid == 0; });
            for (const auto& [file, manifest] : wanted) bring_up(file, manifest);
            if (wait_for_stop(std::chrono::milliseconds(100))) return 0;
        }
    }

  private:
    std::chrono::milliseconds scaled(double seconds) const {
        return std::chrono::milliseconds(static_cast<int>(seconds * 1000 * scale_));
    }

    std::map<std::string, std::string> read_manifests() const {
        std::map<std::string, std::string> found;
        for (const auto& entry : fs::directory_iterator(manifests_)) {
            const auto name = entry.path().filename().string();
            if (name.starts_with(".") || !entry.is_regular_file()) continue;
            try {
                auto text = read_file(entry.path());
                command_of(text);
                found[name] = std::move(text);
            } catch (const std::exception& error) {
                std::cerr << "Can't process manifest file " << name << ": " << error.what() << std::endl;
            }
        }
        return found;
    }

    void reap() {
        for (pid_t ended; (ended = ::waitpid(-1, nullptr, WNOHANG)) > 0;) {
            for (auto& [file, pod] : pods_) {
                if (pod.pid != ended) continue;
                pod.pid = 0;
                pod.pause = std::min(std::max(pod.pause * 2, scaled(10)), scaled(300));
                pod.start_at = Clock::now() + pod.pause;
            }
        }
    }

    void bring_down(const std::string& file, Pod& pod, const std::map<std::string, std::string>& wanted) {
        const auto same = wanted.find(file);
        if (!pod.ending && (same == wanted.end() || same->second != pod.manifest)) {
            pod.ending = true;
            pod.kill_at = Clock::now() + scaled(30);
            if (pod.pid > 0) ::kill(pod.pid, SIGTERM);
        }
        if (pod.ending && pod.pid > 0 && Clock::now() >= pod.kill_at) ::kill(pod.pid, SIGKILL);
    }

    void bring_up(const std::string& file, const std::string& manifest) {
        const auto [at, is_new] = pods_.try_emplace(file);
        auto& pod = at->second;
        if (is_new) {
            pod.manifest = manifest;
            pod.command = command_of(manifest);
            pod.start_at = Clock::now() + scaled(2);
        }
        if (pod.ending || pod.pid > 0 || Clock::now() < pod.start_at) return;
        pod.pid = spawn({.argv = pod.command,
                         .environment = {{"PATH", images}},
                         .output_file = "/var/vcap/sys/log/" + file + ".log",
                         .in_child = [] { ::setsid(); }});
    }

    fs::path manifests_;
    double scale_;
    std::map<std::string, Pod> pods_;  // by file
};

}  // namespace
}  // namespace aggmedic::lab

int main(int argc, char** argv) {
    using namespace aggmedic::lab;
    std::string config;
    double scale = 1;
    CLI::App app("a kubelet of static pods alone");
    app.add_option("--config", config)->required();
    app.add_option("--time-scale", scale);
    CLI11_PARSE(app, argc, argv);
    try {
        block_stop_signals();
        return Kubelet(YAML::LoadFile(config)["staticPodPath"].as<std::string>(), scale).run();
    } catch (const std::exception& error) {
        std::cerr << "kubelet: " << error.what() << std::endl;
        return 1;
    }
}
