#include "tests/sim/files.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "net/text.hpp"
#include "tests/model/apiserver_flags.hpp"

namespace aggmedic::sim {
namespace {

const std::vector<std::string>& arguments_before() {
    static const std::vector<std::string> arguments{
        "--secure-port=8443", "--client-ca-file=/var/vcap/jobs/kube-apiserver/config/kubernetes.pem",
        "--proxy-client-cert-file=/var/vcap/jobs/kube-apiserver/config/kubernetes.pem",
        "--requestheader-client-ca-file=/var/vcap/jobs/kube-apiserver/config/kubernetes.pem"};
    return arguments;
}

FileVersion make(bool has_name, Hand edited) {
    FileVersion made;
    made.has_name = has_name;
    made.edited = edited;
    made.argv = {"/var/vcap/packages/kubernetes/bin/kube-apiserver"};
    for (const auto& argument : arguments_before()) made.argv.push_back(argument);
    made.argv.push_back(edited == Hand::flag ? "--v=4" : "--v=2");
    made.argv.push_back(std::string("--requestheader-allowed-names=") + old_name + (has_name ? "," : "") +
                        (has_name ? demo_cn : ""));
    made.bytes = "---\n\nprocesses:\n- name: kube-apiserver\n  executable: " + made.argv.front() + "\n  args:\n";
    for (std::size_t at = 1; at < made.argv.size(); ++at) made.bytes += "  - " + made.argv[at] + "\n";
    if (edited == Hand::comment) made.bytes += "# looked at by another operator\n";
    made.sha256 = sha256_hex(made.bytes);
    const std::vector<std::string> words(made.argv.begin() + 1, made.argv.end());
    made.allowed_names = model::ApiserverFlags(words).list("requestheader-allowed-names");
    return made;
}

const std::array<FileVersion, 6>& all() {
    static const std::array<FileVersion, 6> versions{make(false, Hand::nobody),  make(true, Hand::nobody),
                                                     make(false, Hand::comment), make(true, Hand::comment),
                                                     make(false, Hand::flag),    make(true, Hand::flag)};
    return versions;
}

}  // namespace

const FileVersion& file_version(bool has_name, Hand edited) {
    return all().at(2 * static_cast<std::size_t>(edited) + (has_name ? 1 : 0));
}

const FileVersion* find_version(std::string_view bytes) {
    for (const auto& version : all()) {
        if (version.bytes == bytes) return &version;
    }
    return nullptr;
}

std::string read_fixture(const std::string& path) {
    std::ifstream file(std::string(AGGMEDIC_FIXTURES) + "/" + path, std::ios::binary);
    if (!file) throw std::runtime_error("no fixture " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace aggmedic::sim
