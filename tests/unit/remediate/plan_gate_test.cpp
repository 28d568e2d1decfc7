#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "planned.hpp"
#include "probes/diagnose.hpp"

namespace aggmedic::remediate {
namespace {

using testing::ElementsAre;

struct GateCase {
    const char* name;
    std::function<void(FakeCluster&)> cluster;
    std::function<void(PlanInput&)> input;
    const char* gate;
};
void PrintTo(const GateCase& each, std::ostream* out) {
    *out << each.name;
}
probes::MasterView& view(PlanInput& input, const char* master = "m0") {
    return *input.observation.masters.at(master);
}
probes::ApiserverView& apiserver(PlanInput& input, std::size_t at) {
    return input.observation.apiservers.at(at);
}
void set_bytes(PlanInput& input, const std::string& from, const std::string& to) {
    auto& bytes = input.sources["m0"].at(0).bytes;
    bytes.replace(bytes.find(from), from.size(), to);
}

void publish_ca(PlanInput& input, const std::string& name) {
    const auto ca = *probes::parse_certificates(fixture("certificates/" + name + ".pem"));
    for (auto& each : input.observation.apiservers) each.published->requestheader_ca = ca;
}
void set_proxy(FakeCluster& cluster, const std::string& name) {
    for (auto& master : cluster.masters) master.proxy_pem = fixture("certificates/" + name + ".pem");
}
// A log that refuses client certificates, last at `age` before now.
void log_refusal(PlanInput& input, probes::LogEvent event, const std::string& common_name, std::chrono::minutes age) {
    probes::LogFact fact{.event = event, .common_name = common_name, .count = 2, .first = {}, .last = input.now - age};
    auto& workloads = input.observation.workloads;
    if (workloads.empty()) {
        workloads.emplace_back();
        workloads.back().apiservice = "v1beta1.servicecatalog.k8s.io";
        workloads.back().logs = std::vector<probes::ExtensionLog>(1);
    }
    workloads.back().logs->back().facts.push_back(std::move(fact));
}
// A cluster of before 1.20, whose masters tell when the file was written and the process was started.
void make_old(PlanInput& input, std::chrono::seconds written_after_start) {
    for (auto& each : input.observation.apiservers) each.version = std::string("v1.19.16");
    for (auto& [name, master] : input.observation.masters) {
        master->process->started_at = input.now - std::chrono::hours(24);
        for (auto& file : master->files) file.modified = *master->process->started_at + written_after_start;
    }
}

const std::vector<GateCase>& gate_cases() {
    const auto nothing = [](FakeCluster&) {};
    static const std::vector<GateCase> cases{
        {"AMasterThatWasNotRead", nothing,
         [](PlanInput& in) { in.observation.masters["m0"] = probes::Unobserved{.reason = "timeout", .detail = {}}; },
         "master-seen m0"},
        {"AMasterThatNobodyLookedAt", nothing, [](PlanInput& in) { in.observation.masters.erase("m0"); },
         "master-seen m0"},
        {"AMasterThatIsNotReady", nothing, [](PlanInput& in) { apiserver(in, 1).readyz->status = 500; },
         "master-ready m0"},
        {"AMasterWhoseReadinessIsUnknown", nothing,
         [](PlanInput& in) { apiserver(in, 1).readyz = probes::Unobserved{}; }, "master-ready m0"},
        {"AMasterThatIsNotInTheList", nothing, [](PlanInput& in) { in.observation.masters["m9"] = view(in); },
         "masters-listed demo"},
        {"NoMasters", nothing, [](PlanInput& in) { in.masters.clear(); }, "masters-listed demo"},
        {"AnOldView", nothing, [](PlanInput& in) { in.now += std::chrono::minutes(3); }, "observation demo"},
        {"AViewFromTheFuture", nothing, [](PlanInput& in) { in.now -= std::chrono::minutes(1); }, "observation demo"},
        {"AnotherPlatform", nothing, [](PlanInput& in) { in.observation.platform = "kubeadm"; }, "platform demo"},
        {"NoPlatform", nothing, [](PlanInput& in) { in.observation.platform.clear(); }, "platform demo"},
        {"AnotherMethod", nothing, [](PlanInput& in) { in.method = "file"; }, "method demo"},
        {"ARevertWithoutARun", nothing, [](PlanInput& in) { in.method = "revert"; }, "method demo"},
        {"AnUnknownVersion", nothing, [](PlanInput& in) { apiserver(in, 1).version = probes::Unobserved{}; },
         "kubernetes-version demo"},
        {"DifferentVersions", nothing, [](PlanInput& in) { apiserver(in, 2).version = std::string("v1.21.0"); },
         "kubernetes-version demo"},
        {"AnUnreadConfigMap", nothing,
         [](PlanInput& in) {
             for (auto& each : in.observation.apiservers) each.published = probes::Unobserved{};
         },
         "configmap demo"},
        {"NamesThatAreNoJson", nothing,
         [](PlanInput& in) {
             for (auto& each : in.observation.apiservers) {
                 each.published->allowed_names_malformed = true;
             }
         },
         "configmap demo"},
        {"EmptyPublishedNames", nothing,
         [](PlanInput& in) {
             for (auto& each : in.observation.apiservers) each.published->allowed_names->clear();
         },
         "configmap demo"},
        {"AnUnreadListOfApiServices", nothing,
         [](PlanInput& in) {
             for (auto& each : in.observation.apiservers) each.apiservices = probes::Unobserved{};
         },
         "aggregated-apis-known demo"},
        {"MoreApiServicesThanAreLookedAt", nothing, [](PlanInput& in) { apiserver(in, 1).apiservices_left_out = 1; },
         "aggregated-apis-known demo"},
        {"NoAggregatedApi", nothing,
         [](PlanInput& in) {
             for (auto& each : in.observation.apiservers) each.apiservices->clear();
         },
         "aggregated-apis-known demo"},
        {"AnApiThatAnswersNothingThatTells", nothing,
         [](PlanInput& in) {
             for (auto& each : apiserver(in, 1).attempts[0].discovery) each.status = 429;
         },
         "aggregated-apis-known demo"},
        {"AnApiThatWasNotAskedThroughOneMaster", nothing, [](PlanInput& in) { apiserver(in, 1).attempts.clear(); },
         "aggregated-apis-known demo"},
        {"AMasterThatRefusesTheProbe", nothing, [](PlanInput& in) { apiserver(in, 1).control->status = 401; },
         "aggregated-apis-known demo"},
        {"AnotherCause", nothing,
         [](PlanInput& in) {
             in.assessment.findings[0].cause = "no-backend";
             in.assessment.findings[0].allow_list = probes::AllowList::wrong;
         },
         "diagnosis demo"},
        {"ACompetingCause", nothing,
         [](PlanInput& in) {
             auto& list = in.assessment.findings;
             list.push_back(list[0]);
             list.back().cause = "no-backend";
         },
         "competing-cause demo"},
        {"AnAmbiguousFinding", nothing,
         [](PlanInput& in) {
             auto& list = in.assessment.findings;
             list.push_back(list[0]);
             list.back().cause = "stale-ca-in-extension";
             list.back().severity = probes::Severity::info;
             list.back().confidence = probes::Confidence::ambiguous;
         },
         "competing-cause demo"},
        {"AnInferredCause", nothing,
         [](PlanInput& in) {
             for (auto& each : in.assessment.findings) each.confidence = probes::Confidence::probable;
         },
         "diagnosis demo"},
        {"SeveralNames", nothing,
         [](PlanInput& in) {
             auto& list = in.assessment.findings;
             list.push_back(list[0]);
             list.back().common_name = "other";
         },
         "diagnosis demo"},
        {"AnotherNameInTheFinding", nothing,
         [](PlanInput& in) {
             for (auto& each : in.assessment.findings) each.common_name = "other";
         },
         "common-name demo"},
        {"CertificatesWithDifferentNames",
         [](FakeCluster& c) { c.master("m0").proxy_pem = fixture("recorded/pki/proxy-aggregator.pem"); },
         {},
         "common-name demo"},
        {"AnExpiredCertificate",
         [](FakeCluster& c) { c.master("m0").proxy_pem = fixture("recorded/pki/proxy-expired.pem"); },
         {},
         "certificate m0"},
        {"AForeignCertificate",
         [](FakeCluster& c) { c.master("m0").proxy_pem = fixture("recorded/pki/proxy-other-ca.pem"); },
         {},
         "certificate m0"},
        {"ACertificateForServersOnly",
         [](FakeCluster& c) { c.master("m0").proxy_pem = fixture("recorded/pki/proxy-server-eku.pem"); },
         {},
         "certificate m0"},
        {"ANameThatNobodyWrites",
         [](FakeCluster& c) {
             for (auto& m : c.masters) m.proxy_pem = fixture("recorded/pki/proxy-comma-cn.pem");
         },
         {},
         "common-name demo"},
        {"AnEmptyName",
         [](FakeCluster& c) {
             for (auto& m : c.masters) m.proxy_pem = fixture("recorded/pki/proxy-empty-cn.pem");
         },
         {},
         "common-name demo"},
        {"ACertificateThatEndsTomorrow", nothing,
         [](PlanInput& in) {
             in.now = *from_rfc3339("2029-02-24T00:00:00Z");
             in.observation.started = in.now;
         },
         "certificate m0"},
        {"ACertificateThatHasJustBegun", nothing,
         [](PlanInput& in) {
             in.now = *from_rfc3339("2026-11-22T23:48:00Z");
             in.observation.started = in.now;
         },
         "certificate m0"},
        {"ACaThatEndsTomorrow", [](FakeCluster& c) { set_proxy(c, "leaf"); },
         [](PlanInput& in) { publish_ca(in, "ca-ending"); }, "certificate m0"},
        {"ACertificateSignedWithSha1", [](FakeCluster& c) { set_proxy(c, "leaf-sha1"); },
         [](PlanInput& in) { publish_ca(in, "ca-first"); }, "certificate m0"},
        {"ACertificateWithATinyKey", [](FakeCluster& c) { set_proxy(c, "leaf-tiny-key"); },
         [](PlanInput& in) { publish_ca(in, "ca-first"); }, "certificate m0"},
        {"ACertificateOfATinyCa", [](FakeCluster& c) { set_proxy(c, "leaf-of-tiny-ca"); },
         [](PlanInput& in) { publish_ca(in, "ca-tiny"); }, "certificate m0"},
        {"ARenewedFileBesideAnOldProcess", nothing, [](PlanInput& in) { make_old(in, seconds(60)); },
         "certificate-in-use m0"},
        {"AnOldProcessOfUntoldStart", nothing,
         [](PlanInput& in) {
             make_old(in, seconds(-60));
             view(in).process->started_at.reset();
         },
         "certificate-in-use m0"},
        {"AnOldProcessAndAFileOfUntoldAge", nothing,
         [](PlanInput& in) {
             make_old(in, seconds(-60));
             for (auto& file : view(in).files) file.modified.reset();
         },
         "certificate-in-use m0"},
        {"AProcessOfUnknownVersion", nothing,
         [](PlanInput& in) {
             for (auto& each : in.observation.apiservers) each.version = probes::Unobserved{};
         },
         "certificate-in-use m0"},
        {"ALogThatNamesAnotherReason", nothing,
         [](PlanInput& in) {
             log_refusal(in, probes::LogEvent::cn_not_allowed, demo_cn, std::chrono::minutes(1));
             log_refusal(in, probes::LogEvent::unknown_authority, "ca", std::chrono::minutes(1));
         },
         "extension-log demo"},
        {"ALogThatNamesAnotherCn", nothing,
         [](PlanInput& in) { log_refusal(in, probes::LogEvent::cn_not_allowed, "other", std::chrono::minutes(1)); },
         "extension-log demo"},
        {"ALogLineWithoutATime", nothing,
         [](PlanInput& in) {
             log_refusal(in, probes::LogEvent::certificate_expired, "", std::chrono::minutes(1));
             in.observation.workloads.back().logs->back().facts.back().last.reset();
         },
         "extension-log demo"},
        {"AMalformedKeyOfTheConfigMap", nothing,
         [](PlanInput& in) {
             for (auto& each : in.observation.apiservers)
                 each.published->malformed["requestheader-username-headers"] = "not a JSON list of strings";
         },
         "configmap demo"},
        {"AKeyOfAnotherCertificate", nothing, [](PlanInput& in) { view(in).proxy_key_matches = false; },
         "proxy-key m0"},
        {"AnUnreadCertificate", [](FakeCluster& c) { c.master("m0").proxy_pem.clear(); }, {}, "certificate m0"},
        {"NoProcess", [](FakeCluster& c) { c.master("m0").runs = false; }, {}, "process m0"},
        {"AnotherJobDown",
         [](FakeCluster& c) { c.master("m0").other_service = "Execution failed"; },
         {},
         "supervisor m0"},
        {"AnUnreadSupervisor", nothing, [](PlanInput& in) { view(in).supervisor = probes::Unobserved{}; },
         "supervisor m0"},
        {"APendingAction", nothing, [](PlanInput& in) { view(in).supervisor->services[0].pending = true; },
         "supervisor m0"},
        {"ASupervisorWithoutTheJob", nothing, [](PlanInput& in) { view(in).supervisor->services[0].name = "other"; },
         "supervisor m0"},
        {"AForeignLock",
         [](FakeCluster& c) { c.master("m0").lock = "x run-9 1 " + c.master("m0").boot + " 9999999"; },
         {},
         "locked m0"},
        {"ALockThatCannotBeRead", [](FakeCluster& c) { c.master("m0").lock = "what"; }, {}, "locked m0"},
        {"OldBytesOfARun",
         [](FakeCluster& c) { c.master("m0").backup_name = "/x/.bpm.yml.aggmedic-run-9"; },
         {},
         "old-bytes-left m0"},
        {"AHostilePath", nothing, [](PlanInput& in) { view(in).args_file.resolved = "/var/$(id)"; },
         "facts-readable m0"},
        {"APathWithAQuote", nothing, [](PlanInput& in) { view(in).args_file.resolved = "/var/a';id;'b.yml"; },
         "facts-readable m0"},
        {"APathOfTwoLines", nothing, [](PlanInput& in) { view(in).args_file.path = "/var/a\nid"; },
         "facts-readable m0"},
        {"APathThatGoesUp", nothing, [](PlanInput& in) { view(in).args_file.resolved = "/var/../etc/shadow"; },
         "facts-readable m0"},
        {"AHostileOwner", nothing, [](PlanInput& in) { view(in).args_file.owner = "ro\x1bot"; }, "facts-readable m0"},
        {"AnUnappliedEdit", nothing,
         [](PlanInput& in) {
             view(in).file_equals_process = false;
             view(in).differing_flags = {"v"};
         },
         "unapplied-edits m0"},
        {"AFileThatIsNotUnderstood", nothing, [](PlanInput& in) { view(in).file_arguments = probes::Unobserved{}; },
         "unapplied-edits m0"},
        {"AnEmptyList", nothing, [](PlanInput& in) { set_bytes(in, "names=aggregator", "names="); }, "edit m0"},
        {"AFlagTwice", nothing,
         [](PlanInput& in) {
             set_bytes(in, "  - --requestheader-group-headers=X-Remote-Group", "  - --requestheader-allowed-names=x");
         },
         "edit m0"},
        {"AMissingFlag", nothing,
         [](PlanInput& in) { set_bytes(in, "requestheader-allowed-names", "requestheader-allowed-manes"); }, "edit m0"},
        {"ACutFile", nothing,
         [](PlanInput& in) {
             auto& bytes = in.sources["m0"].at(0).bytes;
             bytes.resize(bytes.find("  - --audit-log-path"));
         },
         "edit m0"},
        {"UnreadBytes", nothing, [](PlanInput& in) { in.sources.erase("m0"); }, "edit m0"},
        {"AMissingFileThatArgsName",
         [](FakeCluster& c) { c.master("m0").missing_flag = "token-auth-file"; },
         {},
         "named-files m0"},
        {"AnUnreadableFile", nothing, [](PlanInput& in) { view(in).files[0].readable = false; }, "named-files m0"},
        {"AServingCertificateOutOfDate", nothing,
         [](PlanInput& in) {
             for (auto& f : view(in).files) {
                 if (f.flag == "tls-cert-file") f.certificates[0].not_after = in.now;
             }
         },
         "certificates-in-date m0"},
        {"AFullDisk", [](FakeCluster& c) { c.master("m0").disk_kb = "65535"; }, {}, "disk-room m0"},
        {"NoMemory", [](FakeCluster& c) { c.master("m0").memory_kb = "262143"; }, {}, "memory-room m0"},
    };
    return cases;
}

class Gates : public testing::TestWithParam<std::tuple<GateCase, int>> {};

TEST_P(Gates, Refuse) {
    const auto& [each, masters] = GetParam();
    if (masters == 1 && std::string(each.name).contains("Different")) return;  // one master differs from nobody
    FakeCluster cluster(masters);
    auto clean = cluster.input();
    const std::vector<AcceptedRisk> risks{
        accepted_shared_ca(clean), {.id = "single-master", .ca_sha256 = {}, .cn = {}, .until = {}, .by = "uid=0"}};
    clean.accepted = risks;
    ASSERT_FALSE(make_plan(clean).refused()) << all_text(make_plan(clean).refusals);
    each.cluster(cluster);
    auto input = cluster.input();
    input.accepted = risks;
    if (each.input) each.input(input);
    const auto plan = make_plan(input);
    EXPECT_EQ(plan.id, "");
    EXPECT_TRUE(plan.masters.empty());
    if (masters == 1 && std::string(each.name) == "CertificatesWithDifferentNames")
        return;  // one certificate has one name
    if (masters == 1 && std::string(each.name) == "DifferentVersions") return;
    EXPECT_THAT(gates(plan.refusals), testing::Contains(each.gate)) << all_text(plan.refusals);
    for (const auto& refusal : plan.refusals) EXPECT_FALSE(refusal.reason.empty());
}
INSTANTIATE_TEST_SUITE_P(Each, Gates, testing::Combine(testing::ValuesIn(gate_cases()), testing::Values(1, 3, 5)),
                         [](const auto& param) {
                             return std::string(std::get<0>(param.param).name) + "Of" +
                                    std::to_string(std::get<1>(param.param));
                         });

// What the rows above differ in alone is what refuses.
TEST(Gates, DoNotRefuseWhatIsSound) {
    const auto refusals_of = [](const char* leaf, const std::function<void(PlanInput&)>& change) {
        FakeCluster cluster;
        if (leaf != nullptr) set_proxy(cluster, leaf);
        auto input = cluster.input();
        if (leaf != nullptr) publish_ca(input, "ca-first");
        input.assessment = probes::diagnose(input.observation, input.now);
        change(input);
        input.accepted = {accepted_shared_ca(input)};
        return all_text(make_plan(input).refusals);
    };
    EXPECT_EQ(refusals_of("leaf", [](PlanInput&) {}), "");
    EXPECT_EQ(refusals_of(nullptr, [](PlanInput& in) { make_old(in, seconds(-60)); }), "");
    EXPECT_EQ(refusals_of(nullptr,
                          [](PlanInput& in) {
                              using std::chrono::minutes;
                              log_refusal(in, probes::LogEvent::cn_not_allowed, demo_cn, minutes(1));
                              log_refusal(in, probes::LogEvent::cn_not_allowed, "a-scraper", minutes(1));
                              log_refusal(in, probes::LogEvent::unknown_authority, "ca", minutes(30));
                          }),
              "");
}

// The proxy-client certificate is of the first CA of the bundle, so that nothing but the second one's key tells.
TEST(Gates, ACaSignedAnewIsTheSameCa) {
    FakeCluster cluster;
    cluster.shared_ca = false;
    auto input = cluster.input();
    const auto first = probes::parse_certificates(fixture("certificates/ca-first.pem"))->front();
    const auto again = probes::parse_certificates(fixture("certificates/ca-again.pem"))->front();
    for (auto& each : input.observation.apiservers) each.published->requestheader_ca.push_back(first);
    ASSERT_TRUE(acceptable_risks(input).empty());
    for (auto& each : input.observation.apiservers) each.published->client_ca = {again};
    const auto risks = acceptable_risks(input);
    ASSERT_EQ(risks.size(), 1U);
    EXPECT_EQ(risks[0].ca_sha256, first.sha256);
    EXPECT_THAT(gates(make_plan(input).refusals), testing::Contains("shared-ca " + first.sha256));
}

TEST(Gates, AProcessThatDoesNotStartIsRefusedWithTheReason) {
    FakeCluster cluster;
    cluster.master("m0").runs = false;
    auto input = cluster.input();
    view(input).start_faults = std::vector<std::string>{"key-mismatch"};
    EXPECT_THAT(all_text(preflight(input)), testing::HasSubstr("a private key does not belong to its certificate"));
}

TEST(Gates, AStaleLockDoesNotRefuse) {
    FakeCluster cluster;
    cluster.master("m0").lock = "x run-9 1 another-boot 9999999";
    cluster.master("m1").lock = "x run-9 1 " + cluster.master("m1").boot + " 4000";
    EXPECT_FALSE(planned(cluster).refused());
}

TEST(Preflight, SaysNothingOfAClusterThatWouldComeBack) {
    const FakeCluster cluster;
    EXPECT_EQ(all_text(preflight(cluster.input())), "");
}
TEST(Preflight, AsksEveryMaster) {
    FakeCluster cluster;
    for (auto& master : cluster.masters) master.disk_kb = "1";
    EXPECT_THAT(gates(preflight(cluster.input())), ElementsAre("disk-room m0", "disk-room m1", "disk-room m2"));
}
TEST(Preflight, KnowsTheStartRefusalOf135) {
    const FakeCluster cluster;
    auto input = cluster.input();
    auto& master = view(input);
    master.process->arguments.flags["requestheader-allowed-names"] = {""};
    const auto ca = *probes::parse_certificates(fixture("recorded/pki/kubo_ca.pem"));
    for (auto& file : master.files) {
        if (file.flag == "client-ca-file" || file.flag == "requestheader-client-ca-file") file.certificates = ca;
    }
    EXPECT_THAT(gates(preflight(input)), ElementsAre("apiserver-refuses-start m0"));
    master.process->arguments.flags["requestheader-allowed-names"] = {"aggregator"};
    EXPECT_TRUE(preflight(input).empty());
}

}  // namespace
}  // namespace aggmedic::remediate
