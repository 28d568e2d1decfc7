#include <gtest/gtest.h>

#include <filesystem>

#include "daemon/cli/by_hand.hpp"
#include "daemon/cli/render.hpp"
#include "fixture.hpp"
#include "net/text.hpp"

namespace aggmedic::cli {
namespace {

struct Case {
    std::string golden, input;
    std::string (*render)(const nlohmann::json&, const View&);
    View view{};
};

void PrintTo(const Case& one, std::ostream* out) {
    *out << one.golden;
}

View view_of(std::string options, std::string kubeconfig = {}) {
    return {.style = {}, .options = std::move(options), .kubeconfig = std::move(kubeconfig), .accept_risk = {}};
}

TEST(RenderExplain, ClaimsNoCallerThatIsNotProven) {
    const auto cluster = [](const nlohmann::json& unobserved) {
        return nlohmann::json{{"clusters",
                               {{{"name", "a"},
                                 {"state", "healthy"},
                                 {"findings", nlohmann::json::array()},
                                 {"unobserved", unobserved}}}}};
    };
    const std::string claim = "answered as its caller";
    EXPECT_NE(render_explain(cluster(nlohmann::json::array()), view_of("")).find(claim), std::string::npos);
    const nlohmann::json gap = {
        {"what", "whom"}, {"master", nullptr}, {"reason", "x"}, {"causes", {"identity-collapse"}}};
    const auto text = render_explain(cluster(nlohmann::json::array({gap})), view_of(""));
    EXPECT_EQ(text.find(claim), std::string::npos);
    EXPECT_NE(text.find("is not proven"), std::string::npos);
}

class Golden : public testing::TestWithParam<Case> {};

TEST_P(Golden, SaysWhatAPersonAgreedTo) {
    const auto& one = GetParam();
    const auto text = one.render(json_fixture(one.input), one.view);
    EXPECT_EQ(text, golden(one.golden, text));
}

INSTANTIATE_TEST_SUITE_P(
    Renderings, Golden,
    testing::Values(
        Case{"check-cn-not-allowed.txt", "check-cn-not-allowed.json", render_check},
        Case{"check-fleet.txt", "check-fleet.json", render_check},
        Case{"check-masked.txt", "check-masked.json", render_check, view_of("", " --kubeconfig demo.kubeconfig")},
        Case{"check-hostile.txt", "check-hostile.json", render_check},
        Case{"explain-cn-not-allowed.txt", "check-cn-not-allowed.json", render_explain},
        Case{"explain-fleet.txt", "check-fleet.json", render_explain, view_of(" --standalone --config a.yml")},
        Case{"explain-masked.txt", "check-masked.json", render_explain, view_of("", " --kubeconfig demo.kubeconfig")},
        Case{"explain-hostile.txt", "check-hostile.json", render_explain},
        Case{"plan-shared-ca.txt", "plan-shared-ca.json", render_plan},
        Case{"plan-refused.txt", "plan-refused.json", render_plan, view_of(" --standalone --config a.yml")},
        Case{"plan-nothing.txt", "plan-nothing.json", render_plan},
        Case{"plan-hostile.txt", "plan-hostile.json", render_plan},
        Case{"apply-applied.txt", "apply-applied.json", render_apply},
        Case{"apply-needs-person.txt", "apply-needs-person.json", render_apply},
        Case{"apply-refused.txt", "apply-refused.json", render_apply},
        Case{"preflight.txt", "preflight.json", render_preflight}, Case{"run.txt", "run.json", render_runs},
        Case{"runs.txt", "runs.json", render_runs}, Case{"status.txt", "status.json", render_status}),
    [](const auto& test) {
        auto name = test.param.golden.substr(0, test.param.golden.find('.'));
        std::erase(name, '-');
        return name;
    });

// The lines are run by a shell on a copy of the file that the plan is of, whatever its folder is called.
TEST(ByHand, TheLinesMakeTheChangeThatThePlanNames) {
    const std::string before = "args:\n  - --a=b.c\n  - --requestheader-allowed-names=aggregator\n  - --z\n";
    const std::string after =
        "args:\n  - --a=b.c\n  - --requestheader-allowed-names=aggregator,demo.pks.ik.am\n  - --z\n";
    const auto run = [](std::string line) {
        while (line.contains("sudo ")) line.erase(line.find("sudo "), 5);
        return std::system(("(" + line + ") >/dev/null").c_str());
    };
    auto name = (std::filesystem::temp_directory_path() / "by-hand-XXXXXX").string();
    const std::filesystem::path root = ::mkdtemp(name.data());
    for (const std::string odd : {"config", "it's", "'; touch pwned; '", "$(touch pwned)", "`touch pwned`", "a b"}) {
        for (const std::string platform : {"bosh", "kubeadm"}) {
            const auto folder = root / platform / odd / "manifests";
            std::filesystem::create_directories(folder);
            const auto file = (folder / "bpm.yml").string();
            std::ofstream(file) << before;
            const nlohmann::json master = {{"name", "master/0"},
                                           {"address", "10.0.0.1:8443"},
                                           {"file", file},
                                           {"sha256_after", sha256_hex(after)},
                                           {"diff",
                                            "--- a\n+++ b\n@@ -3 +3 @@\n-  - --requestheader-allowed-names=aggregator\n"
                                            "+  - --requestheader-allowed-names=aggregator,demo.pks.ik.am\n"}};
            const auto lines = by_hand(master, platform);
            const std::size_t last = platform == "bosh" ? 2 : 3;  // behind it the restart
            ASSERT_GT(lines.change.size(), last);
            for (std::size_t at = 1; at <= last; ++at) EXPECT_EQ(run(lines.change[at]), 0) << lines.change[at];
            std::ifstream read(file);
            EXPECT_EQ(std::string(std::istreambuf_iterator<char>(read), {}), after) << file;
            EXPECT_FALSE(std::filesystem::exists("pwned")) << odd;
        }
    }
    std::filesystem::remove_all(root);
}

TEST(RenderCheck, SaysThatThereAreNoClusters) {
    EXPECT_EQ(render_check({{"clusters", nlohmann::json::array()}}, {}), "No clusters are configured.\n");
}

TEST(RenderCheck, NamesThePlanCommandOnlyWhereAPlanIsRight) {
    auto result = json_fixture("check-cn-not-allowed.json");
    EXPECT_NE(render_check(result, {}).find("aggmedic plan demo"), std::string::npos);
    for (auto& finding : result["clusters"][0]["findings"]) finding["allow_list"] = "wrong";
    EXPECT_EQ(render_check(result, {}).find("aggmedic plan"), std::string::npos);
}

TEST(RenderCheck, SetsWhatMastersShowSideBySide) {
    auto result = json_fixture("check-cn-not-allowed.json");
    auto& finding = result["clusters"][0]["findings"][0];
    finding["cause"] = "masters-differ";
    finding["evidence"] = {{{"fact", "the process allows [a]"}, {"source", "ssh"}, {"master", "master/0"}},
                           {{"fact", "the process allows [b]"}, {"source", "ssh"}, {"master", "master/1"}}};
    result["clusters"][0]["findings"] = nlohmann::json::array({finding});
    EXPECT_NE(render_check(result, {}).find("on master/0, the process allows [a]; on master/1, the process allows [b]"),
              std::string::npos);
}

TEST(RenderPlan, ColoursTheDiffAndNothingElseOfTheLine) {
    const auto text = render_plan(json_fixture("plan-shared-ca.json"),
                                  View{.style = {.colour = true}, .options = {}, .kubeconfig = {}, .accept_risk = {}});
    EXPECT_NE(text.find("\x1b[31m-    - --requestheader-allowed-names=aggregator\x1b[0m\n"), std::string::npos);
    EXPECT_NE(text.find("\x1b[32m+    - --requestheader-allowed-names=aggregator,demo.pks.ik.am\x1b[0m\n"),
              std::string::npos);
}

TEST(RenderPlan, RepeatsWhatWasAlreadyAcceptedInTheCommandThatAcceptsTheRest) {
    auto result = json_fixture("plan-refused.json");
    result["risks"][0]["accepted"] = true;
    View view;
    view.accept_risk = {"shared-ca"};
    const auto text = render_plan(result, view);
    EXPECT_NE(text.find("aggmedic plan demo --accept-risk shared-ca --accept-risk single-master"), std::string::npos);
}

TEST(RenderPaused, TellsTheFleetFromClusters) {
    EXPECT_EQ(render_paused({{"paused", nlohmann::json::array()}}, {}), "Nothing is paused.\n");
    EXPECT_NE(render_paused({{"paused", {"demo"}}}, {}).find("End it with: aggmedic resume demo\n"), std::string::npos);
    EXPECT_NE(render_paused({{"paused", {""}}}, {}).find("End it with: aggmedic resume\n"), std::string::npos);
}

}  // namespace
}  // namespace aggmedic::cli
