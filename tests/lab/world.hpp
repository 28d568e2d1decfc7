#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/lab/http.hpp"
#include "tests/model/access.hpp"
#include "tests/model/extension_auth.hpp"

// The plan of one lab, written once by `lab up` as DIR/world.json and read by all its programs.
namespace aggmedic::lab {

struct MasterPlace {
    std::string name;  // master/0
    std::string address;
    std::string hostname;  // as BOSH names a VM: a UUID
};

struct ApiResource {
    std::string name, kind;
    bool namespaced = false;
    std::string storage_hash;
};

struct Extension {
    std::string group, version;
    std::string name_space, service, pod_prefix;
    std::string label_key, label_value;
    Endpoint endpoint, cluster_ip;
    std::string node;  // where its pod runs
    model::ExtensionKind kind = model::ExtensionKind::reloads;
    std::vector<ApiResource> resources;

    std::string api_service() const { return version + "." + group; }
};

struct World {
    std::filesystem::path directory;
    std::string generation = "1.20";
    double time_scale = 0.2;
    Endpoint store, balancer;
    std::vector<MasterPlace> masters;
    std::vector<MasterPlace> nodes;
    std::vector<Extension> extensions;
    std::vector<model::Binding> bindings;

    model::Generation kubernetes() const { return model::generation_of(generation); }
    std::chrono::milliseconds scaled(double seconds) const {
        return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000 * time_scale));
    }
    std::filesystem::path pki(std::string_view file) const { return directory / "pki" / file; }
    std::filesystem::path master_directory(std::size_t index) const {
        return directory / "masters" / std::to_string(index);
    }
    std::filesystem::path faults_of(std::size_t index) const { return master_directory(index) / "faults"; }
    std::filesystem::path faults() const { return directory / "faults"; }
};

void save(const World& world);
World load_world(const std::filesystem::path& directory);  // throws std::runtime_error with a sentence

// A fault is a file: its name is the switch, its content the value. Programs look at the moment they need it.
std::optional<std::string> fault(const std::filesystem::path& faults, std::string_view name);
void set_fault(const std::filesystem::path& faults, std::string_view name, const std::optional<std::string>& value);

std::string base64_of(const std::string& text);
std::string read_file(const std::filesystem::path& file);  // throws std::runtime_error
void write_file(const std::filesystem::path& file, std::string_view text);

}  // namespace aggmedic::lab
