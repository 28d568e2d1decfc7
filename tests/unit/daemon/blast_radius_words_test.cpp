#include "daemon/blast_radius_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "daemon/cli/render.hpp"

namespace aggmedic::daemon {
namespace {

using nlohmann::json;
using probes::BlastRadius;
using probes::Struck;
using testing::HasSubstr;

TEST(BlastRadiusWords, CountAndNameWhatWasSeen) {
    BlastRadius radius;
    radius.namespaces = Struck{.count = 7, .unexplained = 1, .is_cut = true, .names = {"a", "b"}};
    radius.pods = Struck{.count = 1, .unexplained = 0, .is_cut = false, .names = {"catalog/controller-manager"}};
    const auto value = blast_radius_json(radius);
    EXPECT_EQ(value["namespaces_terminating"],
              (json{{"count", 7}, {"at_least", true}, {"unexplained", 1}, {"names", {"a", "b"}}}));
    EXPECT_TRUE(value["autoscalers_frozen"].is_null());
    EXPECT_EQ(value["unobserved"], json::array());
    EXPECT_EQ(value["text"], (json{"at least 7 namespaces cannot be deleted until their discovery works: a, b, ...",
                                   "at least 1 more namespace Terminating without saying why",
                                   "1 pod crash-loops beside the extension API server: catalog/controller-manager"}));
}

TEST(BlastRadiusWords, NothingStruckIsSaidAsWellAsNothingSeen) {
    BlastRadius radius;
    radius.namespaces =
        probes::Unobserved{.reason = "forbidden", .detail = "the probe may not list \x1b[31mnamespaces"};
    radius.pods = Struck{};
    const auto value = blast_radius_json(radius);
    ASSERT_EQ(value["unobserved"].size(), 1U);
    EXPECT_EQ(value["unobserved"][0]["what"], "namespaces");
    EXPECT_THAT(value["text"][0].get<std::string>(), HasSubstr("not seen (forbidden: the probe may not list"));
    EXPECT_EQ(value.dump().find('\x1b'), std::string::npos);
    EXPECT_THAT(value["text"][1].get<std::string>(), HasSubstr("no other pod"));
    EXPECT_TRUE(blast_radius_json(probes::Unobserved{}).is_null()) << "nobody asked";
}

TEST(BlastRadiusWords, StandInWhatExplainShows) {
    BlastRadius radius;
    radius.namespaces = Struck{.count = 1, .unexplained = 0, .is_cut = false, .names = {"old"}};
    const json cluster{{"name", "demo"}, {"state", "findings"}, {"blast_radius", blast_radius_json(radius)}};
    const auto text = cli::render_explain({{"clusters", json::array({cluster})}}, {});
    EXPECT_THAT(text, HasSubstr("Seen of its cost in this cluster\n  - 1 namespace cannot be deleted"));
}

}  // namespace
}  // namespace aggmedic::daemon
