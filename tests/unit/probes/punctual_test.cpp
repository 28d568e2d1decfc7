#include <gtest/gtest.h>

#include "fake_apiserver.hpp"

// What hangs costs nobody else the time at which it is asked.
namespace aggmedic::probes {

namespace {

using namespace std::chrono_literals;

constexpr int attempts = 3;
constexpr auto spread = 1500ms;
constexpr auto timeout = 6000ms;
constexpr auto lateness_max = 4000ms;  // below the timeout: what waits behind one that hangs is later

class PunctualTest : public ObserveTest {
  protected:
    // A cycle of three masters and twenty APIServices, of which `dead` hang at `path` behind /apis/<group>/v1.
    Observation cycle(const std::vector<int>& dead, const std::string& path, ProbeSettings settings = hurried()) {
        for (int i = 0; i < 3; ++i) {
            masters.push_back(std::make_unique<FakeApiserver>(ca, 20));
            for (const int which : dead) {
                masters.back()->answers["/apis/g" + std::to_string(which) + ".example/v1" + path] = "hang";
            }
        }
        auto cluster = target(masters[0]->port());
        cluster.server_host.clear();
        for (int i = 0; i < 3; ++i)
            add_master(cluster, "m" + std::to_string(i), masters[static_cast<std::size_t>(i)]->port());
        return observe(cluster, settings);
    }
    static ProbeSettings hurried() {
        ProbeSettings settings;
        settings.attempts = attempts;
        settings.spread = spread;
        settings.timeout = timeout;
        return settings;
    }
    static void expect_punctual(const Observation& observation, const std::vector<int>& dead,
                                std::chrono::milliseconds over = spread) {
        for (const auto& view : observation.apiservers) {
            ASSERT_EQ(view.attempts.size(), 20U) << view.master;
            for (const auto& made : view.attempts) {
                bool is_dead = false;
                for (const int which : dead) is_dead |= made.apiservice == "v1.g" + std::to_string(which) + ".example";
                if (is_dead) continue;
                ASSERT_EQ(made.discovery.size(), static_cast<std::size_t>(attempts)) << made.apiservice;
                for (int i = 0; i < attempts; ++i) {
                    const auto late =
                        made.discovery[static_cast<std::size_t>(i)].at - observation.started - over * i / attempts;
                    EXPECT_LT(late, lateness_max) << view.master << " " << made.apiservice << " attempt " << i;
                    EXPECT_EQ(made.resource[static_cast<std::size_t>(i)].status, 200U);
                }
            }
        }
    }

    std::vector<std::unique_ptr<FakeApiserver>> masters;
};

}  // namespace

TEST_F(PunctualTest, OneDeadBackendOfTwentyLeavesTheOtherNineteenOnTime) {
    expect_punctual(cycle({7}, ""), {7});
}

TEST_F(PunctualTest, ACycleEndsWithTheTimeoutOfItsLastAttempt) {
    for (const auto* path : {"", "/things?limit=1"}) {
        masters.clear();
        const auto observation = cycle({7}, path);
        EXPECT_LT(observation.finished - observation.started, spread + timeout + 2s)
            << "what hung until the attempts were over is not asked again";
        for (const auto& view : observation.apiservers) {
            for (const auto& made : view.attempts) {
                EXPECT_EQ(made.discovery.size(), made.apiservice == "v1.g7.example" ? 1U : 3U) << made.apiservice;
            }
        }
    }
}

TEST_F(PunctualTest, MoreDeadBackendsThanConnectionsLeaveTheOthersOnTime) {
    expect_punctual(cycle({0, 1, 2, 3, 4, 5, 6}, ""), {0, 1, 2, 3, 4, 5, 6});
}

TEST_F(PunctualTest, AListThatHangsCostsTwoTimeoutsOfItsOwn) {
    ProbeSettings patient = hurried();
    patient.spread = 3000ms;
    patient.timeout = 700ms;
    const auto observation = cycle({0, 1, 2, 3, 4}, "/things?limit=1", patient);
    expect_punctual(observation, {0, 1, 2, 3, 4}, patient.spread);
    for (const auto& made : observation.apiservers[0].attempts) {
        if (made.apiservice != "v1.g0.example") continue;
        EXPECT_EQ(made.discovery.size(), static_cast<std::size_t>(attempts));
        EXPECT_EQ(made.resource.size(), 2U) << "two silences in a row end its lists";
    }
}

}  // namespace aggmedic::probes
