#include "tests/lab/world.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace aggmedic::lab {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Endpoint, address, port)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MasterPlace, name, address, hostname)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ApiResource, name, kind, namespaced, storage_hash)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Extension, group, version, name_space, service, pod_prefix, label_key, label_value,
                                   endpoint, cluster_ip, node, kind, resources)

}  // namespace aggmedic::lab

namespace aggmedic::model {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Rule, verbs, groups, resources, names, namespaces, paths)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Binding, subject, rules)

}  // namespace aggmedic::model

namespace aggmedic::lab {

void save(const World& world) {
    const nlohmann::json text = {{"generation", world.generation}, {"time_scale", world.time_scale},
                                 {"store", world.store},           {"balancer", world.balancer},
                                 {"masters", world.masters},       {"extensions", world.extensions},
                                 {"nodes", world.nodes},           {"bindings", world.bindings}};
    write_file(world.directory / "world.json", text.dump(1) + "\n");
}

World load_world(const std::filesystem::path& directory) {
    const auto text = nlohmann::json::parse(read_file(directory / "world.json"));
    World world;
    world.directory = directory;
    text.at("generation").get_to(world.generation);
    text.at("time_scale").get_to(world.time_scale);
    text.at("store").get_to(world.store);
    text.at("balancer").get_to(world.balancer);
    text.at("masters").get_to(world.masters);
    text.at("nodes").get_to(world.nodes);
    text.at("extensions").get_to(world.extensions);
    text.at("bindings").get_to(world.bindings);
    return world;
}

std::optional<std::string> fault(const std::filesystem::path& faults, std::string_view name) {
    std::ifstream file(faults / name);
    if (!file) return std::nullopt;
    std::string value;
    std::getline(file, value);
    return value;
}

void set_fault(const std::filesystem::path& faults, std::string_view name, const std::optional<std::string>& value) {
    if (value) {
        std::filesystem::create_directories(faults);
        write_file(faults / name, *value);
    } else {
        std::filesystem::remove(faults / name);
    }
}

std::string base64_of(const std::string& text) {
    static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string encoded;
    for (std::size_t i = 0; i < text.size(); i += 3) {
        unsigned block = 0;
        for (std::size_t k = 0; k < 3; ++k)
            block = block << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k) encoded += i + k > text.size() ? '=' : digits[block >> (18 - 6 * k) & 63];
    }
    return encoded;
}

std::string read_file(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw std::runtime_error("cannot read " + file.string());
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

void write_file(const std::filesystem::path& file, std::string_view text) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream stream(file, std::ios::binary | std::ios::trunc);
    stream << text;
    if (!stream.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace aggmedic::lab
