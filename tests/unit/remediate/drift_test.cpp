#include "remediate/drift.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "remediate/master_changes.hpp"

namespace aggmedic::remediate {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* names_flag = "requestheader-allowed-names";

probes::Arguments allowing(const std::string& names) {
    return {.count = 1, .sha256 = {}, .flags = {{names_flag, {names}}}};
}

probes::MasterView view(const std::string& name, const std::string& file, const std::string& live) {
    probes::MasterView view;
    view.master = name;
    view.boot_id = "boot-1";
    view.args_file.sha256 = "bytes-1";
    view.file_arguments = allowing(file);
    probes::ProcessFacts process;
    process.executable = "/bin/kube-apiserver";
    process.arguments = allowing(live);
    view.process = process;
    return view;
}

Plan applied() {
    Plan plan;
    plan.common_name = "demo.pks.ik.am";
    for (const auto* name : {"master/0", "master/1"}) {
        MasterPlan master;
        master.name = name;
        master.boot_id = "boot-1";
        master.argument_after = "--requestheader-allowed-names=aggregator,demo.pks.ik.am";
        plan.masters.push_back(master);
    }
    return plan;
}

probes::Observation as_repaired() {
    probes::Observation observation;
    for (const auto* name : {"master/0", "master/1"})
        observation.masters[name] = view(name, "aggregator,demo.pks.ik.am", "aggregator,demo.pks.ik.am");
    return observation;
}

TEST(Drift, IsNoneWhileTheRepairHolds) {
    EXPECT_THAT(find_drift(applied(), 2, as_repaired()), IsEmpty());
}

TEST(Drift, TellsARecreatedMasterFromAWrittenFileAndAnOddStart) {
    auto seen = as_repaired();
    seen.masters["master/1"] = view("master/1", "aggregator", "aggregator");
    auto found = find_drift(applied(), 2, seen);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].master, "master/1");
    EXPECT_THAT(found[0].how, HasSubstr("written again without demo.pks.ik.am"));

    seen.masters["master/1"]->boot_id = "boot-2";
    EXPECT_THAT(find_drift(applied(), 2, seen).at(0).how, HasSubstr("recreated or rebooted"));

    seen.masters["master/1"] = view("master/1", "aggregator,demo.pks.ik.am", "aggregator");
    EXPECT_THAT(find_drift(applied(), 2, seen).at(0).how, HasSubstr("Its file is right"));
}

TEST(Drift, SaysNothingOfWhatIsNotSeenWasNotRepairedOrWasTakenBack) {
    auto seen = as_repaired();
    seen.masters["master/0"] = probes::Unobserved{.reason = "timeout", .detail = {}};
    seen.masters["master/1"] = view("master/1", "aggregator", "aggregator");
    EXPECT_THAT(find_drift(applied(), 1, seen), IsEmpty());
    for (const auto* method : {"revert", "configmap"}) {
        auto other = applied();
        other.method = method;
        EXPECT_THAT(find_drift(other, 2, seen), IsEmpty()) << method;
    }
    EXPECT_THAT(find_drift(applied(), 2, {}), IsEmpty());
}

// The rest of a run that was gone on with: the canary is not in its plan's masters.
TEST(Drift, AlsoOfAMasterThatCarriedTheNameWhenTheRestWasRepaired) {
    auto rest = applied();
    rest.untouched.push_back({});
    rest.untouched.back().name = "master/2";
    rest.untouched.back().boot_id = "boot-1";
    auto seen = as_repaired();
    seen.masters["master/2"] = view("master/2", "aggregator,demo.pks.ik.am", "aggregator,demo.pks.ik.am");
    EXPECT_THAT(find_drift(rest, 2, seen), IsEmpty());
    seen.masters["master/2"] = view("master/2", "aggregator", "aggregator");
    const auto found = find_drift(rest, 2, seen);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].master, "master/2");
}

TEST(MasterChanges, TellsWhatMovedAndWhen) {
    const TimePoint start = from_rfc3339("2026-11-23T12:00:00Z").value();
    MasterChanges changes;
    EXPECT_EQ(changes.watched_since(), std::nullopt);
    auto seen = as_repaired();
    changes.fold(seen, start);
    EXPECT_EQ(changes.watched_since(), start);
    changes.fold(seen, start + 1min);
    EXPECT_EQ(changes.changed(), std::nullopt);
    seen.masters["master/1"]->boot_id = "boot-2";
    changes.fold(seen, start + 2min);
    EXPECT_EQ(changes.changed(), start + 2min);
    EXPECT_THAT(changes.what(), HasSubstr("master/1"));
}

TEST(MasterChanges, SeesAcrossATimeInWhichTheMasterCouldNotBeSeen) {
    const TimePoint start = from_rfc3339("2026-11-23T12:00:00Z").value();
    MasterChanges changes;
    auto seen = as_repaired();
    changes.fold(seen, start);
    auto dark = seen;
    dark.masters["master/1"] = probes::Unobserved{.reason = "timeout", .detail = {}};
    changes.fold(dark, start + 1min);
    EXPECT_EQ(changes.changed(), std::nullopt);
    seen.masters["master/1"]->args_file.sha256 = "bytes-2";
    changes.fold(seen, start + 2min);
    EXPECT_EQ(changes.changed(), start + 2min);
    EXPECT_EQ(changes.what(), "master/1: its arguments file");
}

}  // namespace
}  // namespace aggmedic::remediate
