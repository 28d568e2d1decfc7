#pragma once

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "tests/lab/lab_spec.hpp"
#include "tests/lab/namespaces.hpp"
#include "tests/lab/process.hpp"
#include "tests/lab/store_client.hpp"

// What breaks change in the cluster's own objects.
namespace aggmedic::lab {

class LabStore {
  public:
    static constexpr const char* published = "configmap/kube-system/extension-apiserver-authentication";

    explicit LabStore(const std::filesystem::path& directory, const Running& running) : world_(load_world(directory)) {
        join_network(running.supervisor);
        store_ = new StoreClient(world_.store);  // read until this short command ends
        store_->start();
    }
    void forget_published_config() { store_->remove(published); }
    // There, and not written again for a while: by then every live master has had its say.
    void wait_until_published() const {
        std::int64_t seen = -1;
        int quiet = 0;
        wait_until(
            [&] {
                const auto stored = store_->get(published);
                const std::int64_t now = stored ? stored->revision : -1;
                quiet = now == seen && now >= 0 ? quiet + 1 : 0;
                seen = now;
                return quiet >= 6;
            },
            std::chrono::seconds(30), std::chrono::milliseconds(50));
    }
    bool pods_are_ready() const {
        const auto pods = store_->list("pod/");
        return pods.size() == world_.extensions.size() && std::ranges::all_of(pods, [](const auto& pod) {
                   return pod.second.value["ready"].template get<bool>();
               });
    }
    void restart_pods(const std::string& name_space = {}) {
        for (const auto& [key, pod] : store_->list("pod/" + name_space)) store_->remove(key);
    }
    // gone, empty, or touched: written again as it is.
    void change_published_config(std::string_view how) {
        const auto stored = store_->get(published);
        if (how == "gone") store_->remove(published);
        if (how == "gone" || !stored) return;
        auto changed = stored->value;
        if (how == "empty") changed["data"] = nlohmann::json::object();
        changed["updated"] = std::time(nullptr);
        store_->write(published, changed);
    }
    void set_bundle(const char* file) {
        for (const auto& [key, entry] : store_->list("apiservice/")) {
            if (entry.value["spec"]["service"].is_null()) continue;
            auto changed = entry.value;
            changed["spec"]["caBundle"] = base64_of(read_file(world_.pki(file)));
            store_->write(key, changed);
        }
    }

  private:
    World world_;
    StoreClient* store_ = nullptr;
};

}  // namespace aggmedic::lab
