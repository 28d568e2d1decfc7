#include "tests/model/extension_log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/unit/model/recorded.hpp"

namespace aggmedic::model {
namespace {

constexpr const char* catalog_log = "extension.log.txt";
constexpr const char* sample_log = "extension.sample-apiserver.log.txt";

// What follows the stamp and the place, without the `# xN` of the recordings, and without what the recordings cut.
std::string words(std::string line) {
    const auto text = line.find("] ");
    if (line.size() > 1 && std::isdigit(static_cast<unsigned char>(line[1])) && text != std::string::npos)
        line.erase(0, text + 2);
    if (const auto count = line.find("   # x"); count != std::string::npos) line.erase(count);
    return line;
}

void expect_recorded(const LogLines& lines, const std::string& folder, const char* file) {
    std::set<std::string> recorded;
    for (const auto& line : recorded::lines("recorded/" + folder + "/" + file)) recorded.insert(words(line));
    for (const auto& line : lines) {
        const std::string wanted = words(line);
        EXPECT_TRUE(std::ranges::any_of(recorded,
                                        [&](const auto& real) {
                                            constexpr std::size_t long_enough = 150;  // longer lines are cut
                                            return real == wanted ||
                                                   (real.size() > long_enough && wanted.starts_with(real));
                                        }))
            << folder << "/" << file << " has no line " << wanted;
    }
}

const LogStamp stamp{.month_day_time = "1123 00:17:00.947589", .pid = 1073};

AuthRules rules_of(ExtensionKind kind, std::vector<std::string> names) {
    return {.trusts_client_ca = trusts_client_ca(kind), .allows_anonymous = true, .allowed_names = std::move(names)};
}

PresentedCertificate refused(const std::string& fault) {
    return {.presented = true,
            .requestheader_fault = fault,
            .client_fault = fault,
            .numbers =
                "SN=31801011771715055179055615622049368413577535928, "
                "SKID=ED:B3:78:CB:3A:FC:81:11:91:54:97:8D:99:A8:D7:FC:95:E6:FC:05, AKID=4F:52:43:16:EA:B8:39:FE:"
                "B5:BC:4D:",
            .common_name = "demo.pks.ik.am",
            .organizations = {}};
}

PresentedCertificate named(const std::string& common_name, bool for_client) {
    PresentedCertificate certificate = refused("x509: certificate signed by unknown authority");
    certificate.verifies_for_requestheader = true;
    certificate.verifies_for_client = for_client;
    certificate.common_name = common_name;
    return certificate;
}

TEST(ExtensionLog, HasTheRecordedWordsOfARefusedName) {
    const auto old = ExtensionKind::reads_once;
    expect_recorded(rejection_lines(old, rules_of(old, {"aggregator"}), named("demo.pks.ik.am", true), stamp),
                    "cn-not-allowed", catalog_log);
    expect_recorded(rejection_lines(old, rules_of(old, {"aggregator", "demo.pks.ik.am"}), named("", true), stamp),
                    "proxy-cert-empty-cn", catalog_log);
    const auto fresh = ExtensionKind::reloads;
    expect_recorded(rejection_lines(fresh, rules_of(fresh, {"aggregator"}), named("", true), stamp),
                    "proxy-cert-empty-cn", sample_log);
}

TEST(ExtensionLog, HasTheRecordedWordsOfARefusedCertificate) {
    for (const auto& [folder, fault] :
         {std::pair{"proxy-cert-other-ca", "x509: certificate signed by unknown authority"},
          {"proxy-cert-expired",
           "x509: certificate has expired or is not yet valid: current time 2026-11-23T00:18:08Z is after "
           "2025-01-01T00:00:00Z"}}) {
        const auto old = ExtensionKind::reads_once;
        expect_recorded(rejection_lines(old, rules_of(old, {"aggregator"}), refused(fault), stamp), folder,
                        catalog_log);
    }
    const auto fresh = ExtensionKind::reloads;
    expect_recorded(
        rejection_lines(fresh, rules_of(fresh, {}), refused("x509: certificate signed by unknown authority"), stamp),
        "proxy-cert-other-ca", sample_log);
}

TEST(ExtensionLog, HasTheRecordedWordsOfAStartWithoutTheConfigMap) {
    const auto fault = StartFault::config_map_forbidden;
    expect_recorded(start_fault_lines(ExtensionKind::reads_once, fault, "catalog-apiserver", stamp),
                    "ext-no-configmap-access", catalog_log);
    expect_recorded(start_fault_lines(ExtensionKind::reloads, fault, "wardle-apiserver", stamp),
                    "ext-no-configmap-access", sample_log);
}

TEST(ExtensionLog, StartsAsRecorded) {
    expect_recorded(start_lines(ExtensionKind::reads_once, stamp), "healthy", catalog_log);
    expect_recorded(start_lines(ExtensionKind::reloads, stamp), "healthy", sample_log);
}

TEST(ExtensionLog, LinesHaveKlogsForm) {
    EXPECT_EQ(klog('W', stamp, "x509.go:171", "text"), "W1123 00:17:00.947589    1073 x509.go:171] text");
}

}  // namespace
}  // namespace aggmedic::model
