#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/lab/process.hpp"

// The kernel's part of a lab: one network namespace for all of it, a mount and PID namespace for each master. Nothing
// is named or mounted outside of them, so all of it goes when the last process goes.
namespace aggmedic::lab {

void enter_new_network();  // this process from now on; 10.77.0.0/16 is local to it

// A child that is pid 1 of its own mount, PID, UTS and IPC namespaces.
pid_t spawn_isolated(const Spawn& what);

// Makes this process's mount tree private. Where / is no mount point (a plain chroot) nothing may be shared already, or
// it throws with the sentence that says how to enter.
void isolate_mounts();
std::string why_mounts_would_show();  // that sentence, or empty
void bind_mount(const std::filesystem::path& from, const std::filesystem::path& to);
void mount_tmpfs(const std::filesystem::path& where, const std::string& options);
void move_mount_to(const std::filesystem::path& from, const std::filesystem::path& to);

// Puts this process into a cgroup of its own (named by any text, as a path), where an init system may make more; and
// takes it away when nothing runs in it any longer.
void enter_cgroup(const std::string& name);
void remove_cgroup(const std::string& name);

// Run inside: the network of `supervisor`, or everything of the master whose pid 1 is `init`.
void join_network(pid_t supervisor);
int run_in_master(pid_t init, const std::vector<std::string>& argv);

}  // namespace aggmedic::lab
