#include <algorithm>
#include <array>
#include <utility>

#include "probes/causes/rules.hpp"

// Where the rules propose several causes for one aggregated API: one is the declared consequence of another, or one is
// what a vaguer proposal had among its candidates; else neither explains the other, and nobody knows which it is.
namespace aggmedic::probes {

namespace {

struct Explains {
    std::string_view cause, consequence;
};
constexpr std::array<Explains, 8> declared{{
    {"no-auth-reader-binding", "no-backend"},  // servers end at their start
    {"extension-restart-storm", "no-backend"},
    {"http-proxy-env", "no-service-routing"},
    {"backend-slow-or-node-dead", "no-backend"},
    {"dns-or-webhook-of-extension", "no-backend"},
    // Where nobody is known by headers, the proxy's certificate is taken for an ordinary client's.
    {"no-requestheader-ca", "identity-collapse"},
    {"header-names-missing", "identity-collapse"},
    {"auth-configmap-gone", "identity-collapse"},
}};
// What servers that start read: they end for the lack of it, but only where they say so themselves. Servers that are
// away for another reason lack it as well.
constexpr std::array<std::string_view, 2> read_at_the_start{"no-requestheader-ca", "auth-configmap-gone"};

bool rests_on_a_log(const Finding& finding) {
    return std::ranges::any_of(finding.evidence, [](const Evidence& each) { return each.source == "log"; });
}

bool explains(const Finding& cause, std::string_view consequence) {
    const bool is_read = std::ranges::find(read_at_the_start, cause.cause) != read_at_the_start.end();
    if (is_read && consequence == "no-backend") return rests_on_a_log(cause);
    return std::ranges::any_of(
        declared, [&](const Explains& each) { return each.cause == cause.cause && each.consequence == consequence; });
}

std::vector<std::string> candidates_of(const Finding& finding) {
    return finding.confidence == Confidence::ambiguous ? finding.candidates : std::vector{finding.cause};
}

bool is_candidate(const Finding& finding, const std::string& cause) {
    return std::ranges::find(finding.candidates, cause) != finding.candidates.end();
}

bool is_vague(const Finding& finding) {
    return finding.confidence == Confidence::ambiguous;
}

// Of one API; the surest first, consequences last.
using Proposals = std::vector<Finding>;

void drop_what_is_narrowed(Proposals& proposals) {
    std::erase_if(proposals, [&](const Finding& vague) {
        return is_vague(vague) && std::ranges::any_of(proposals, [&](const Finding& other) {
                   return !is_vague(other) && is_candidate(vague, other.cause);
               });
    });
}

void mark_consequences(Proposals& proposals) {
    for (auto& each : proposals) {
        const auto by = std::ranges::find_if(
            proposals, [&](const Finding& other) { return !is_vague(other) && explains(other, each.cause); });
        if (by != proposals.end() && !is_vague(each)) each.consequence_of = by->cause;
    }
}

bool is_one_cause(const Proposals& proposals) {
    return std::ranges::all_of(proposals, [&](const Finding& each) {
        return each.cause == proposals.front().cause && is_vague(each) == is_vague(proposals.front());
    });
}

Finding merge(const Proposals& proposals) {
    Finding merged = proposals.front();
    merged.confidence = Confidence::ambiguous;
    merged.allow_list = AllowList::wrong;
    merged.common_name.clear();
    merged.candidates.clear();
    merged.evidence.clear();
    merged.rules_out.clear();
    for (const auto& each : proposals) {
        merged.severity = std::min(merged.severity, each.severity);
        if (each.master != merged.master) merged.master.clear();
        if (!merged.since) merged.since = each.since;
        for (const auto& cause : candidates_of(each)) {
            if (!is_candidate(merged, cause)) merged.candidates.push_back(cause);
        }
        for (const auto& fact : each.evidence) {
            if (std::ranges::find(merged.evidence, fact) == merged.evidence.end()) merged.evidence.push_back(fact);
        }
    }
    for (const auto& each : proposals) {
        for (const auto& other : each.rules_out) {
            const bool is_known =
                std::ranges::find(merged.rules_out, other.cause, &RuledOut::cause) != merged.rules_out.end();
            if (!is_known && !is_candidate(merged, other.cause)) merged.rules_out.push_back(other);
        }
    }
    merged.cause = merged.candidates.front();
    merged.remedy =
        "Several causes fit and none explains the others: clear up what the evidence names, the first first, and look "
        "again. Nothing is planned until one is left.";
    return merged;
}

// One finding for each cause and master, whichever rules found it.
void join_equal(Proposals& proposals) {
    Proposals kept;
    for (auto& each : proposals) {
        const auto same = std::ranges::find_if(kept, [&](const Finding& other) {
            return !is_vague(each) && !is_vague(other) && other.cause == each.cause && other.master == each.master;
        });
        if (same == kept.end()) {
            kept.push_back(std::move(each));
            continue;
        }
        for (auto& fact : each.evidence) {
            if (std::ranges::find(same->evidence, fact) == same->evidence.end())
                same->evidence.push_back(std::move(fact));
        }
    }
    proposals = std::move(kept);
}

Proposals decide(Proposals proposals) {
    std::ranges::stable_sort(
        proposals, {}, [](const Finding& each) { return std::pair(!each.consequence_of.empty(), each.confidence); });
    drop_what_is_narrowed(proposals);
    join_equal(proposals);
    mark_consequences(proposals);
    std::ranges::stable_sort(proposals, {}, [](const Finding& each) { return !each.consequence_of.empty(); });
    Proposals independent;
    std::ranges::copy_if(proposals, std::back_inserter(independent),
                         [](const Finding& each) { return each.consequence_of.empty(); });
    if (independent.empty() || is_one_cause(independent)) {
        // The same cause at several masters stays one finding for each; vague ones say the same once.
        if (!independent.empty() && is_vague(independent.front()) && independent.size() > 1)
            return {merge(independent)};
        return proposals;
    }
    std::erase_if(proposals, [](const Finding& each) { return each.consequence_of.empty(); });
    proposals.insert(proposals.begin(), merge(independent));
    return proposals;
}

// The findings of one API (or of none), out of the assessment.
Proposals take(Assessment& assessment, const std::string& apiservice) {
    Proposals taken;
    const auto is_it = [&](const Finding& finding) { return finding.apiservice == apiservice; };
    std::ranges::copy_if(assessment.findings, std::back_inserter(taken), is_it);
    std::erase_if(assessment.findings, is_it);
    return taken;
}

// Faults of the trust that strike every API: beside another cause of this one they are a second cause.
Proposals with_latent(Proposals proposals, const Proposals& cluster_wide, const std::string& apiservice) {
    const bool fails = std::ranges::any_of(proposals, [](const Finding& each) { return each.consequence_of.empty(); });
    if (!fails) return proposals;
    for (auto latent : cluster_wide) {
        const auto named = [&](const Finding& each) { return !is_vague(each) && each.cause == latent.cause; };
        if (std::ranges::any_of(proposals, named)) continue;
        // What it might be among others, it is likeliest to be; but the answers do not prove it.
        for (auto& each : proposals) {
            const auto at = std::ranges::find(each.candidates, latent.cause);
            if (is_vague(each) && at != each.candidates.end()) each.candidates.erase(at);
        }
        latent.apiservice = apiservice;
        proposals.push_back(std::move(latent));
    }
    return proposals;
}

}  // namespace

void resolve(const Case& seen, Assessment& assessment) {
    auto cluster_wide = take(assessment, "");
    std::vector<Finding> own_401;
    std::ranges::copy_if(cluster_wide, std::back_inserter(own_401),
                         [](const Finding& each) { return each.cause == "our-own-401"; });
    std::erase_if(cluster_wide, [](const Finding& each) { return each.cause == "our-own-401"; });

    std::vector<Finding> decided = std::move(own_401);
    // What strikes one API is latent at the others.
    auto everywhere = cluster_wide;
    for (const auto& finding : assessment.findings) {
        if (is_vague(finding) || !finding.consequence_of.empty() || finding.evidence.empty()) continue;
        const bool is_structural = is_trust_cause(finding.cause) && finding.confidence == Confidence::certain;
        const bool is_known = std::ranges::find(everywhere, finding.cause, &Finding::cause) != everywhere.end();
        if (is_structural && !is_known) everywhere.push_back(finding);
    }
    bool is_merged = false;
    for (const auto& api : seen.apis) {
        const auto& name = api.apiservice->name;
        auto proposals = take(assessment, name);
        auto left = decide(with_latent(std::move(proposals), everywhere, name));
        is_merged = is_merged || (!left.empty() && !cluster_wide.empty());
        decided.insert(decided.end(), std::make_move_iterator(left.begin()), std::make_move_iterator(left.end()));
    }
    if (!is_merged) {
        auto left = decide(std::move(cluster_wide));
        decided.insert(decided.end(), std::make_move_iterator(left.begin()), std::make_move_iterator(left.end()));
    }
    decided.insert(decided.end(), assessment.findings.begin(), assessment.findings.end());
    assessment.findings = std::move(decided);
}

}  // namespace aggmedic::probes
