#include <iostream>
#include <random>

#include "tests/lab/extension/extension.hpp"

namespace aggmedic::lab {
namespace {

std::string random_suffix(std::size_t length) {
    static std::mt19937 random(std::random_device{}());
    static constexpr std::string_view letters = "bcdfghjklmnpqrstvwxz2456789";  // Kubernetes' own alphabet for names
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += letters[random() % letters.size()];
    return text;
}

}  // namespace

Pod::Pod(const World& world, const Extension& extension, StoreClient& store)
    : world_(world), extension_(extension), store_(store), server_(world, extension, store) {}

void Pod::tend() {
    const bool exists = !key_.empty() && store_.get(key_).has_value();
    if (!exists) {
        end();
        create();
    }
    const bool down = switched("extension-down");
    if (down && running_) end();
    if (!down && !running_) {
        try {
            server_.start();
            running_ = true;
        } catch (const std::exception& error) {
            std::cerr << extension_.service << " cannot start: " << error.what() << std::endl;
            return;
        }
    }
    if (running_) server_.reload_if_it_does();
    const bool ready = !switched("no-backend") && std::chrono::steady_clock::now() >= ready_at_;
    set_ready(ready);
}

bool Pod::switched(const char* fault_name) const {
    const auto value = fault(world_.faults(), fault_name);
    return value && (value->empty() || *value == extension_.service || *value == extension_.api_service());
}

void Pod::create() {
    const std::string owner = extension_.pod_prefix + "-5d8f7c9b6d";
    key_ = "pod/" + extension_.name_space + "/" + owner + "-" + random_suffix(5);
    const nlohmann::json labels = {{extension_.label_key, extension_.label_value}, {"pod-template-hash", "5d8f7c9b6d"}};
    store_.write(key_, {{"uid", random_suffix(8) + "-" + random_suffix(4) + "-" + random_suffix(12)},
                        {"created", std::time(nullptr)},
                        {"labels", labels},
                        {"service", extension_.service},
                        {"address", extension_.endpoint.address},
                        {"port", extension_.endpoint.port},
                        {"owner", owner},
                        {"owner_uid", "5f1e7a0c-9f0a-4a3e-8f53-" + extension_.pod_prefix},
                        {"ready", false}});
    ready_at_ = std::chrono::steady_clock::now() + world_.scaled(1);
}

void Pod::set_ready(bool ready) {
    const auto pod = store_.get(key_);
    if (!pod || pod->value["ready"].get<bool>() == ready) return;
    auto changed = pod->value;
    changed["ready"] = ready;
    store_.write(key_, changed, pod->revision);
}

void Pod::end() {
    if (running_) server_.stop();
    running_ = false;
}

}  // namespace aggmedic::lab
