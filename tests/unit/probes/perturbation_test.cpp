#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>

#include "disturbed.hpp"
#include "plannable.hpp"

// Observations of causes for which a name on the list is wrong or dangerous, with facts lost, repeated and corrupted:
// no such accident makes a plan. Under AGGMEDIC_FULL a million of them.
namespace aggmedic::probes {

namespace {

class Perturber {
  public:
    explicit Perturber(std::uint64_t seed) : random_(seed) {}

    void perturb(Observation& seen) {
        for (auto& apiserver : seen.apiservers) perturb(apiserver);
        for (auto& [name, master] : seen.masters) {
            if (chance(5)) master = Unobserved{.reason = "timeout", .detail = ""};
            if (master) perturb(*master);
        }
        if (chance(10)) seen.caller = {};
        if (chance(5)) seen.platform.clear();
        if (chance(10) && !seen.apiservers.empty()) seen.apiservers.push_back(seen.apiservers.back());
        if (chance(5) && !seen.apiservers.empty()) seen.apiservers.erase(seen.apiservers.begin());
        if (chance(5)) add_master(seen, "m9");
    }

  private:
    bool chance(unsigned percent) { return random_() % 100 < percent; }
    std::size_t below(std::size_t limit) { return random_() % limit; }

    void corrupt(std::string& text) {
        if (text.empty() || chance(20)) return text.clear();
        if (chance(30)) return text.resize(below(text.size()));
        text[below(text.size())] = static_cast<char>(random_());
    }
    template <class T>
    void corrupt(Seen<T>& seen) {
        constexpr std::array reasons{"timeout", "forbidden", "not-found", "not-asked", "status"};
        seen = Unobserved{.reason = reasons[below(reasons.size())], .detail = ""};
    }
    // Drops, repeats or moves entries.
    template <class T>
    void shuffle(std::vector<T>& list, unsigned percent) {
        if (list.empty()) return;
        if (chance(percent)) list.erase(list.begin() + static_cast<std::ptrdiff_t>(below(list.size())));
        if (!list.empty() && chance(percent)) list.push_back(list[below(list.size())]);
        if (list.size() > 1 && chance(percent)) std::swap(list[below(list.size())], list[below(list.size())]);
    }
    void perturb(Certificate& certificate) {
        switch (below(8)) {
            case 0:
                return corrupt(certificate.common_name);
            case 1:
                return corrupt(certificate.pem);
            case 2:
                return corrupt(certificate.sha256);
            case 3:
                certificate.not_after += std::chrono::hours(24 * 1000) * (chance(50) ? 1 : -1);
                return;
            case 4:
                certificate.is_ca = !certificate.is_ca;
                return;
            case 5:
                certificate.allows_client_auth = !certificate.allows_client_auth;
                return;
            case 6:
                return corrupt(certificate.issuer);
            default:
                certificate.organizations.clear();
        }
    }
    void perturb(std::vector<Certificate>& bundle, unsigned percent) {
        shuffle(bundle, percent);
        for (auto& certificate : bundle) {
            if (chance(percent)) perturb(certificate);
        }
    }
    void perturb(PublishedAuth& published) {
        if (published.allowed_names) {
            shuffle(*published.allowed_names, 15);
            for (auto& name : *published.allowed_names) {
                if (chance(8)) corrupt(name);
            }
        }
        if (chance(4)) published.allowed_names.reset();
        if (chance(4)) published.has_requestheader_ca = !published.has_requestheader_ca;
        if (chance(4)) published.has_client_ca = !published.has_client_ca;
        if (chance(4)) published.username_headers.clear();
        perturb(published.requestheader_ca, 8);
        perturb(published.client_ca, 8);
    }
    void perturb(std::vector<Answer>& answers) {
        for (auto& answer : answers) {
            constexpr std::array statuses{0U, 200U, 401U, 403U, 404U, 429U, 500U, 503U, 504U};
            if (chance(12)) answer.status = statuses[below(statuses.size())];
            if (chance(8)) corrupt(answer.body);
            if (chance(8)) answer.flow_schemas = {"x", chance(50) ? "x" : "y"};
            if (chance(5)) answer.forbidden_user = chance(50) ? "demo.pks.ik.am" : "system:anonymous";
        }
        shuffle(answers, 15);
    }
    void perturb(ApiserverView& apiserver) {
        if (chance(6)) corrupt(apiserver.readyz);
        if (chance(6)) corrupt(apiserver.control);
        if (chance(6)) corrupt(apiserver.version);
        if (chance(6)) corrupt(apiserver.serving);
        if (chance(6)) corrupt(apiserver.published);
        if (chance(6)) corrupt(apiserver.apiservices);
        if (chance(6)) apiserver.clock_offset_ms = static_cast<std::int64_t>(below(2'000'000)) - 1'000'000;
        if (chance(4)) apiserver.version = std::string("v1.16.15");
        if (apiserver.serving) perturb(*apiserver.serving, 6);
        if (apiserver.published) perturb(*apiserver.published);
        shuffle(apiserver.attempts, 6);
        for (auto& attempts : apiserver.attempts) {
            perturb(attempts.discovery);
            perturb(attempts.resource);
            perturb(attempts.canary);
            if (chance(8)) attempts.canary = attempts.discovery;
        }
        if (!apiserver.apiservices) return;
        shuffle(*apiserver.apiservices, 6);
        for (auto& apiservice : *apiserver.apiservices) {
            if (chance(10)) apiservice.available = chance(50) ? "True" : "Unknown";
            if (chance(10)) corrupt(apiservice.reason);
            if (chance(10)) corrupt(apiservice.message);
        }
    }
    void perturb(MasterView& master) {
        if (chance(5)) corrupt(master.process);
        if (chance(5)) corrupt(master.file_arguments);
        if (chance(5)) master.file_equals_process = false;
        shuffle(master.files, 8);
        for (auto& file : master.files) {
            perturb(file.certificates, 6);
            if (chance(4)) file.exists = false;
            if (chance(4)) file.readable = false;
            if (chance(4)) corrupt(file.path);
        }
        if (!master.process) return;
        auto& flags = master.process->arguments.flags;
        for (auto at = flags.begin(); at != flags.end();) {
            shuffle(at->second, 5);
            for (auto& value : at->second) {
                if (chance(6)) corrupt(value);
            }
            at = at->second.empty() || chance(4) ? flags.erase(at) : std::next(at);
        }
    }

    std::mt19937_64 random_;
};

struct Base {
    std::string folder;
    Observation observation;
    std::map<std::string, std::string> files;
    bool is_dangerous = false;  // a plan would need the accepted risk
};

std::vector<Base> bases() {
    std::vector<Base> made;
    for (const auto& [folder, verdict] : recording::verdicts().at("recordings").items()) {
        if (folder == "healthy" || folder.starts_with("cn-not-allowed-separate")) continue;
        Base base{.folder = folder, .observation = {}, .files = {}, .is_dangerous = false};
        const bool is_refused = folder == "probe-credential-invalid" || folder == "anonymous-auth-false";
        const auto as = is_refused ? recording::As::bad_token : recording::As::admin;
        base.observation = folder == "ha-one-master-bad-proxy-cert"
                               ? recording::load_ha({.ssh = true, .as = recording::As::admin}, 0)
                               : recording::load(folder, {.ssh = true, .as = as});
        make_plannable(base.observation);
        base.files = files_of(base.observation);
        base.is_dangerous = folder.starts_with("cn-not-allowed") || folder == "proxy-cert-no-masters";
        made.push_back(std::move(base));
    }
    return made;
}

int how_many() {
    return std::getenv("AGGMEDIC_FULL") != nullptr ? 1'000'000 : 4'000;
}

}  // namespace

// In shares, so that a million fits the time of a test and several processes share the work.
constexpr int shares = 20;
class Perturbation : public testing::TestWithParam<int> {};

TEST_P(Perturbation, MakesNoPlanOfAWrongOrDangerousCause) {
    static const auto all = bases();
    ASSERT_GT(all.size(), 10U);
    const auto begun = std::chrono::steady_clock::now();
    const int count = how_many() / shares;
    int judged = 0;
    for (int i = GetParam() * count; i < (GetParam() + 1) * count; ++i) {
        const auto& base = all[static_cast<std::size_t>(i) % all.size()];
        auto observation = base.observation;
        Perturber(static_cast<std::uint64_t>(i)).perturb(observation);
        const auto assessment = diagnose(observation, recording::now());
        judged += assessment.findings.empty() ? 0 : 1;
        const auto plan = plan_for(observation, assessment, base.files, !base.is_dangerous);
        ASSERT_EQ(plan.id, "") << base.folder << " seed " << i << " adds " << plan.common_name;
        for (const auto& finding : assessment.findings) {
            ASSERT_FALSE(finding.allow_list == AllowList::right && finding.cause != "apiserver-refuses-start")
                << base.folder << " seed " << i << " " << finding.cause;
        }
    }
    EXPECT_GT(judged, count / 2);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    RecordProperty("perturbed_per_second", static_cast<int>(count / took.count()));
    std::printf("%d perturbed observations, %.0f a second\n", count, count / took.count());
}

INSTANTIATE_TEST_SUITE_P(Share, Perturbation, testing::Range(0, shares));

// The harness is worth something only if what it takes for granted would be planned.
TEST(PerturbationHarness, WouldPlanTheRightCause) {
    for (const std::string folder : {"cn-not-allowed-separate-client-ca", "cn-not-allowed", "proxy-cert-no-masters"}) {
        auto observation = recording::load(folder, {.ssh = true, .as = recording::As::admin});
        make_plannable(observation);
        const auto assessment = diagnose(observation, recording::now());
        const auto plan = plan_for(observation, assessment, files_of(observation));
        EXPECT_NE(plan.id, "") << folder
                               << (plan.refusals.empty()
                                       ? ""
                                       : plan.refusals.front().gate + ": " + plan.refusals.front().reason);
    }
}

}  // namespace aggmedic::probes
