#pragma once

#include <string>
#include <string_view>
#include <vector>

// Every content that the arguments file of a simulated master can have. There are few, so they are read once.
namespace aggmedic::sim {

enum class Hand { nobody, comment, flag };  // what another operator did to the file: nothing, a comment, another flag

struct FileVersion {
    bool has_name = false;  // the name that the run adds
    Hand edited = Hand::nobody;
    std::string bytes, sha256;
    std::vector<std::string> argv;           // as bpm passes them on, the program first
    std::vector<std::string> allowed_names;  // of --requestheader-allowed-names
};

inline constexpr const char* demo_cn = "demo.pks.ik.am";
inline constexpr const char* old_name = "aggregator";
inline constexpr const char* args_path = "/var/vcap/jobs/kube-apiserver/config/bpm.yml";

const FileVersion& file_version(bool has_name, Hand edited = Hand::nobody);
const FileVersion* find_version(std::string_view bytes);  // nullptr: bytes that nobody should ever have written
std::string read_fixture(const std::string& path);

}  // namespace aggmedic::sim
