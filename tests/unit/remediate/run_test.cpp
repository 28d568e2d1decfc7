#include "remediate/run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "run_rig.hpp"

namespace aggmedic::remediate {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> written(const FakeCluster& cluster) {
    std::vector<std::string> verbs;
    for (const auto& verb : cluster.verbs) {
        if (!verb.starts_with("look ")) verbs.push_back(verb);
    }
    return verbs;
}
std::string state(const RunResult& result, const std::string& master) {
    for (const auto& [name, state] : result.masters) {
        if (name == master) return state;
    }
    return "";
}
bool carries(const FakeMaster& master) {
    return master.bytes.contains(demo_cn);
}
std::string to_text(const RunResult& result) {
    return to_json(result).dump(1);
}

TEST(RunPlan, RepairsEveryMasterOneAfterAnother) {
    RunRig rig;
    const auto plan = rig.plan();
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "applied") << to_text(result);
    for (auto& master : rig.cluster.masters) {
        EXPECT_TRUE(carries(master));
        EXPECT_TRUE(master.ready);
        EXPECT_THAT(master.names(), ElementsAre("aggregator", demo_cn));
        EXPECT_EQ(master.lock + master.backup_name, "");
        EXPECT_EQ(state(result, master.name), "repaired");
    }
    EXPECT_EQ(rig.cluster.acquired, 0) << "the SSH access was not given back";
    EXPECT_TRUE(rig.mirrored.empty()) << rig.mirrored.front();
    EXPECT_EQ(rig.progress.back().state, "finished");
    EXPECT_EQ(*rig.journal.lease_held, 0);
    EXPECT_LT(rig.cluster.elapsed, seconds(180)) << "it waits where there is nothing to wait for";
    EXPECT_TRUE(make_plan(rig.input()).empty());
}

TEST(RunPlan, WorksForOneAndFiveMasters) {
    for (const int masters : {1, 5}) {
        RunRig rig(masters);
        const auto result = rig.apply(rig.plan());
        EXPECT_EQ(result.record.outcome, "applied") << to_text(result);
    }
}

TEST(RunPlan, NeverTakesTwoMastersDown) {
    RunRig rig;
    const auto plan = rig.plan();
    rig.cluster.before_exchange = [&] {
        const auto down =
            std::ranges::count_if(rig.cluster.masters, [](const FakeMaster& master) { return !master.ready; });
        EXPECT_LE(down, 1);
    };
    EXPECT_EQ(rig.apply(plan).record.outcome, "applied");
}

TEST(RunPlan, CanaryOnlyHealsWithOneRestart) {
    RunRig rig;
    const auto result = rig.apply(rig.plan(), true);
    EXPECT_EQ(result.record.outcome, "healed");
    EXPECT_TRUE(carries(rig.cluster.master("m0")));
    EXPECT_FALSE(carries(rig.cluster.master("m1")));
    EXPECT_THAT(result.record.next, HasSubstr("aggmedic plan demo"));
    // The rest follows by a plan of its own.
    rig.journal.stored_runs.clear();
    rig.journal.stored_steps.clear();
    const auto rest = rig.plan();
    ASSERT_EQ(rest.masters.size(), 2U);
    EXPECT_EQ(rig.apply(rest).record.outcome, "applied");
}

TEST(RunPlan, RestartsPodsOfAServerThatReadsOnce) {
    RunRig rig;
    rig.cluster.apis[0].reads_once = true;
    rig.adjust = [](PlanInput& input) {
        input.after_repair = {{.namespace_ = "catalog", .selector = "release=catalog"}};
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "applied") << to_text(result);
    EXPECT_THAT(to_text(result), HasSubstr("1 pods were restarted"));
}

TEST(RunPlan, DoesNotRestartPodsOfAServerThatReloads) {
    RunRig rig;
    rig.adjust = [](PlanInput& input) {
        input.after_repair = {{.namespace_ = "catalog", .selector = "release=catalog"}};
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "applied") << to_text(result);
    EXPECT_THAT(to_text(result), HasSubstr("not needed"));
}

TEST(RunPlan, AServerThatReadsOnceStopsTheRunAfterTheCanary) {
    RunRig rig;
    rig.cluster.apis[0].reads_once = true;
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_THAT(result.record.why, HasSubstr("healed on m0 failed"));
    EXPECT_TRUE(carries(rig.cluster.master("m0"))) << "a second outage would buy nothing";
    EXPECT_FALSE(carries(rig.cluster.master("m1")));
    EXPECT_EQ(rig.cluster.master("m0").lock + rig.cluster.master("m0").backup_name, "");
}

TEST(RunPlan, AMaskedIdentityIsHealedWhenTheCallerIsSeen) {
    RunRig rig;
    rig.cluster.apis[0].trusts_client_ca = true;
    EXPECT_EQ(rig.apply(rig.plan()).record.outcome, "applied");

    RunRig stubborn;
    stubborn.cluster.apis[0].trusts_client_ca = true;
    stubborn.cluster.apis[0].reads_once = true;
    const auto result = stubborn.apply(stubborn.plan());
    EXPECT_EQ(result.record.outcome, "needs-person") << "a masked 200 was taken for a healthy one";
    EXPECT_FALSE(carries(stubborn.cluster.master("m1")));
}

TEST(RunPlan, AMaskedIdentityThatNothingShowsIsNotTakenForHealed) {
    RunRig rig;
    rig.cluster.apis[0].trusts_client_ca = true;
    rig.cluster.apis[0].sends_pair = false;  // an old library, and a probe that cannot tell
    const auto plan = rig.plan();
    ASSERT_EQ(plan.baseline[0].state, "masked");
    ASSERT_EQ(plan.baseline[0].proven_by, "");
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_THAT(result.record.why, HasSubstr("nothing shows"));

    RunRig with_pods;
    with_pods.cluster.apis[0].trusts_client_ca = true;
    with_pods.cluster.apis[0].sends_pair = false;
    with_pods.adjust = [](PlanInput& input) { input.after_repair = {{.namespace_ = "catalog", .selector = "a=b"}}; };
    const auto restarted = with_pods.apply(with_pods.plan());
    EXPECT_EQ(restarted.record.outcome, "applied") << to_text(restarted);
}

TEST(RunPlan, MonitThatSaysYesAndDoesNothingIsUndone) {
    RunRig rig;
    rig.cluster.master("m0").monit_does_nothing = true;
    const auto plan = rig.plan();
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_text(result);
    EXPECT_FALSE(carries(rig.cluster.master("m0")));
    EXPECT_THAT(rig.cluster.published_names, ElementsAre("aggregator"));
    EXPECT_EQ(std::ranges::count(rig.cluster.verbs, "restart m0"), 1)
        << "the old process runs: nothing to restart back";
}

TEST(RunPlan, AMasterThatDoesNotStartIsTakenBack) {
    RunRig rig;
    rig.cluster.master("m0").never_starts = true;
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_text(result);
    EXPECT_TRUE(rig.cluster.master("m0").ready);
    EXPECT_FALSE(carries(rig.cluster.master("m0")));
    EXPECT_FALSE(carries(rig.cluster.master("m1")));
}

TEST(RunPlan, AMasterThatIsNotReadyInTimeIsTakenBack) {
    RunRig rig;
    rig.cluster.master("m0").never_ready = true;
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_text(result);
    EXPECT_TRUE(rig.cluster.master("m0").ready);
    EXPECT_THAT(rig.cluster.master("m0").names(), ElementsAre("aggregator"));
}

TEST(RunPlan, EndpointsThatMayNotBeReadAreWaivedAndUnreadableOnesAreNot) {
    RunRig forbidden;
    forbidden.cluster.endpoints_status = 403;
    EXPECT_EQ(forbidden.apply(forbidden.plan()).record.outcome, "applied");

    RunRig broken;
    const auto plan = broken.plan();
    broken.on_progress = [&](const Progress& told) {
        if (told.step == "ready") broken.cluster.endpoints_status = 500;
    };
    const auto result = broken.apply(plan);
    EXPECT_NE(result.record.outcome, "applied") << to_text(result);
    EXPECT_THAT(result.record.why, testing::HasSubstr("endpoints of default/kubernetes cannot be read"));
}

TEST(RunPlan, AMasterHasToComeBackIntoTheEndpointsByTheAddressThatItAdvertises) {
    for (const bool comes_back : {true, false}) {
        RunRig rig;
        for (auto& master : rig.cluster.masters) master.advertise("192.0.2." + master.name.substr(1));
        const auto plan = rig.plan();
        ASSERT_EQ(plan.masters.size(), 3U);
        EXPECT_EQ(plan.masters[0].advertised, "192.0.2.0");
        const auto read = parse_plan(to_json(plan).dump());
        ASSERT_TRUE(read) << read.error().detail;
        EXPECT_EQ(*read, plan);
        rig.on_progress = [&](const Progress& told) {
            if (told.step == "restart") rig.cluster.master("m0").is_listed = comes_back;
        };
        const auto result = rig.apply(plan);
        if (comes_back) {
            EXPECT_EQ(result.record.outcome, "applied") << to_text(result);
        } else {
            EXPECT_NE(result.record.outcome, "applied") << to_text(result);
            EXPECT_THAT(result.record.why, testing::HasSubstr("its address left the endpoints"));
        }
    }
}

TEST(RunPlan, ANameThatAppearsWhileTheCanaryIsTakenBackNeedsAPerson) {
    RunRig rig;
    rig.cluster.master("m0").never_ready = true;
    const auto plan = rig.plan();
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "withdrawn") rig.cluster.published_names = {"aggregator", demo_cn};
    };
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_EQ(state(result, "m0"), "restored");
}

TEST(RunPlan, ALaterMasterThatFailsIsTakenBackAndTheRepairedOnesStay) {
    RunRig rig;
    rig.cluster.master("m1").never_ready = true;
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_EQ(state(result, "m0"), "repaired");
    EXPECT_EQ(state(result, "m1"), "restored");
    EXPECT_EQ(state(result, "m2"), "untouched");
    EXPECT_TRUE(rig.cluster.master("m1").ready);
    EXPECT_THAT(result.record.next, HasSubstr("m1 was taken back"));
}

TEST(RunPlan, ABlockedConfigMapStopsAtTheCanary) {
    RunRig rig;
    rig.cluster.blocks_configmap_writes = true;
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_THAT(result.record.why, HasSubstr("published on m0 failed"));
    EXPECT_THAT(result.record.why, HasSubstr("webhook"));
}

TEST(RunPlan, AFaultyServerAddressStopsBetweenMasters) {
    RunRig rig;
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "settle") rig.cluster.balancer_answers = false;
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_FALSE(carries(rig.cluster.master("m1")));
}

TEST(RunPlan, AMasterThatMovedMeanwhileStopsBeforeItIsTouched) {
    RunRig rig;
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "settle" && told.state == "started") rig.cluster.master("m1").bytes += "# edited\n";
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_THAT(result.record.why, HasSubstr("m1: its arguments file changed"));
    EXPECT_THAT(rig.cluster.verbs, Not(Contains("swap m1")));
}

TEST(RunPlan, AnotherMasterNotReadyStopsBeforeTheNext) {
    RunRig rig;
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "settle" && told.state == "started") rig.cluster.master("m2").ready = false;
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_THAT(rig.cluster.verbs, Not(Contains("swap m1")));
}

// The check was a while ago: a swap whose answer is lost is waited for.
TEST(RunPlan, AnotherMasterNotReadySinceTheCheckKeepsTheRestartBack) {
    for (const std::string target : {"m0", "m1"}) {
        RunRig rig;
        rig.on_progress = [&](const Progress& told) {
            if (told.step == "swap" && told.master == target && told.state == "ok")
                rig.cluster.master("m2").ready = false;
        };
        const auto plan = rig.plan();
        const auto pid = rig.cluster.master(target).pid;
        const auto result = rig.apply(plan);
        EXPECT_EQ(result.record.outcome, target == "m0" ? "rolled-back" : "needs-person") << to_text(result);
        EXPECT_THAT(result.record.why, HasSubstr("restart on " + target + " failed: it was not sent, as m2 is not"));
        EXPECT_THAT(rig.cluster.verbs, Not(Contains("restart " + target)));
        EXPECT_EQ(state(result, target), "restored");
        EXPECT_FALSE(carries(rig.cluster.master(target)));
        EXPECT_EQ(rig.cluster.master(target).pid, pid) << "the undo restarted it";
    }
}

// It was not ready for another reason than its own /readyz: to put it back now would make two.
TEST(RunPlan, AnUndoDoesNotRestartAMasterThatServesBesideOneThatDoesNot) {
    RunRig rig;
    rig.on_progress = [&](const Progress& told) {
        if (told.master != "m0" || told.state != "started") return;
        if (told.step == "ready") rig.cluster.master("m0").is_listed = false;
        if (told.step == "restart_back") rig.cluster.master("m2").ready = false;
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "needs-person") << to_text(result);
    EXPECT_THAT(result.record.why, HasSubstr("it serves, and must not be restarted while m2 is not ready"));
    EXPECT_EQ(std::ranges::count(rig.cluster.verbs, "restart m0"), 1) << "the one forward";
}

TEST(RunPlan, OneLostAnswerOfAnotherMasterKeepsNoRestartBack) {
    RunRig rig;
    rig.on_progress = [&](const Progress& told) {
        if (told.step != "restart" || told.state != "started") return;
        rig.cluster.fault_at = rig.cluster.exchanges;  // the next one: /readyz of another master
        rig.cluster.fault = Fault::lost_before;
    };
    EXPECT_EQ(rig.apply(rig.plan()).record.outcome, "applied");
    EXPECT_EQ(std::ranges::count(rig.cluster.verbs, "restart m0"), 1);
}

TEST(RunPlan, AVerifyRequestThatFailsIsNotApplied) {
    RunRig rig;
    rig.adjust = [](PlanInput& input) { input.verify_requests = {{.get = "/apis/x"}}; };
    const auto plan = rig.plan();
    rig.cluster.verify_status = 403;
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_THAT(result.record.why, HasSubstr("GET /apis/x through m0 answers 403"));
}

TEST(RunPlan, AVerifyRequestHasToPassThroughTheCanaryFirst) {
    RunRig rig;
    rig.cluster.verify_body = R"({"status":{"phase":"Pending"}})";
    rig.adjust = [](PlanInput& input) {
        input.verify_requests = {{.get = "/apis/x", .json_path = ".status.phase", .value = "Running"}};
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_THAT(result.record.why, HasSubstr("GET /apis/x through m0 answers 200, and .status.phase is `Pending`"));
    EXPECT_TRUE(carries(rig.cluster.master("m0"))) << "a second outage would buy nothing";
    EXPECT_FALSE(carries(rig.cluster.master("m1")));
}

TEST(RunPlan, TellsWhatTheVerifyRequestsSaid) {
    RunRig rig;
    rig.adjust = [](PlanInput& input) { input.verify_requests = {{.get = "/apis/x"}, {.get = "/apis/y"}}; };
    const auto plan = rig.plan();
    ASSERT_EQ(plan.verify_requests[0].before.size(), 3U);
    EXPECT_EQ(plan.verify_requests[0].before[0].says, "answers 503");
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "applied") << to_text(result);
    EXPECT_THAT(to_text(result), HasSubstr("as the caller; GET /apis/x answers 200; GET /apis/y answers 200"));
    EXPECT_THAT(to_text(result), HasSubstr("through every master; GET /apis/x answers 200; GET /apis/y answers 200"));
}

TEST(RunPlan, AVerifyRequestThatIsAnsweredOtherwiseAtTheStartMakesThePlanStale) {
    RunRig rig;
    rig.adjust = [](PlanInput& input) { input.verify_requests = {{.get = "/apis/x"}}; };
    const auto plan = rig.plan();
    rig.cluster.verify_status = 200;
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "refused");
    EXPECT_THAT(result.record.why, HasSubstr("GET /apis/x through m0 failed when it was planned"));
    EXPECT_THAT(rig.cluster.verbs, Not(Contains("lock m0")));
}

// Of two servers one reads once, the other reloads by itself.
TEST(RunPlan, RestartsThePodsOfTheServerThatNeedsItAlone) {
    RunRig rig;
    rig.cluster.apis[0].reads_once = true;
    rig.cluster.apis.push_back({.name = "v1beta1.metrics.k8s.io",
                                .known = {"aggregator"},
                                .pods = {"metrics-1", "metrics-2"},
                                .name_space = "kube-system"});
    rig.adjust = [](PlanInput& input) {
        input.after_repair = {{.namespace_ = "kube-system", .selector = "app=v1beta1.metrics.k8s.io"},
                              {.namespace_ = "catalog", .selector = "app=v1beta1.servicecatalog.k8s.io"}};
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "applied") << to_text(result);
    EXPECT_THAT(rig.cluster.deleted_pods, testing::ElementsAre("catalog-1"));
    EXPECT_THAT(to_text(result), HasSubstr("in kube-system are left alone, as v1beta1.metrics.k8s.io answers 200; 1 "
                                           "pods were restarted: v1beta1.servicecatalog.k8s.io"));
}

TEST(RunPlan, PodsThatServeNothingOfTheFindingAreLeftAlone) {
    RunRig rig;
    rig.cluster.apis[0].reads_once = true;
    rig.adjust = [](PlanInput& input) { input.after_repair = {{.namespace_ = "other", .selector = "a=b"}}; };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_THAT(result.record.why, HasSubstr("the pods a=b in other are left alone, as they serve no API of the "
                                             "finding; no pod of after_repair serves what still fails"));
    EXPECT_TRUE(rig.cluster.deleted_pods.empty());
}

TEST(RunPlan, PodsOfWhichNobodyMayTellWhatTheyServeAreRestarted) {
    RunRig rig;
    rig.cluster.apis[0].reads_once = true;
    rig.cluster.maps_pods = false;
    rig.adjust = [](PlanInput& input) { input.after_repair = {{.namespace_ = "catalog", .selector = "a=b"}}; };
    EXPECT_EQ(rig.apply(rig.plan()).record.outcome, "applied");
    EXPECT_EQ(rig.cluster.deleted_pods.size(), 1U);
}

TEST(RunPlan, APodWithoutASuccessorStopsTheRun) {
    RunRig rig;
    rig.cluster.apis[0].reads_once = true;
    rig.cluster.apis[0].pods = {"catalog-1", "catalog-2"};
    rig.cluster.apis[0].replaces_pods = false;
    rig.adjust = [](PlanInput& input) { input.after_repair = {{.namespace_ = "catalog", .selector = "a=b"}}; };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_THAT(result.record.why, HasSubstr("pod catalog-1 was not replaced by a Ready one within 180 s"));
    EXPECT_THAT(rig.cluster.deleted_pods, testing::ElementsAre("catalog-1"));
}

// /readyz knows of neither, so both are asked about before each master.
TEST(RunPlan, AnEtcdMemberThatIsLostStopsBeforeTheNextMaster) {
    RunRig rig;
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "settle" && told.state == "started") rig.cluster.etcd_is_healthy = false;
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_THAT(result.record.why, HasSubstr("m0: It finds the etcd member etcd-0 unhealthy (refused)"));
    EXPECT_THAT(rig.cluster.verbs, Not(Contains("swap m1")));
}

TEST(RunPlan, AWebhookThatFailsClosedStopsBeforeTheNextMaster) {
    RunRig rig;
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "lock" && told.state == "started") rig.cluster.has_dead_webhook = true;
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "refused");
    EXPECT_THAT(result.record.why, HasSubstr("its backend policy/hook has no ready address"));
    EXPECT_THAT(rig.cluster.verbs, Not(Contains("swap m0")));
}

TEST(RunPlan, RestartsTheHolderOfALeaseLast) {
    RunRig rig;
    rig.adjust = [](PlanInput& input) {
        input.observation.control_plane->controller_manager = std::string("host-m0_u");
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "applied") << to_text(result);
    std::vector<std::string> swaps;
    for (const auto& verb : rig.cluster.verbs) {
        if (verb.starts_with("swap")) swaps.push_back(verb);
    }
    EXPECT_THAT(swaps, testing::ElementsAre("swap m1", "swap m2", "swap m0"));
}

// --- guards
// -------------------------------------------------------------------------------------------------------------

TEST(RunGuards, RefuseWithoutWritingAnything) {
    const std::vector<std::pair<std::string, std::function<void(RunRig&)>>> cases{
        {"paused for this cluster", [](RunRig& rig) { rig.journal.stored_holds.pauses = {{"demo", 0, {}, {}}}; }},
        {"paused for the whole fleet", [](RunRig& rig) { rig.journal.stored_holds.pauses = {{"", 0, {}, {}}}; }},
        {"has not ended",
         [](RunRig& rig) {
             auto& other = rig.journal.stored_runs.emplace_back();
             other.id = "run-0";
             other.cluster = "demo";
         }},
        {"another run", [](RunRig& rig) { *rig.journal.lease_held = 1; }},
        {"expired", [](RunRig& rig) { rig.cluster.elapsed += std::chrono::minutes(16); }},
        {"arguments file changed", [](RunRig& rig) { rig.cluster.master("m2").bytes += "\n"; }},
        {"disk is full", [](RunRig& rig) { rig.journal.disk_is_full = true; }},
    };
    for (const auto& [why, prepare] : cases) {
        RunRig rig;
        const auto plan = rig.plan();
        prepare(rig);
        const auto result = rig.apply(plan);
        EXPECT_EQ(result.record.outcome, "refused") << why;
        EXPECT_THAT(result.record.why, HasSubstr(why));
        EXPECT_THAT(written(rig.cluster), ElementsAre()) << why;
    }
}

TEST(RunGuards, APlanOfNothingIsRefused) {
    RunRig rig;
    EXPECT_EQ(rig.apply(Plan{}).record.outcome, "refused");
}

TEST(RunGuards, AForeignLockRefusesAndReleasesTheOthers) {
    RunRig rig;
    const auto plan = rig.plan();
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "lock" && told.state == "started" && told.master == "m1")
            rig.cluster.master("m1").lock = "other run-9 1 x 1";
    };
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "refused");
    EXPECT_EQ(rig.cluster.master("m0").lock, "");
    EXPECT_EQ(rig.cluster.master("m1").lock, "other run-9 1 x 1");
}

TEST(RunControls, AnAbortFinishesTheMasterAndStops) {
    RunRig rig;
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "restart") rig.control->abort = true;
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_EQ(state(result, "m0"), "repaired");
    EXPECT_EQ(state(result, "m1"), "untouched");
    EXPECT_THAT(result.record.why, HasSubstr("It was stopped on request after m0 was repaired"));
}

TEST(RunControls, AStopLeavesTheRunOpenAndTheNextStartEndsIt) {
    RunRig rig;
    const auto plan = rig.plan();
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "process" && told.state == "started") rig.control->stop = true;
    };
    const auto stopped = rig.apply(plan);
    EXPECT_EQ(stopped.record.outcome, "");
    EXPECT_EQ(rig.journal.stored_runs.back().outcome, "");
    rig.on_progress = {};
    const auto result = rig.reconcile(plan);
    EXPECT_EQ(result.record.outcome, "needs-person") << to_text(result);
    EXPECT_EQ(result.record.why,
              "The daemon ended during this run, which was stopped after m0 was repaired; the masters behind it are as "
              "before.");
    EXPECT_EQ(state(result, "m0"), "repaired");
    EXPECT_TRUE(rig.cluster.master("m0").ready);
}

// A daemon that dies right after the new bytes are in place.
struct DiedAfterASwap : testing::Test {
    RunRig rig;
    Plan plan = rig.plan();
    DiedAfterASwap() {
        rig.cluster.before_exchange = [this] {
            if (carries(rig.cluster.master("m0"))) throw Killed{};
        };
        EXPECT_THROW(rig.apply(plan), Killed);
        rig.cluster.before_exchange = {};
        *rig.journal.lease_held = 0;
    }
};

TEST_F(DiedAfterASwap, ALockWhoseAnswerIsLostIsAskedForAgain) {
    rig.cluster.fault_at = rig.cluster.exchanges + 1;  // behind the connect
    rig.cluster.fault = Fault::garbage;
    const auto result = rig.reconcile(plan);
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_text(result);
}

// Somebody restarted the master meanwhile; the daemon dies again on the way to the end.
TEST_F(DiedAfterASwap, ARestartThatNobodyJournaledIsJournaledWhenItIsFound) {
    rig.journal.stored_steps["run-1"].pop_back();  // the intent of the restart
    auto& m0 = rig.cluster.master("m0");
    m0.due = {{rig.cluster.elapsed, FakeMaster::Due::What::start}, {rig.cluster.elapsed, FakeMaster::Due::What::ready}};
    rig.on_progress = [](const Progress& told) {
        if (told.step == "aggregated" && told.state == "started") throw Killed{};
    };
    EXPECT_THROW(rig.reconcile(plan), Killed);
    rig.on_progress = {};
    *rig.journal.lease_held = 0;
    const auto result = rig.reconcile(plan);
    EXPECT_EQ(state(result, "m0"), "repaired") << to_text(result);
}

TEST_F(DiedAfterASwap, AMasterThatCannotBeLockedAgainIsToldToBeInDoubt) {
    rig.cluster.master("m0").lock = "another-daemon another-run 1 boot 99999999";
    const auto result = rig.reconcile(plan);
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_EQ(state(result, "m0"), "unknown") << to_text(result);
    EXPECT_THAT(result.record.next, HasSubstr("m0 is in doubt"));
    EXPECT_NE(rig.cluster.master("m0").backup_name, "") << "the old bytes are all that there is to go back to";
}

TEST(RunJson, HoldsWhatScriptsRelyOn) {
    RunRig rig;
    const auto json = to_json(rig.apply(rig.plan()));
    for (const char* key : {"run", "plan", "cluster", "outcome", "masters", "next"})
        EXPECT_TRUE(json.contains(key)) << key;
    EXPECT_EQ(json["masters"][0]["name"], "m0");
    EXPECT_EQ(json["masters"][0]["state"], "repaired");
    EXPECT_EQ(json["masters"][0]["steps"][0]["step"], "lock");
    EXPECT_EQ(json["masters"][0]["steps"][0]["outcome"], "ok");
    EXPECT_TRUE(json["masters"][0]["steps"][0]["seconds"].is_number());
}

}  // namespace
}  // namespace aggmedic::remediate
