#include "daemon/advice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aggmedic::daemon {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

TEST(Advice, ANewTokenIsOfTheServiceAccountThatRbacShips) {
    EXPECT_THAT(next_commands("our-own-401", "", {}), Contains(HasSubstr("create token aggmedic-probe ")));
}

TEST(Advice, WhatStandsStillIsToldByTheWholeGroup) {
    const auto top = Contains(HasSubstr("kubectl top fails"));
    EXPECT_THAT(blast_radius({"v1beta1.metrics.k8s.io"}, 1), top);
    for (const auto* api : {"v1beta1.custom.metrics.k8s.io", "v1beta1.external.metrics.k8s.io"}) {
        EXPECT_THAT(blast_radius({api}, 1), Not(top)) << api;
        EXPECT_THAT(blast_radius({api}, 1), Contains(HasSubstr("by custom or external metrics"))) << api;
    }
    EXPECT_THAT(blast_radius({"v1beta1.servicecatalog.k8s.io"}, 1), Contains(HasSubstr("service instances")));
    EXPECT_THAT(blast_radius({"v1.my-servicecatalog.k8s.io"}, 1), Not(Contains(HasSubstr("service instances"))));
}

}  // namespace
}  // namespace aggmedic::daemon
