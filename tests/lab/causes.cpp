#include "tests/lab/causes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace aggmedic::lab {
namespace {

constexpr std::array<Cause, 32> causes = {{
    {"cn-not-allowed", How::config, "", "", -1,
     "allowed names `aggregator`, proxy certificate demo.pks.ik.am, shared CA: 401, 503, or a masked 200"},
    {"separate-ca", How::config, "", "", -1, "the same with a client CA of its own: 401 or 503 everywhere"},
    {"proxy-cert-expired", How::config, "", "", -1, "the proxy-client certificate ended yesterday"},
    {"proxy-cert-wrong-issuer", How::config, "", "", -1, "the proxy-client certificate comes from another CA"},
    {"proxy-cert-empty-cn", How::config, "", "", -1, "the proxy-client certificate has no CN"},
    {"proxy-cert-server-eku", How::config, "", "", -1, "the proxy-client certificate is for servers only"},
    {"proxy-cert-no-masters", How::config, "", "", -1,
     "its identity has no rights: with cn-not-allowed a 403 that names the CN"},
    {"hostile-cn", How::config, "", "", -1,
     "a CN with comma, quote, newline and dots: cn-not-allowed that must never be planned"},
    {"empty-names", How::config, "", "", -1, "allowed names empty; 1.35 refuses to start with that under a shared CA"},
    {"no-anonymous", How::config, "", "", -1, "--anonymous-auth=false"},
    {"one-master-differs", How::config, "", "", 1, "one master presents a certificate of another CA: the API flaps"},
    {"one-master-other-cn", How::config, "", "", 1, "one master presents another CN"},
    {"bad-ca-bundle", How::bundle, "", "", -1, "the APIServices' caBundle does not fit the extension servers"},
    {"no-backend", How::lab_switch, "no-backend", "", -1, "the services have no endpoints"},
    {"extension-down", How::lab_switch, "extension-down", "", -1, "the extension servers refuse connections"},
    {"stopped-master", How::master_switch, "stopped", "", 2, "one master's apiserver is stopped by monit and stays so"},
    {"dead-master", How::master_switch, "power", "off", 2, "one master is switched off"},
    {"slow-restart", How::master_switch, "start", "slow:30", 0, "the next starts take 30 s longer"},
    {"failing-restart", How::master_switch, "start", "fail", 0, "the apiserver exits when it is started again"},
    {"second-restart-fails", How::master_switch, "start", "fail", 1, "as failing-restart, on the second master"},
    {"monit-lies", How::master_switch, "monit-lies", "", 0, "monit says yes and does nothing"},
    {"no-monit", How::master_switch, "no-monit", "", 0, "the monit daemon is not running"},
    {"disk-full", How::master_switch, "disk-full", "", 0, "no room on /var/vcap/data"},
    {"changed-host-key", How::master_switch, "changed-host-key", "", 0, "sshd shows another host key"},
    {"endless-output", How::master_switch, "sudo", "endless", 0, "sudo prints without end"},
    {"garbage-output", How::master_switch, "sudo", "garbage", 0, "sudo prints garbage"},
    {"no-output", How::master_switch, "sudo", "nothing", 0, "sudo prints nothing and says 0"},
    {"hanging-sudo", How::master_switch, "sudo", "hang", 0, "sudo never ends"},
    {"slow-drip", How::master_switch, "hostile", "slow-drip", 0, "the apiserver answers five bytes a second"},
    {"endless-body", How::master_switch, "hostile", "endless", 0, "the apiserver answers with 1 GiB"},
    {"many-apiservices", How::master_switch, "many-apiservices", "10000", -1, "the apiserver lists 10000 APIServices"},
    {"pending-restart", How::master_switch, "pending-restart", "", 0, "the file is patched, the process is not"},
}};

}  // namespace

const Cause& cause_of(const std::string& name) {
    const auto found = std::ranges::find_if(causes, [&](const Cause& cause) { return name == cause.name; });
    if (found != causes.end()) return *found;
    std::string all;
    for (const Cause& cause : causes) all += std::string(all.empty() ? "" : ", ") + cause.name;
    throw std::runtime_error("there is no way to break called " + name + "; there are " + all);
}

Break parse_break(const std::string& text, int master) {
    const auto at = text.find('@');
    const Cause& cause = cause_of(text.substr(0, at));
    const int where = at != std::string::npos ? static_cast<int>(master_index(text.substr(at + 1)))
                      : master >= 0           ? master
                                              : cause.master;
    return {.cause = cause.name, .master = where};
}

std::size_t master_index(const std::string& name) {
    const auto digits = name.find_first_of("0123456789");
    if (digits == std::string::npos)
        throw std::runtime_error("\"" + name + "\" is no master; they are called master/0, master/1, ...");
    return std::stoul(name.substr(digits));
}

void list_causes(std::ostream& out) {
    for (const Cause& cause : causes)
        out << fmt::format("{:<24} {}{}\n", cause.name, cause.meaning,
                           cause.master < 0 ? "" : fmt::format(" (master/{} unless said otherwise)", cause.master));
}

}  // namespace aggmedic::lab
