#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "net/http_message.hpp"
#include "probes/observation.hpp"

// Turns the recordings of tests/fixtures/recorded into the Observation that aggmedic would have made.
namespace aggmedic::probes::recording {

std::string read_fixture(const std::string& path);  // below tests/fixtures/recorded; empty when there is none
bool has_fixture(const std::string& path);
const nlohmann::json& verdicts();

HttpReply parse_http(const std::string& text);
Answer answer(const std::string& path);
std::vector<Certificate> certificates(const std::string& path);

TimePoint now();  // shortly after the recordings

enum class As { admin, dev, bad_token, no_token };

// The log of the servicecatalog server (or of `server`, ".sample-apiserver") as a pod's: since the last start that the
// recording marks, `# xN` written out.
ExtensionLog extension_log(const std::string& folder, const std::string& server = "");

struct Options {
    bool ssh = true;
    As as = As::admin;
    bool logs = false;  // the pods' logs could be read
};
Observation load(const std::string& folder, const Options& options);
// ha-one-master-bad-proxy-cert: no .http files but a timeline; `from` is where in it a cycle's attempts begin.
Observation load_ha(const Options& options, std::size_t from);
// restart/raw at one moment, told by the names of its files.
Observation load_restart(const std::string& readyz, const std::string& core, const std::string& servicecatalog,
                         const std::string& wardle);

inline const std::string servicecatalog = "v1beta1.servicecatalog.k8s.io";
inline const std::string wardle = "v1alpha1.wardle.example.com";

}  // namespace aggmedic::probes::recording
