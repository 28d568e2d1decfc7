#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "probes/observe.hpp"

namespace aggmedic::daemon {

using ReadCredential = std::function<Result<probes::Credential>()>;

// A credential in files: read again when one of them has changed, and when it was refused. A file that is half written
// at that moment is an error of that moment.
std::shared_ptr<probes::CredentialSource> credential_in_files(std::string identity,
                                                              std::vector<std::filesystem::path> files,
                                                              ReadCredential read);

// The same, made anew whenever it is asked: nothing of the secret stays here between two times. `make` reads nothing.
std::shared_ptr<probes::CredentialSource> unkept(std::function<std::shared_ptr<probes::CredentialSource>()> make);

std::shared_ptr<probes::CredentialSource> token_in_file(const std::filesystem::path& file);
std::shared_ptr<probes::CredentialSource> certificate_in_files(const std::filesystem::path& certificate,
                                                               const std::filesystem::path& key);

}  // namespace aggmedic::daemon
