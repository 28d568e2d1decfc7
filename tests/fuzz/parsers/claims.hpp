#pragma once

#include <span>
#include <string>
#include <string_view>

// What the readers of foreign and stored bytes promise for any bytes at all. Each answers with the first promise that
// is broken, or with nothing. The fuzz targets and the replay of their corpora ask the same functions.
namespace aggmedic::fuzz {

std::string_view broken_look_claim(std::string_view bytes);          // the helper's `look`, as a master printed it
std::string_view broken_cmdline_claim(std::string_view bytes);       // /proc/PID/cmdline of a kube-apiserver
std::string_view broken_monit_claim(std::string_view bytes);         // `monit status`
std::string_view broken_certificates_claim(std::string_view bytes);  // PEM
std::string_view broken_plan_claim(std::string_view bytes);          // a stored plan
std::string_view broken_observation_claim(std::string_view bytes);   // a recorded observation
std::string_view broken_history_claim(std::string_view bytes);       // what track() keeps in the journal
// The journal's steps of one run, one a line: STEP MASTER OUTCOME, without an outcome where none was written.
std::string_view broken_replay_claim(std::string_view bytes);
std::string_view broken_config_claim(std::string_view bytes);      // aggmedic.yml
std::string_view broken_kubeconfig_claim(std::string_view bytes);  // a kubeconfig

struct Target {
    std::string_view name;    // of its corpus below tests/fuzz/parsers/corpus
    std::string_view corpus;  // a folder of tests/fixtures that belongs to it as well; may be empty
    std::string_view (*broken_claim)(std::string_view bytes);
};
std::span<const Target> targets();

}  // namespace aggmedic::fuzz
