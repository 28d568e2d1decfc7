#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_cluster.hpp"
#include "remediate/control_plane.hpp"
#include "remediate/guard.hpp"

namespace aggmedic::remediate {
namespace {

using probes::ControlPlane;
using probes::Unobserved;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PlanInput accepted(const FakeCluster& cluster) {
    auto input = cluster.input();
    input.accepted = acceptable_risks(input);
    for (auto& risk : input.accepted) risk.by = "uid=0";
    return input;
}
ControlPlane& control_plane(PlanInput& input) {
    return *input.observation.control_plane;
}
std::vector<std::string> names_of(const Plan& plan) {
    std::vector<std::string> names;
    for (const auto& master : plan.masters) names.push_back(master.name);
    return names;
}

struct Case {
    const char* gate;
    const char* subject;
    const char* says;
    std::function<void(PlanInput&)> change;
};

const std::vector<Case>& cases() {
    static const Unobserved forbidden{.reason = "forbidden", .detail = "list componentstatuses"};
    static const std::vector<Case> all{
        {"etcd", "m1", "(timeout): see what `kubectl get --raw /api/v1/componentstatuses` says",
         [](PlanInput& input) { control_plane(input).etcd["m1"] = Unobserved{.reason = "timeout", .detail = ""}; }},
        {"etcd", "m0", "not known (not-asked)",
         [](PlanInput& input) { input.observation.control_plane = Unobserved{}; }},
        {"etcd", "m1", "unhealthy (dial tcp: refused)",
         [](PlanInput& input) {
             control_plane(input).etcd["m1"] =
                 std::vector<probes::EtcdMember>{{"etcd-0", true, "ok"}, {"etcd-1", false, "dial tcp: refused"}};
         }},
        {"etcd", "m2", "(forbidden: list componentstatuses): let the probe get and list componentstatuses",
         [](PlanInput& input) { control_plane(input).etcd["m2"] = forbidden; }},
        {"etcd", "m0", "name no etcd member",
         [](PlanInput& input) { control_plane(input).etcd["m0"] = std::vector<probes::EtcdMember>{}; }},
        {"etcd", "m0", "not known (not-asked)", [](PlanInput& input) { control_plane(input).etcd.erase("m0"); }},
        {"webhooks", "demo", "(forbidden: x): let the probe list validating and mutating webhook configurations",
         [](PlanInput& input) { control_plane(input).webhooks = Unobserved{.reason = "forbidden", .detail = "x"}; }},
        {"webhooks", "demo", "its backend policy/hook has no ready address",
         [](PlanInput& input) {
             control_plane(input).webhooks =
                 std::vector<probes::ClosedWebhook>{{"webhook a", "configmaps in kube-system", "", "policy/ready", 1U},
                                                    {"webhook b", "endpoints in default", "", "policy/hook", 0U}};
         }},
        {"webhooks", "demo", "whether its backend policy/hook is ready is not known (forbidden: get endpoints)",
         [](PlanInput& input) {
             control_plane(input).webhooks =
                 std::vector<probes::ClosedWebhook>{{"webhook b", "endpoints in default", "", "policy/hook",
                                                     Unobserved{.reason = "forbidden", .detail = "get endpoints"}}};
         }},
        {"webhooks", "demo", "at a URL of which nobody here can see whether it answers",
         [](PlanInput& input) {
             control_plane(input).webhooks =
                 std::vector<probes::ClosedWebhook>{{"webhook b", "endpoints in default", "", "", {}}};
         }},
        {"webhooks", "demo", "its service x$(id)/hook has a name that is none in Kubernetes",
         [](PlanInput& input) {
             control_plane(input).webhooks =
                 std::vector<probes::ClosedWebhook>{{"webhook b", "endpoints in default", "", "x$(id)/hook",
                                                     Unobserved{.reason = "malformed_reply", .detail = ""}}};
         }},
        {"webhooks", "demo", "which is not known (forbidden: get /api/v1/namespaces/default), and its backend",
         [](PlanInput& input) {
             control_plane(input).webhooks = std::vector<probes::ClosedWebhook>{
                 {"webhook b", "endpoints in default", "forbidden: get /api/v1/namespaces/default", "policy/hook", 0U}};
         }},
        {"lease-holders", "m0", "It and m2 tell one host name, that of the holder of the lease of kube-scheduler",
         [](PlanInput& input) {
             control_plane(input).scheduler = input.observation.masters["m0"]->hostname + "_uuid";
             input.observation.masters["m2"]->hostname = input.observation.masters["m0"]->hostname;
         }},
        {"endpoints", "demo", "let the probe get the endpoints kubernetes in the namespace default",
         [](PlanInput& input) { control_plane(input).endpoints = Unobserved{.reason = "forbidden", .detail = "x"}; }},
        {"endpoints", "m2", "list 2 addresses for 3 masters, and it is not among them",
         [](PlanInput& input) {
             control_plane(input).endpoints = std::vector<std::string>{"10.0.11.10", "10.0.11.11"};
         }},
        {"endpoints", "m2", "list 3 addresses for 3 masters, and it is not among them",
         [](PlanInput& input) {
             control_plane(input).endpoints = std::vector<std::string>{"10.0.11.10", "10.0.11.11", "10.0.11.99"};
         }},
        {"endpoints", "m0", "list 1 addresses for 3 masters",
         [](PlanInput& input) { control_plane(input).endpoints = std::vector<std::string>{"10.9.9.9"}; }},
        {"lease-holders", "demo", "the lease of kube-controller-manager, whose master goes last, is not known",
         [](PlanInput& input) { control_plane(input).controller_manager = Unobserved{}; }},
        {"lease-holders", "demo", "the lease of kube-scheduler, whose master goes last, is not known",
         [](PlanInput& input) { control_plane(input).scheduler = Unobserved{}; }},
        {"lease-holders", "m1", "Its host name was not told",
         [](PlanInput& input) { input.observation.masters["m1"]->hostname.clear(); }},
    };
    return all;
}

TEST(ControlPlaneGates, EachRefusesByItsNameAndSaysWhatLiftsIt) {
    for (const auto& each : cases()) {
        const FakeCluster cluster;
        auto input = accepted(cluster);
        ASSERT_FALSE(make_plan(input).refused());
        each.change(input);
        const auto plan = make_plan(input);
        ASSERT_TRUE(plan.refused()) << each.gate << ": " << each.says;
        const auto& first = plan.refusals.front();
        EXPECT_TRUE(std::ranges::any_of(plan.refusals,
                                        [&](const Refusal& refusal) {
                                            return refusal.gate == each.gate && refusal.subject == each.subject &&
                                                   refusal.reason.contains(each.says);
                                        }))
            << each.gate << ": " << each.says << "; first of all " << first.gate << " " << first.reason;
        EXPECT_THAT(plan.id, IsEmpty());
    }
}

TEST(ControlPlaneGates, PreflightAsksThemToo) {
    for (const auto& each : cases()) {
        const FakeCluster cluster;
        auto input = accepted(cluster);
        ASSERT_THAT(preflight(input), IsEmpty());
        each.change(input);
        const bool is_of_restart = std::string_view(each.gate) != "lease-holders";  // which is about the order
        EXPECT_EQ(
            std::ranges::any_of(preflight(input), [&](const Refusal& refusal) { return refusal.gate == each.gate; }),
            is_of_restart)
            << each.gate;
    }
}

TEST(ControlPlaneGates, AreAskedAgainWhenTheRunStarts) {
    for (const auto& each : cases()) {
        const FakeCluster cluster;
        auto input = accepted(cluster);
        const auto plan = make_plan(input);
        each.change(input);
        EXPECT_THAT(stale(plan, input), testing::Contains(testing::Field(&Refusal::gate, each.gate)));
    }
}

TEST(ControlPlaneGates, AskNothingOfAChangeThatRestartsNobody) {
    const FakeCluster cluster;
    auto input = accepted(cluster);
    input.method = "configmap";
    input.observation.control_plane = Unobserved{};
    EXPECT_FALSE(make_plan(input).refused());
}

TEST(ControlPlaneGates, AMasterThatIsNotReadyIsRefusedForJustThat) {
    FakeCluster cluster;
    cluster.master("m1").ready = false;
    auto input = accepted(cluster);
    control_plane(input).etcd["m1"] = Unobserved{.reason = "timeout", .detail = ""};
    control_plane(input).endpoints = std::vector<std::string>{"10.0.11.10", "10.0.11.12"};
    const auto plan = make_plan(input);
    EXPECT_TRUE(std::ranges::any_of(plan.refusals, [](const Refusal& refusal) {
        return refusal.gate == "master-ready" && refusal.subject == "m1";
    }));
    for (const auto& refusal : plan.refusals) {
        EXPECT_NE(refusal.gate, "etcd");
        EXPECT_NE(refusal.gate, "endpoints");
    }
}

TEST(ControlPlaneGates, EndpointsUnderOtherAddressesCountByTheirNumber) {
    const FakeCluster cluster;
    auto input = accepted(cluster);
    control_plane(input).endpoints = std::vector<std::string>{"192.0.2.1", "192.0.2.2", "192.0.2.3"};
    EXPECT_FALSE(make_plan(input).refused());
    control_plane(input).endpoints = std::vector<std::string>{"192.0.2.1", "192.0.2.2"};
    for (auto& [name, view] : input.observation.masters)
        view->process->arguments.flags["endpoint-reconciler-type"] = {"none"};
    EXPECT_FALSE(make_plan(input).refused()) << "they are kept by hand, and a restart does not move them";
}

TEST(ControlPlaneGates, AMasterIsKnownByTheAddressThatItAdvertises) {
    const FakeCluster cluster;
    auto input = accepted(cluster);
    control_plane(input).endpoints = std::vector<std::string>{"10.0.11.10", "10.0.11.11", "192.0.2.7"};
    EXPECT_TRUE(make_plan(input).refused());
    input.observation.masters["m2"]->process->arguments.flags["advertise-address"] = {"192.0.2.7"};
    const auto plan = make_plan(input);
    EXPECT_FALSE(plan.refused());
    const auto advertised = [&](const std::string& address) {
        input.observation.masters["m0"]->process->arguments.flags["advertise-address"] = {address};
        const auto made = make_plan(input);
        const auto m0 = std::ranges::find(made.masters, "m0", &MasterPlan::name);
        return m0 == made.masters.end() ? "not planned" : m0->advertised;
    };
    EXPECT_EQ(advertised("192.0.2.8"), "192.0.2.8");
    EXPECT_EQ(advertised("fd00::8"), "fd00::8");
    for (const auto* hostile : {"", "$(id)", "192.0.2.8\n", "\x1b[2J", "192.0.2.8:8443", "master-0.example"})
        EXPECT_EQ(advertised(hostile), "") << hostile;
}

TEST(RestartOrder, HoldersOfLeasesGoLast) {
    struct Holders {
        const char *controller_manager, *scheduler;
        std::vector<std::string> order;
        bool is_elsewhere = false;
    };
    const std::vector<Holders> all{
        {"", "", {"m0", "m1", "m2"}},
        {"elsewhere_u", "elsewhere_u", {"m0", "m1", "m2"}, true},
        {"host-m2_u", "host-m2_u", {"m0", "m1", "m2"}},
        {"host-m0_u", "host-m0_u", {"m1", "m2", "m0"}},
        {"host-m0_u", "host-m1_u", {"m2", "m1", "m0"}},
        {"host-m1_u", "host-m0_u", {"m2", "m0", "m1"}},
        {"", "host-m0_u", {"m1", "m2", "m0"}},
        {"host-m", "host-m0", {"m1", "m2", "m0"}, true},  // without a UUID the identity is the host
    };
    for (const auto& each : all) {
        const FakeCluster cluster;
        auto input = accepted(cluster);
        control_plane(input).controller_manager = std::string(each.controller_manager);
        control_plane(input).scheduler = std::string(each.scheduler);
        const auto plan = make_plan(input);
        ASSERT_FALSE(plan.refused());
        EXPECT_EQ(names_of(plan), each.order) << each.controller_manager << " " << each.scheduler;
        EXPECT_EQ(plan.masters.back().steps.back().step, "healed") << "nobody comes after it";
        EXPECT_EQ(std::ranges::count(plan.risks, "lease-holder-last", &Risk::id) == 1, each.order[0] != "m0");
        EXPECT_EQ(std::ranges::count(plan.risks, "lease-held-elsewhere", &Risk::id) == 1, each.is_elsewhere);
    }
}

TEST(RestartOrder, ALeaseThatMovedMakesThePlanStale) {
    const FakeCluster cluster;
    auto input = accepted(cluster);
    control_plane(input).controller_manager = std::string("host-m2_u");
    const auto plan = make_plan(input);
    EXPECT_THAT(stale(plan, input), IsEmpty());
    control_plane(input).controller_manager = std::string("host-m2_another");
    EXPECT_THAT(stale(plan, input), IsEmpty()) << "the same host";
    control_plane(input).controller_manager = std::string("host-m1_u");
    const auto moved = stale(plan, input);
    ASSERT_EQ(moved.size(), 1U);
    EXPECT_THAT(moved[0].reason, HasSubstr("The order of the masters is another one"));
}

TEST(RestartOrder, OneMasterToChangeNeedsNoLeases) {
    FakeCluster cluster;
    for (const auto* name : {"m0", "m1"}) {
        auto& master = cluster.master(name);
        master.bytes.replace(master.bytes.find("names=aggregator"), 16, "names=aggregator,demo.pks.ik.am");
        for (auto& word : master.arguments) {
            if (word == "--requestheader-allowed-names=aggregator") word += ",demo.pks.ik.am";
        }
    }
    cluster.published_names.emplace_back(demo_cn);
    cluster.apis[0].known = cluster.published_names;
    auto input = accepted(cluster);
    control_plane(input).scheduler = Unobserved{};
    const auto plan = make_plan(input);
    EXPECT_EQ(std::ranges::count(plan.risks, "lease-holder-last", &Risk::id), 0);
    EXPECT_THAT(plan.refusals, IsEmpty());
    EXPECT_THAT(names_of(plan), ElementsAre("m2"));
}

}  // namespace
}  // namespace aggmedic::remediate
