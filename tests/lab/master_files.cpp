#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <regex>
#include <set>

#include "tests/lab/lab_spec.hpp"
#include "tests/lab/master_arguments.hpp"
#include "tests/lab/master_platforms.hpp"
#include "tests/lab/pki.hpp"
#include "tests/lab/process.hpp"

// A master's /var/vcap as BOSH and kubo-release lay it out.
namespace aggmedic::lab {
namespace {

namespace fs = std::filesystem;

constexpr unsigned vcap_id = 1000;  // as on stemcells
constexpr const char* job_version = "3f1c2d4e5a6b7c8d9e0f1a2b3c4d5e6f70818293";

void give(const fs::path& path, unsigned owner, unsigned group, unsigned mode) {
    if (::chown(path.c_str(), owner, group) != 0)
        throw std::runtime_error("cannot change the owner of " + path.string() + " (root is needed)");
    ::chmod(path.c_str(), mode);
}

void put(const fs::path& path, std::string_view text, unsigned mode = 0644, unsigned group = 0) {
    write_file(path, text);
    give(path, 0, group, mode);
}

std::string tokens_csv(const fs::path& pki) {
    const auto token = [&](const char* name) { return read_file(pki / (std::string(name) + ".token")); };
    return fmt::format(
        "{},admin,admin,\"system:masters\"\n{},dev,dev,\"developers\"\n{},aggmedic-probe,aggmedic-probe,\"aggmedic\"\n"
        "{},system:serviceaccount:aggmedic:canary,canary,\"system:serviceaccounts,system:serviceaccounts:aggmedic\"\n{}"
        ",aggmedic-repair,aggmedic-repair,\"aggmedic\"\n",
        token("admin"), token("dev"), token("probe"), token("canary"), token("repair"));
}

std::string content_for(const std::string& name, const std::map<std::string, std::string>& known, const fs::path& pki) {
    const auto given = known.find(name);
    if (given != known.end()) return given->second;
    if (name.ends_with("-key.pem") || name.ends_with(".key")) return read_file(pki / "component-key.pem");
    if (name.ends_with("-ca.pem") || name.ends_with("-ca.crt")) return read_file(pki / "ca.pem");
    if (name.ends_with(".crt") || name.ends_with("-cert.pem")) return read_file(pki / "component.pem");
    return "# " + name + " of the lab\n";
}

// Every file of the config directory that the arguments name exists, certificates and keys as such.
void write_config_files(const LabSpec& spec, const fs::path& config, const std::string& bpm,
                        const std::string& proxy_pair) {
    const fs::path pki = spec.directory / "pki";
    const std::map<std::string, std::string> known = {
        {"kubernetes.pem", read_file(pki / "kubernetes.pem")},
        {"kubernetes-key.pem", read_file(pki / "kubernetes-key.pem")},
        {"kubernetes-ca.pem", read_file(pki / "ca.pem")},
        {"clients-ca.pem", read_file(pki / "clients-ca.pem")},
        {"front-proxy-ca.pem", read_file(pki / "front-proxy-ca.pem")},
        {"rotated-ca.pem", read_file(pki / "rotated-ca.pem")},
        {"tokens.csv", tokens_csv(pki)},
        {"service-account-public-key.pem", read_file(pki / "service-account-public-key.pem")},
        {"proxy-client.pem", proxy_pair.empty() ? "" : read_file(pki / (proxy_pair + ".pem"))},
        {"proxy-client-key.pem", proxy_pair.empty() ? "" : read_file(pki / (proxy_pair + "-key.pem"))}};
    std::set<std::string> kept = {"bpm.yml"};
    for (std::size_t at = bpm.find(config_prefix); at != std::string::npos; at = bpm.find(config_prefix, at + 1)) {
        const auto begin = at + std::string_view(config_prefix).size();
        const std::string name =
            bpm.substr(begin, std::min(bpm.find_first_of("\"' \r\n],#", begin), bpm.size()) - begin);
        put(config / name, content_for(name, known, pki), 0640, vcap_id);
        kept.insert(name);
    }
    // As the agent unpacks a job: nothing of the last rendering stays.
    for (const auto& entry : fs::directory_iterator(config)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with(".") && !kept.contains(name)) fs::remove(entry.path());
    }
}

constexpr const char* monit_wrapper = R"sh(#!/bin/sh
# What stemcells since 2021 put here: a wrapper around the binary. The lab's switches come first.
case "$1" in restart|start|stop)
    if [ -e /run/lab/faults/monit-lies ]; then exit 0; fi
    if [ "$(cat /run/lab/faults/next-restart 2>/dev/null)" = ignore ]; then rm -f /run/lab/faults/next-restart; exit 0; fi ;;
esac
exec /var/vcap/bosh/bin/monit-actual -c /var/vcap/bosh/etc/monitrc "$@"
)sh";

std::string monit_job(const std::string& job) {
    return fmt::format(
        "check process {0}\n  with pidfile /var/vcap/sys/run/bpm/{0}/{0}.pid\n  start program "
        "\"/var/vcap/jobs/bpm/bin/bpm start {0}\"\n"
        "  stop program \"/var/vcap/jobs/bpm/bin/bpm stop {0}\"\n  group vcap\n",
        job);
}

void write_monit(const LabSpec& spec, const World& world, std::size_t index, const fs::path& vcap) {
    const int cycle = std::max(1, static_cast<int>(10 * spec.time_scale + 0.5));
    put(vcap / "bosh/etc/monitrc",
        fmt::format("set daemon {}\nset logfile /var/vcap/monit/monit.log\nset pidfile /var/vcap/monit/monit.pid\nset "
                    "idfile /var/vcap/monit/monit.id\nset statefile /var/vcap/monit/monit.state\n"
                    "set httpd port 2822 and use address {}\n  allow vcap:random-password\ninclude "
                    "/var/vcap/monit/job/*.monitrc\n",
                    cycle, world.masters[index].address),
        0600);
    put(vcap / "monit/monit.user", "vcap:random-password\n", 0600);
    put(vcap / "monit/job/0001_kube-apiserver.monitrc", monit_job("kube-apiserver"), 0600);
    put(vcap / "monit/job/0002_etcd.monitrc", monit_job("etcd"), 0600);
    put(vcap / "bosh/bin/monit", monit_wrapper, 0755);
}

// Mount points for the lab's programs; lab_master binds them.
void write_program_places(const fs::path& vcap) {
    for (const char* place : {"packages/kubernetes/bin/kube-apiserver", "packages/bpm/bin/tini", "packages/bpm/bin/bpm",
                              "bosh/bin/monit-actual"})
        put(vcap / place, "", 0755);
    fs::create_directories(vcap / "jobs/bpm/bin");
    fs::create_symlink("/var/vcap/packages/bpm/bin/bpm", vcap / "jobs/bpm/bin/bpm");
}

void make_job(const fs::path& vcap, const std::string& job) {
    const std::string target = fmt::format("data/jobs/{}/{}", job, job_version);
    fs::create_directories(vcap / target / "config");
    give(vcap / target / "config", 0, vcap_id, 0750);
    fs::create_symlink("/var/vcap/" + target, vcap / "jobs" / job);
    for (const char* place : {"sys/log", "sys/run/bpm"}) {
        fs::create_directories(vcap / place / job);
        give(vcap / place / job, vcap_id, vcap_id, 0755);
    }
}

void build_master(const LabSpec& spec, const World& world, std::size_t index) {
    const fs::path vcap = world.master_directory(index) / "vcap";
    fs::create_directories(vcap / "jobs");
    make_job(vcap, "kube-apiserver");
    make_job(vcap, "etcd");
    put(vcap / "data/jobs/etcd" / job_version / "config/bpm.yml",
        "processes:\n- name: etcd\n  executable: /bin/sleep\n  args: [infinity]\n", 0640, vcap_id);
    write_program_places(vcap);
    write_monit(spec, world, index, vcap);
    write_master_config(spec, index, vcap);
    fs::create_directories(world.faults_of(index));
    give(world.faults_of(index), 0, 0, 0777);
    const fs::path keys = world.master_directory(index) / "ssh";
    fs::create_directories(keys);
    for (const auto& [type, bits] : {std::pair{"ed25519", "256"}, {"rsa", "2048"}}) {
        run({.argv = {"ssh-keygen", "-q", "-t", type, "-b", bits, "-N", "", "-C", "", "-f",
                      (keys / fmt::format("ssh_host_{}_key", type)).string()},
             .environment = {},
             .output_file = "/dev/null",
             .in_child = {}});
    }
}

void write_secrets(const fs::path& pki) {
    std::random_device random;
    for (const char* name : {"admin", "dev", "probe", "canary", "repair"})
        put(pki / (std::string(name) + ".token"), fmt::format("lab-{}-{:08x}{:08x}", name, random(), random()), 0644);
    run({.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "aggmedic lab", "-f",
                  (pki / "ssh.key").string()},
         .environment = {},
         .output_file = "/dev/null",
         .in_child = {}});
}

}  // namespace

void write_master_config(const LabSpec& spec, std::size_t index, const fs::path& vcap) {
    const fs::path config = vcap / "data/jobs/kube-apiserver" / job_version / "config";
    std::string proxy_pair;
    const std::string bpm = master_arguments(spec, index, proxy_pair);
    write_config_files(spec, config, bpm, proxy_pair);
    if (spec.platform == "bosh") {
        put(config / "bpm.yml", bpm, 0640, vcap_id);
    } else {
        write_platform_files(spec, index, bpm);
    }
}

void build_lab(const LabSpec& spec, const World& world) {
    fs::create_directories(spec.directory);
    ::chmod(spec.directory.c_str(), 0755);
    PkiNames names{.cluster_name = cluster_name, .addresses = {world.balancer.address}, .service_names = {}};
    for (const auto& master : world.masters) names.addresses.push_back(master.address);
    for (const auto& extension : world.extensions)
        names.service_names.push_back(extension.service + "." + extension.name_space + ".svc");
    write_pki(world.pki(""), names);
    write_secrets(world.pki(""));
    save(world);
    save(spec);
    for (std::size_t i = 0; i < spec.masters; ++i) build_master(spec, world, i);
    write_configuration(spec, world);
}

}  // namespace aggmedic::lab
