#include "contract.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fixture.hpp"

namespace aggmedic::cli {
namespace {

using testing::Contains;
using testing::IsEmpty;

TEST(Contract, IsKeptByEveryResultThatTheDrawingsAreTestedWith) {
    for (const auto* file : {"check-cn-not-allowed.json", "check-fleet.json", "check-masked.json"}) {
        EXPECT_THAT(check_violations(json_fixture(file)), IsEmpty()) << file;
    }
    for (const auto* file : {"plan-shared-ca.json", "plan-refused.json", "plan-nothing.json"}) {
        EXPECT_THAT(plan_violations(json_fixture(file)), IsEmpty()) << file;
    }
    for (const auto* file : {"apply-applied.json", "apply-needs-person.json", "apply-refused.json"}) {
        EXPECT_THAT(apply_violations(json_fixture(file)), IsEmpty()) << file;
    }
}

TEST(Contract, NoticesALostKeyAndAnUnknownWord) {
    auto check = json_fixture("check-cn-not-allowed.json");
    check["clusters"][0]["state"] = "broken";
    check["clusters"][0]["findings"][0].erase("remedy");
    EXPECT_THAT(check_violations(check), Contains("remedy is missing"));
    EXPECT_EQ(check_violations(check).size(), 2U);
    auto apply = json_fixture("apply-applied.json");
    apply["outcome"] = "done";
    EXPECT_EQ(apply_violations(apply).size(), 1U);
}

}  // namespace
}  // namespace aggmedic::cli
