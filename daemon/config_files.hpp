#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "daemon/yaml_reader.hpp"
#include "net/result.hpp"

namespace aggmedic::daemon {

// The whole of a regular file, of at most 1 MiB unless told otherwise. Errors: io_failed, too_large; the detail is a
// sentence with the file's name.
Result<std::string> read_small_file(const std::filesystem::path& file, std::size_t bytes_max = 1024 * 1024);
bool is_readable_by_everybody(const std::filesystem::path& file);

// Reads what a configuration names, relative to the folder it is in. Every trouble is a fault at the place that names
// the file.
class NamedFiles {
  public:
    NamedFiles(std::filesystem::path folder, Faults& faults) : folder_(std::move(folder)), faults_(faults) {}

    std::filesystem::path resolve(const std::string& name) const { return folder_ / name; }
    bool reads_repair = false;  // what credentials.repair names is read too, not only found
    // A secret that is wanted later: a regular file that can be read and is not empty; nothing of it is read.
    void expect_secret(const std::string& name, const Setting& named_at);
    std::vector<std::string> exec_plugins;  // programs that kubeconfigs may log in by: absolute paths
    std::optional<std::string> read(const std::string& name, const Setting& named_at);
    // A secret that every user of the machine can read is worth a warning.
    std::optional<std::string> read_secret(const std::string& name, const Setting& named_at);
    // One line: surrounding white space is dropped, anything that is not visible ASCII is a fault.
    std::optional<std::string> read_token(const std::string& name, const Setting& named_at);

  private:
    void warn_if_open_to_everybody(const std::filesystem::path& file, const Setting& named_at);

    std::filesystem::path folder_;
    Faults& faults_;
};

// A token as it can stand in a header: trimmed, visible ASCII only. Errors: invalid_argument.
Result<std::string> token_from(std::string_view text, const std::string& file);

// Why this cannot be used as an SSH private key without anybody typing; empty: it can.
std::string private_key_fault(std::string_view pem);

}  // namespace aggmedic::daemon
