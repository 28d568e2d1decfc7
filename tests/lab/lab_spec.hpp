#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/lab/world.hpp"

// What a person asked `lab up` for, kept as DIR/lab.json, and where its files are.
namespace aggmedic::lab {

struct Break {
    std::string cause;
    int master = -1;  // -1: every master
    bool operator==(const Break&) const = default;
};

struct LabSpec {
    std::filesystem::path directory;
    std::filesystem::path programs;  // where lab_apiserver and its siblings are
    std::size_t masters = 3;
    std::string generation = "1.20";
    std::string monit = "debian";   // or 5.2.5
    std::string platform = "bosh";  // or kubeadm, systemd
    double time_scale = 0.2;
    std::filesystem::path bpm;      // the bpm.yml that the masters get
    std::size_t extensions = 0;     // generic ones, beside service catalog and wardle
    bool accept_shared_ca = false;  // the configuration accepts the risk, so that plans are applied without a flag
    std::vector<Break> breaks;

    bool has(std::string_view cause, std::size_t master) const;
    bool has(std::string_view cause) const;
};

// Processes of a running lab, in DIR/running.json.
struct Running {
    int supervisor = 0;
    std::vector<int> masters;  // pid 1 of each master, as the host sees it
    std::vector<int> others;
};

void save(const LabSpec& spec);
LabSpec load_spec(const std::filesystem::path& directory);
void save(const Running& running, const std::filesystem::path& directory);
Running load_running(const std::filesystem::path& directory);  // empty when there is none

World world_of(const LabSpec& spec);
inline constexpr const char* cluster_name = "demo.pks.ik.am";

// Certificates, tokens, SSH keys, world.json, and each master's /var/vcap. Throws std::runtime_error with a sentence.
void build_lab(const LabSpec& spec, const World& world);
// Only what breaks change: the masters' bpm.yml and certificates. `vcap` is that master's /var/vcap as seen from here.
void write_master_config(const LabSpec& spec, std::size_t index, const std::filesystem::path& vcap);
// DIR/aggmedic.yml and the kubeconfigs.
void write_configuration(const LabSpec& spec, const World& world);

}  // namespace aggmedic::lab
