#include "probes/backend_places.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disturbed.hpp"

namespace aggmedic::probes {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Every API of the recording fails on the way to its backend.
Observation unreachable() {
    auto observation = healthy();
    answer_all(observation, 503, "error trying to reach service: dial tcp 10.100.200.7:443: i/o timeout");
    set_condition(observation, "False", "FailedDiscoveryCheck", "dial tcp 10.100.200.7:443: i/o timeout");
    for (const auto& apiservice : *observation.apiservices()) {
        Workload workload;
        workload.apiservice = apiservice.name;
        workload.service = ServiceFacts{.type = "ClusterIP",
                                        .cluster_ip = "10.100.200.7",
                                        .has_selector = true,
                                        .has_port = true,
                                        .port_name = "secure",
                                        .target_port = "8443"};
        workload.endpoints = EndpointFacts{.source = "endpoints",
                                           .has_port = true,
                                           .ready_count = 2,
                                           .not_ready_count = 1,
                                           .ready = {"10.1.0.5:8443", "10.1.0.6:8443"},
                                           .not_ready = {"10.1.0.9:8443"}};
        observation.workloads.push_back(workload);
    }
    return observation;
}

std::vector<std::string> addresses_of(const std::vector<BackendPlace>& places) {
    std::vector<std::string> addresses;
    for (const auto& place : places) addresses.push_back(place.kind + " " + place.address);
    return addresses;
}

}  // namespace

TEST(BackendsToDial, AreTheServiceAndItsReadyPods) {
    const auto observation = unreachable();
    const auto places = backends_to_dial(observation);
    EXPECT_THAT(addresses_of(places),
                ElementsAre("cluster-ip 10.100.200.7:443", "pod 10.1.0.5:8443", "pod 10.1.0.6:8443"));
    EXPECT_EQ(places[0].apiservices.size(), observation.apiservices()->size()) << "one service, dialled once";
}

TEST(BackendsToDial, AreNoneWhereTheWayIsNotWhatFails) {
    EXPECT_THAT(backends_to_dial(healthy()), IsEmpty());
    auto rejected = unreachable();
    answer_all(rejected, 401, "Unauthorized");
    set_condition(rejected, "False", "FailedDiscoveryCheck", "bad status from https://10.100.200.7:443: 401");
    EXPECT_THAT(backends_to_dial(rejected), IsEmpty());
    auto missing = unreachable();
    answer_all(missing, 503, "service unavailable");
    set_condition(missing, "False", "MissingEndpoints", "endpoints for service have no addresses");
    EXPECT_THAT(backends_to_dial(missing), IsEmpty());
}

TEST(BackendsToDial, AreEightAtMostAndEveryServiceComesFirst) {
    auto observation = unreachable();
    auto& apiservices = *observation.apiservers.front().apiservices;
    const auto model = apiservices.front();
    const auto attempts = observation.apiservers.front().attempts.front();
    auto workload = observation.workloads.front();
    apiservices.clear();
    observation.workloads.clear();
    for (int i = 0; i < 3; ++i) {
        auto apiservice = model;
        apiservice.name = "v1.g" + std::to_string(i);
        apiservices.push_back(apiservice);
        workload.apiservice = apiservice.name;
        workload.service->cluster_ip = "10.100.200." + std::to_string(i + 1);
        workload.endpoints->ready.clear();
        for (int pod = 1; pod < 9; ++pod)
            workload.endpoints->ready.push_back("10.1." + std::to_string(i) + "." + std::to_string(pod) + ":8443");
        observation.workloads.push_back(workload);
        for (auto& apiserver : observation.apiservers) {
            apiserver.attempts.push_back(attempts);
            apiserver.attempts.back().apiservice = apiservice.name;
        }
    }
    EXPECT_THAT(addresses_of(backends_to_dial(observation)),
                ElementsAre("cluster-ip 10.100.200.1:443", "pod 10.1.0.1:8443", "cluster-ip 10.100.200.2:443",
                            "pod 10.1.1.1:8443", "cluster-ip 10.100.200.3:443", "pod 10.1.2.1:8443",
                            "pod 10.1.0.2:8443", "pod 10.1.1.2:8443"));
}

TEST(BackendsToDial, ANamelessOrForbiddenPlaceIsNone) {
    for (const std::string host : {"",
                                   "None",
                                   "0.0.0.0",
                                   "127.0.0.1",
                                   "127.1",
                                   "010.0.0.1",
                                   "10.0.0.1 ",
                                   "10.0.0.1\n",
                                   "169.254.169.254",
                                   "224.0.0.1",
                                   "255.255.255.255",
                                   "::",
                                   "::1",
                                   "fe80::1",
                                   "fe80::1%eth0",
                                   "ff02::1",
                                   "::ffff:127.0.0.1",
                                   "::127.0.0.1",
                                   "host.example",
                                   "$(id)",
                                   "10.0.0.1;id",
                                   "[::1]",
                                   "-10.0.0.1"}) {
        EXPECT_EQ(place_of(host, 443), "") << host;
    }
    for (const int port : {0, -1, 65536}) EXPECT_EQ(place_of("10.0.0.1", port), "") << port;
    EXPECT_EQ(place_of("10.0.0.1", 65535), "10.0.0.1:65535");
    EXPECT_EQ(place_of("FD00:0::0005", 443), "[fd00::5]:443");
    auto hostile = unreachable();
    for (auto& workload : hostile.workloads) {
        workload.service->cluster_ip = "None";
        workload.endpoints->ready = {"10.1.0.5:8443;id", "10.1.0.5:", "10.1.0.5", "[fd00::5]:8443", "127.0.0.1:22"};
    }
    EXPECT_THAT(addresses_of(backends_to_dial(hostile)), ElementsAre("pod [fd00::5]:8443"));
}

TEST(NameBackends, GivesEachApiItsAnswersAndDropsWhatNobodyAskedFor) {
    MasterView view;
    const std::vector<BackendPlace> asked{{.apiservices = {"v1.a", "v1.b"}, .address = "10.1.0.5:8443", .kind = "pod"},
                                          {.apiservices = {"v1.a"}, .address = "10.1.0.6:8443", .kind = "pod"}};
    name_backends(asked, view);
    EXPECT_FALSE(view.backends);
    view.backends =
        std::vector<BackendReach>{{.apiservice = "", .address = "10.9.9.9:1", .kind = "", .outcome = "connected"},
                                  {.apiservice = "", .address = "10.1.0.5:8443", .kind = "", .outcome = "timeout"}};
    name_backends(asked, view);
    EXPECT_THAT(
        *view.backends,
        ElementsAre(
            BackendReach{.apiservice = "v1.a", .address = "10.1.0.5:8443", .kind = "pod", .outcome = "timeout"},
            BackendReach{.apiservice = "v1.b", .address = "10.1.0.5:8443", .kind = "pod", .outcome = "timeout"}));
}

}  // namespace aggmedic::probes
