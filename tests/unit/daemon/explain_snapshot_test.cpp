#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "daemon/cli/render.hpp"
#include "daemon/moment.hpp"
#include "tests/unit/cli/fixture.hpp"
#include "tests/unit/probes/disturbed.hpp"

// What a stranger reads at night, for ten states, through the real judgement. After a change of a rule: run with
// AGGMEDIC_UPDATE_GOLDEN=1 and read the diff as that stranger.
namespace aggmedic::daemon {
namespace {

using namespace probes;
using recording::As;

struct State {
    const char* name;
    Observation (*seen)();
};
void PrintTo(const State& state, std::ostream* out) {
    *out << state.name;
}

Observation recorded(const std::string& folder) {
    auto observation = recording::load(folder, {.ssh = true, .as = As::dev});
    add_master(observation, "m1");
    return observation;
}

// Every answer 503, and the condition says why.
Observation unreachable(const std::string& reason, const std::string& message) {
    auto observation = healthy(true, As::dev);
    add_master(observation, "m1");
    answer_all(observation, 503, "service unavailable\n");
    set_condition(observation, "False", reason, message);
    return observation;
}

// Nothing but the canary's timing tells; one master cannot be reached, another's clock is ahead.
Observation masked_by_timing() {
    auto observation = recording::load("healthy", {.ssh = false, .as = recording::As::admin});
    published(observation).allowed_names = {"aggregator"};
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts)
            attempts.timing = TimingPairs{.pairs = 40, .slower = 21, .jitter_us = 83};
    }
    observation.apiservers.back().attempts.back().timing =
        Unobserved{.reason = "timeout", .detail = "answers take too long"};
    observation.apiservers.back().clock_offset_ms = 42'000;
    ApiserverView silent;
    silent.master = "m1";
    silent.address = "10.88.0.12:8443";
    silent.readyz =
        Unobserved{.reason = "connect_failed", .detail = "connecting to 10.88.0.12:8443: Connection refused"};
    observation.apiservers.push_back(silent);
    return observation;
}

Observation credential_refused() {
    return recording::load("probe-credential-invalid", {.ssh = false, .as = As::bad_token});
}

const std::string url = "https://10.100.200.7:443/apis/servicecatalog.k8s.io/v1beta1";
const std::vector<State> states{
    {"01-separate-ca", [] { return recorded("cn-not-allowed-separate-client-ca"); }},
    {"01-02-masked", [] { return recorded("cn-not-allowed"); }},
    {"05-wrong-issuer", [] { return recorded("proxy-cert-other-ca"); }},
    {"06-stale-ca",
     [] {
         auto observation = recorded("proxy-cert-other-ca");
         for (auto& [name, master] : observation.masters) master = *recorded("healthy").masters.at("m0");
         return observation;
     }},
    {"09-expired", [] { return recorded("proxy-cert-expired"); }},
    {"16-no-auth-reader", [] { return recorded("ext-no-configmap-access"); }},
    {"20-no-backend", [] { return recorded("no-endpoints"); }},
    {"21-blocked",
     [] {
         return unreachable("FailedDiscoveryCheck",
                            "failing or missing response from " + url + ": dial tcp 10.100.200.7:443: i/o timeout");
     }},
    {"23-http-proxy",
     [] {
         return unreachable("FailedDiscoveryCheck",
                            "failing or missing response from " + url + ": Get \"" + url + "\": Forbidden");
     }},
    {"34-our-own-401", credential_refused},
    {"02-timed", masked_by_timing},
};

class ExplainOf : public testing::TestWithParam<State> {};
TEST_P(ExplainOf, TellsAStrangerTheCauseAndTheNextStep) {
    Moment moment;
    moment.observation = GetParam().seen();
    moment.at = recording::now();
    moment.platform = moment.observation.masters.empty() ? "" : "bosh";
    moment.plannable = !moment.observation.masters.empty();
    const auto text = cli::render_explain({{"clusters", nlohmann::json::array({explained(moment)})}}, {});
    EXPECT_EQ(text, cli::golden(std::string("explained/") + GetParam().name + ".txt", text));
    EXPECT_NE(text.find("Next:"), std::string::npos);
    EXPECT_NE(text.find("What to do:"), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(States, ExplainOf, testing::ValuesIn(states), [](const auto& test) {
    std::string name = test.param.name;
    std::erase(name, '-');
    return name;
});

}  // namespace
}  // namespace aggmedic::daemon
