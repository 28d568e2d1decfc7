#include <iostream>
#include <random>

#include "tests/lab/extension/extension.hpp"

namespace aggmedic::lab {
namespace {

using Clock = std::chrono::steady_clock;

std::string random_suffix(std::size_t length) {
    static std::mt19937 random(std::random_device{}());
    static constexpr std::string_view letters = "bcdfghjklmnpqrstvwxz2456789";  // Kubernetes' own alphabet for names
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += letters[random() % letters.size()];
    return text;
}

}  // namespace

Pod::Pod(const World& world, const Extension& extension, StoreClient& store)
    : world_(world), extension_(extension), store_(store), log_(world), server_(world, extension, store, log_) {}

void Pod::tend() {
    const bool exists = !key_.empty() && store_.get(key_).has_value();
    if (switched("namespace-gone")) {
        end();
        if (exists) store_.remove(key_);
        return;
    }
    if (!exists) {
        end();
        create();
    }
    // calico-apiserver exits when the ConfigMap moves; here a switch says when.
    const bool leaves = switched("restart-storm");
    if (leaves && !left_by_itself_ && running_) {
        log_.write(model::config_map_moved_lines(PodLog::stamp()));
        container_ended(0, "Completed");
        left_by_itself_ = true;
    }
    if (!leaves) left_by_itself_ = false;
    const bool down = switched("extension-down");
    if (down && running_) end();
    if (!down && !running_ && Clock::now() >= start_at_) start_container();
    if (running_) server_.reload_if_it_does();
    // As long as the switch is on it is not up again.
    const bool ready = !switched("no-backend") && !leaves && Clock::now() >= ready_at_ && (running_ || down);
    set_ready(ready);
    if (running_) server_.follow_switches(ready);
}

void Pod::start_container() {
    try {
        log_.begin(extension_.name_space, key_.substr(key_.rfind('/') + 1), restarts_);
        server_.start();
        running_ = true;
        change({{"started", std::time(nullptr)}, {"waiting", ""}});
    } catch (const CannotStart&) {
        container_ended(1, "Error");
    } catch (const std::exception& error) {
        std::cerr << extension_.service << " cannot start: " << error.what() << std::endl;
    }
}

void Pod::container_ended(int code, const char* reason) {
    end();
    const std::time_t now = std::time(nullptr);
    const auto pod = store_.get(key_);
    const std::time_t started = pod ? pod->value.value("started", now) : now;
    change({{"ready", false},
            {"waiting", code == 0 ? "ContainerCreating" : "CrashLoopBackOff"},
            {"restarts", ++restarts_},
            {"exit", {{"code", code}, {"reason", reason}, {"started", started}, {"finished", now}}}});
    const auto pause = code == 0 ? world_.scaled(2) : world_.scaled(10 << std::min(restarts_, 5));
    start_at_ = Clock::now() + std::max(pause, std::chrono::milliseconds(500));
    ready_at_ = start_at_ + world_.scaled(code == 0 ? 120 : 1);
}

void Pod::create() {
    const std::string owner = extension_.pod_prefix + "-5d8f7c9b6d";
    restarts_ = 0;
    key_ = "pod/" + extension_.name_space + "/" + owner + "-" + random_suffix(5);
    const nlohmann::json labels = {{extension_.label_key, extension_.label_value}, {"pod-template-hash", "5d8f7c9b6d"}};
    store_.write(key_, {{"uid", random_suffix(8) + "-" + random_suffix(4) + "-" + random_suffix(12)},
                        {"created", std::time(nullptr)},
                        {"started", std::time(nullptr)},
                        {"restarts", 0},
                        {"waiting", "ContainerCreating"},
                        {"exit", nullptr},
                        {"node", extension_.node},
                        {"labels", labels},
                        {"service", extension_.service},
                        {"address", extension_.endpoint.address},
                        {"port", extension_.endpoint.port},
                        {"owner", owner},
                        {"owner_uid", "5f1e7a0c-9f0a-4a3e-8f53-" + extension_.pod_prefix},
                        {"ready", false}});
    start_at_ = Clock::now();
    ready_at_ = Clock::now() + world_.scaled(1);
}

void Pod::change(const nlohmann::json& fields) {
    const auto pod = store_.get(key_);
    if (!pod) return;
    auto changed = pod->value;
    changed.update(fields);
    if (changed != pod->value) store_.write(key_, changed, pod->revision);
}

void Pod::set_ready(bool ready) {
    change({{"ready", ready}});
}

void Pod::end() {
    if (running_) server_.stop();
    running_ = false;
}

}  // namespace aggmedic::lab
