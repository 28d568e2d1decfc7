#pragma once

#include <string>
#include <string_view>

namespace aggmedic::remediate {

// For a master on which the login user may not be root: the helper as a file of root's, and sudo's leave to run that
// file alone. Its name carries the first half of its SHA-256, so that a newer aggmedic never meets an older helper, and
// sudo compares the whole digest with the bytes that it executes (sudoers(5), Digest_Spec).
std::string_view installed_helper_path();
// The file's bytes: the helper behind a first line that names its shell.
const std::string& installed_helper();
// A sudoers file for `user` with a line for each verb of the table (remote_verbs()) and nothing else.
std::string sudoers_of(std::string_view user);

}  // namespace aggmedic::remediate
