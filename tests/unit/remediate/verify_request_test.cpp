#include "remediate/verify_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "remediate/json_path.hpp"

namespace aggmedic::remediate {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const json document = json::parse(R"({
    "status": {"phase": "Running", "replicas": 3, "paused": false, "none": null,
               "conditions": [{"type": "Ready", "status": "True"}, {"type": "Available", "status": "False"},
                              {"type": "Twice", "status": "True"}, {"type": "Twice", "status": "False"}, 7]},
    "metadata": {"labels": {"app.kubernetes.io/name": "catalog"}}})");

TEST(JsonPath, FindsOneValue) {
    const std::vector<std::pair<const char*, const char*>> cases{
        {".status.phase", "Running"},
        {".status.replicas", "3"},
        {".status.paused", "false"},
        {"['status']['phase']", "Running"},
        {".metadata.labels['app.kubernetes.io/name']", "catalog"},
        {".status.conditions[1].type", "Available"},
        {R"(.status.conditions[?(@.type=="Ready")].status)", "True"},
        {R"(.status.conditions[?(@.type=="Available")].status)", "False"},
    };
    for (const auto& [path, value] : cases) {
        const auto read = JsonPath::parse(path);
        ASSERT_TRUE(read) << path << ": " << read.error().detail;
        const auto found = read->find(document);
        ASSERT_NE(found.value, nullptr) << path << ": " << found.why;
        EXPECT_EQ(scalar_text(*found.value), value) << path;
    }
}

TEST(JsonPath, SaysWhyThereIsNone) {
    const std::vector<std::pair<const char*, const char*>> cases{
        {".status.phases", "there is no phases"},
        {".status.phase.more", "there is no more"},
        {".status[0]", "there is no element 0"},
        {".status.conditions[9]", "there is no element 9"},
        {R"(.status.conditions[?(@.type=="Rady")].status)", "no element has the type Rady"},
        {R"(.status.conditions[?(@.type=="Twice")].status)", "several elements have the type Twice"},
        {R"(.status[?(@.type=="Ready")])", "no element has the type Ready"},
    };
    for (const auto& [path, why] : cases) {
        const auto found = JsonPath::parse(path)->find(document);
        EXPECT_EQ(found.value, nullptr) << path;
        EXPECT_EQ(found.why, why) << path;
    }
    EXPECT_EQ(scalar_text(document["status"]["conditions"]), std::nullopt);
    EXPECT_EQ(scalar_text(document["status"]["none"]), std::nullopt);
}

TEST(JsonPath, RefusesWhatIsNotOfItsGrammar) {
    for (const char* path : {"",
                             "status",
                             "$.status",
                             "{.status}",
                             ".status.",
                             ".status..phase",
                             ".status[*]",
                             ".a[0:2]",
                             ".a[-1]",
                             ".a[999999]",
                             ".a[0",
                             ".a['b",
                             ".a['']",
                             ".a[\"b\"]",
                             ".a[?(@.b=='c')]",
                             ".a[?(@.b!=\"c\")]",
                             ".a[?(@.b==\"c\" && @.d==\"e\")]",
                             ".a[?(@.b==\"\")]",
                             ".a[?(@['b']==\"c\")]",
                             ".a b",
                             ".a\n",
                             ".a['\x01']",
                             ".a['\\u0041']",
                             ".a[?(@.b==\"c\")",
                             ".*"}) {
        const auto read = JsonPath::parse(path);
        ASSERT_FALSE(read) << path;
        EXPECT_EQ(read.error().code, Errc::invalid_argument);
    }
    std::string deep;
    for (int at = 0; at < 17; ++at) deep += ".a";
    EXPECT_FALSE(JsonPath::parse(deep));
    EXPECT_FALSE(JsonPath::parse("." + std::string(512, 'a')));
    EXPECT_THAT(JsonPath::parse(".a[*]").error().detail, HasSubstr("`[*]` is not understood"));
}

VerifyRequest ready_condition() {
    return {.get = "/api/v1/nodes/n", .json_path = R"(.status.conditions[?(@.type=="Ready")].status)", .value = "True"};
}

HttpReply replied(unsigned status, std::string body = {}) {
    HttpReply reply;
    reply.status = status;
    reply.body = std::move(body);
    return reply;
}

TEST(JudgeVerify, WantsTheStatusAndTheValue) {
    const VerifyRequest plain{.get = "/apis/x"};
    const VerifyRequest missing{.get = "/apis/x", .expect_status = 404};
    struct Case {
        VerifyRequest wanted;
        Result<HttpReply> reply;
        bool passes;
        const char* says;
    };
    const std::string ready = R"({"status":{"conditions":[{"type":"Ready","status":"True"}]}})";
    const std::string not_ready = R"({"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}})";
    const std::vector<Case> cases{
        {plain, replied(200), true, "answers 200"},
        {plain, replied(503), false, "answers 503"},
        {plain, fail(Errc::timeout, "10.0.0.1"), false, "gives no answer (timeout)"},
        {missing, replied(404), true, "answers 404"},
        {missing, replied(200), false, "answers 200"},
        {ready_condition(), replied(200, ready), true, "is `True`"},
        {ready_condition(), replied(200, not_ready), false, "is `Unknown`"},
        {ready_condition(), replied(503, ready), false, "answers 503"},
        {ready_condition(), replied(200, "{}"), false, "there is no status"},
        {ready_condition(), replied(200, "[]"), false, "is no JSON object that can be read"},
        {ready_condition(), replied(200, "garbage"), false, "is no JSON object that can be read"},
        {ready_condition(), replied(200), false, "is no JSON object that can be read"},
    };
    for (const auto& each : cases) {
        const auto answer = judge_verify(each.wanted, "m0", each.reply);
        EXPECT_EQ(answer.passes, each.passes) << answer.says;
        EXPECT_THAT(answer.says, HasSubstr(each.says));
        EXPECT_EQ(answer.master, "m0");
    }
}

TEST(JudgeVerify, DoesNotRepeatWhatMayBeSomebodysData) {
    const VerifyRequest wanted{.get = "/x", .json_path = ".a", .value = "b"};
    const std::string data(60, 'x');
    const auto answer = judge_verify(wanted, "m0", replied(200, R"({"a":")" + data + R"(","c":"never"})"));
    EXPECT_THAT(answer.says, Not(HasSubstr("xxx")));
    EXPECT_THAT(answer.says, Not(HasSubstr("never")));
    EXPECT_THAT(answer.says, HasSubstr("another text"));
    EXPECT_THAT(judge_verify(wanted, "m0", replied(200, R"({"a":"\u001b[31m"})")).says, Not(HasSubstr("\x1b")));
}

TEST(DescribeVerifyRequest, SaysWhatItProves) {
    VerifyRequest wanted{.get = "/apis/x"};
    EXPECT_EQ(describe_verify_request(wanted), "GET /apis/x through every master answers 200.");
    wanted.before = {{"m0", false, "answers 503"}, {"m1", false, "answers 401"}};
    EXPECT_EQ(describe_verify_request(wanted),
              "GET /apis/x through every master answers 200. Before: through m0 answers 503, m1 answers 401.");
    wanted.before = {{"m0", true, "answers 200"}, {"m1", true, "answers 200"}};
    EXPECT_THAT(describe_verify_request(wanted), HasSubstr("It passes already, so it proves nothing"));
    wanted.before = {{"m0", true, "answers 200"}, {"m1", false, "answers 503"}};
    EXPECT_THAT(describe_verify_request(wanted),
                HasSubstr("Before: through m1 answers 503. It passes already through m0."));
    EXPECT_THAT(describe_verify_request(ready_condition()),
                HasSubstr(R"(answers 200, and .status.conditions[?(@.type=="Ready")].status is `True`.)"));
}

TEST(VerifyAnswersMoved, NoticesEveryOtherAnswer) {
    Plan plan;
    plan.cluster = "demo";
    plan.verify_requests = {{.get = "/apis/x", .before = {{"m0", false, "answers 503"}, {"m1", true, "answers 200"}}}};
    auto now = plan.verify_requests;
    EXPECT_THAT(verify_answers_moved(plan, now), IsEmpty());
    now[0].before[0].says = "answers 401";  // it fails in another way
    EXPECT_THAT(verify_answers_moved(plan, now), IsEmpty());
    now[0].before[0].passes = true;
    const auto healed = verify_answers_moved(plan, now);
    ASSERT_EQ(healed.size(), 1U);
    EXPECT_EQ(healed[0].gate, "stale");
    EXPECT_THAT(healed[0].reason, HasSubstr("GET /apis/x through m0 failed when it was planned, and now it"));
    now = plan.verify_requests;
    now[0].before[1].passes = false;
    EXPECT_THAT(verify_answers_moved(plan, now)[0].reason, HasSubstr("through m1 passed when it was planned"));
    now[0].before.pop_back();
    EXPECT_THAT(verify_answers_moved(plan, now)[0].reason, HasSubstr("could not be tried again through m1"));
    EXPECT_EQ(verify_answers_moved(plan, {}).size(), 1U);
}

TEST(VerifyBeyondFindings, NamesWhatTheRepairMayNotMend) {
    Plan plan;
    probes::Finding finding;
    finding.apiservice = "v1beta1.servicecatalog.k8s.io";
    plan.findings = {finding};
    const std::vector<VerifyAnswer> fails{{"m0", false, "answers 503"}}, passes{{"m0", true, "answers 200"}};
    plan.verify_requests = {{.get = "/apis/servicecatalog.k8s.io/v1beta1/x", .before = fails},
                            {.get = "/apis/servicecatalog.k8s.io/v1beta1?limit=1", .before = fails},
                            {.get = "/apis/servicecatalog.k8s.io/v1beta10/x", .before = fails},
                            {.get = "/api/v1/nodes", .before = passes},
                            {.get = "/api/v1/pods", .before = fails},
                            {.get = "/api/v1/services"}};
    EXPECT_THAT(verify_beyond_findings(plan), ElementsAre("/apis/servicecatalog.k8s.io/v1beta10/x", "/api/v1/pods"));
}

}  // namespace
}  // namespace aggmedic::remediate
