#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "daemon/config.hpp"
#include "daemon/config_files.hpp"
#include "daemon/yaml_reader.hpp"

namespace aggmedic::daemon {

// One entry of `clusters`. Always gives what could be read; with a fault added the whole configuration is dropped.
ClusterConfig read_cluster(const Setting& setting, NamedFiles& files, Faults& faults);

// One identity: token_file | client_certificate_file + client_key_file | kubeconfig + context. `is_read` false: only
// its source, which reads when it is asked; nothing secret is in the answer.
std::optional<probes::Credential> read_credential(const Setting& setting, NamedFiles& files, Faults& faults,
                                                  bool is_read);

// accept_risk, after_repair and verify of a cluster.
void read_repair_settings(MapReader& map, ClusterConfig& cluster);

// `masters` and `ssh`.
void read_masters(MapReader& map, ClusterConfig& cluster);
void read_ssh(MapReader& map, NamedFiles& files, ClusterConfig& cluster);

// [A-Za-z0-9][A-Za-z0-9._-]{0,62}, with '/' too where `slash` says so: it becomes a label, a file name and a word on
// the command line.
bool is_name(std::string_view text, bool slash);

// Secrets written into the configuration itself are refused by name, so that the sentence says what to do.
void refuse_inline_secrets(MapReader& map);

// SHA-256 over what a plan for this cluster is bound to; a secret enters as its own hash.
std::string digest_of(const ClusterConfig& cluster, const RemediationConfig& remediation);

}  // namespace aggmedic::daemon
