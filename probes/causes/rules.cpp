#include "probes/causes/rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "net/text.hpp"
#include "probes/common_name.hpp"

namespace aggmedic::probes {

Finding make_finding(std::string_view cause, Confidence confidence, AllowList allow_list) {
    Finding finding;
    finding.cause = cause;
    finding.confidence = confidence;
    finding.allow_list = allow_list;
    if (const auto* row = find_cause(cause)) {
        finding.severity = row->severity;
        finding.remedy = row->remedy;
    }
    return finding;
}

void add_evidence(Finding& finding, std::string fact, std::string source, std::string master) {
    finding.evidence.push_back({.fact = std::move(fact), .source = std::move(source), .master = std::move(master)});
}

void rule_out(Finding& finding, std::string_view cause, std::string because) {
    finding.rules_out.push_back({.cause = std::string(cause), .because = std::move(because)});
}

bool is_explained(const Assessment& assessment, const std::string& apiservice) {
    return std::ranges::find(assessment.findings, apiservice, &Finding::apiservice) != assessment.findings.end();
}

AllowList allow_list_for(const Case& seen, const std::string& common_name) {
    if (!is_plannable_common_name(common_name)) return AllowList::wrong;
    return seen.shared_ca ? AllowList::dangerous : AllowList::right;
}

bool is_away(Symptom symptom) {
    return is_missing(symptom) || symptom == Symptom::refused || symptom == Symptom::unavailable;
}

bool is_rejected(const ApiCase& api) {
    if (!api.fails()) return false;
    const auto symptom = api.symptom();
    if (is_trust(symptom)) return true;
    return symptom == Symptom::unavailable && std::ranges::any_of(api.through, [](const Through& through) {
               return through.seen(Symptom::unauthorized) > 0;
           });
}

bool accounts_for(std::string_view cause, const ApiCase& api, bool logs_in) {
    if (!is_rejected(api)) return false;
    const bool nobody = cause == "no-proxy-client-cert" || cause == "flag-typo-or-key-mismatch";
    switch (api.symptom()) {
        case Symptom::unauthorized:
        case Symptom::unavailable:
            return true;
        case Symptom::anonymous:
            return nobody;
        case Symptom::forbidden:
            return logs_in || nobody;
        case Symptom::other_identity:
            return logs_in;
        case Symptom::refused_cert:
            return cause != "cn-not-allowed";
        default:
            return false;
    }
}

namespace {

std::string counted(const std::vector<Answer>& answers) {
    std::map<std::string, int> counts;
    for (const auto& answer : answers) {
        counts[answer.status == 0 ? "no answer (" + printable(answer.failure, 32) + ")"
                                  : std::to_string(answer.status)]++;
    }
    std::string text;
    for (const auto& [status, count] : counts)
        text += fmt::format("{}{} of {}: {}", text.empty() ? "" : ", ", count, answers.size(), status);
    return text;
}

// The first answer of a failing path that says something.
std::string_view without_line_end(std::string_view text) {
    const auto last = text.find_last_not_of("\r\n");
    return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

const Answer* telling(const Through& through) {
    for (const auto* answers : {&through.attempts->discovery, &through.attempts->resource}) {
        for (const auto& answer : *answers) {
            if (answer.status != 0 && answer.status != 200 && !answer.body.empty()) return &answer;
        }
    }
    return nullptr;
}

}  // namespace

void add_api_evidence(Finding& finding, const ApiCase& api) {
    const auto& shown = *api.apiservice;
    if (!shown.available.empty()) {
        add_evidence(finding,
                     fmt::format("Available={} {} {}", printable(shown.available, 16), printable(shown.reason, 64),
                                 quoted(shown.message)),
                     "apiservice");
    }
    for (const auto& through : api.through) {
        auto text = "discovery through " + through_name(*through.apiserver) + " answered " +
                    counted(through.attempts->discovery);
        if (!through.attempts->resource.empty()) text += "; a list " + counted(through.attempts->resource);
        if (const auto* answer = telling(through)) text += ", saying " + quoted(without_line_end(answer->body));
        add_evidence(finding, std::move(text), "answer", through.apiserver->master);
        add_latency_evidence(finding, through);
        add_aggregator_evidence(finding, through);
    }
    if (shown.available == "False" && !finding.since) finding.since = shown.available_since;
}

void add_name_evidence(Finding& finding, const Case& seen, const ProxyClient& proxy) {
    finding.common_name = proxy.leaf.common_name;
    const std::string whose = proxy.from_ssh ? "the proxy-client certificate in use"
                                             : "the serving certificate, the likely proxy-client certificate,";
    const std::string name = proxy.leaf.common_name.empty() ? "has no CN" : "has CN " + quoted(proxy.leaf.common_name);
    add_evidence(finding, whose + " " + name, proxy.from_ssh ? "ssh" : "tls", proxy.master);
    if (seen.published == nullptr || !seen.published->allowed_names) return;
    add_evidence(finding, "the published allowed names are " + listed(*seen.published->allowed_names), "configmap");
    add_evidence(finding,
                 !seen.shared_ca_known ? "whether a requestheader CA is also a client CA could not be seen"
                 : seen.shared_ca      ? "a requestheader CA is also a client CA: any client certificate of it with an "
                                         "allowed CN speaks for anybody"
                                       : "the requestheader CA is not among the client CAs",
                 "configmap");
}

Finding identity_collapse(const Case& seen, const ApiCase& api, Identity identity, std::string_view common_name,
                          Confidence confidence, std::string_view consequence_of) {
    // By itself (the name is already published) the list has nothing left to repair.
    const auto allow_list = consequence_of.empty() ? AllowList::wrong : AllowList::dangerous;
    auto finding = make_finding("identity-collapse", confidence, allow_list);
    finding.apiservice = api.apiservice->name;
    finding.consequence_of = consequence_of;
    finding.common_name = common_name;
    if (identity == Identity::named) {
        add_evidence(finding, "a 403 names the certificate's CN " + quoted(common_name) + " instead of the caller",
                     "answer");
    } else if (identity == Identity::masked) {
        add_evidence(finding,
                     "kube-apiserver and the extension API server put the same request under different flow schemas",
                     "answer");
    } else if (!consequence_of.empty()) {
        add_evidence(
            finding,
            "it answers 200 although the proxy is not believed: the certificate is also valid for the client CA",
            "configmap");
    }
    if (consequence_of.empty() && seen.has_names()) {
        add_evidence(finding, "the published allowed names are " + listed(*seen.published->allowed_names), "configmap");
        finding.remedy =
            "The published configuration is right by now: restart the extension API server's pods, one at a time.";
    }
    add_timing_evidence(finding, api);
    add_api_evidence(finding, api);
    rule_out(finding, "no-backend", "the extension API server answers");
    return finding;
}

bool is_trust_cause(std::string_view cause) {
    constexpr std::array<std::string_view, 10> of_trust{
        "cn-not-allowed",       "proxy-cert-wrong-issuer", "proxy-cert-expired",        "clock-skew",
        "wrong-key-usage",      "no-proxy-client-cert",    "flag-typo-or-key-mismatch", "no-requestheader-ca",
        "header-names-missing", "auth-configmap-gone"};
    return std::ranges::find(of_trust, cause) != of_trust.end();
}

bool all_read(const Case& seen) {
    return !seen.read.empty() && seen.unread.empty();
}

std::string quoted(std::string_view name) {
    return "\"" + printable(name, 512) + "\"";
}

std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t shown_max = 20;
    std::string text = "[";
    for (std::size_t i = 0; i < std::min(names.size(), shown_max); ++i) text += (i > 0 ? ", " : "") + quoted(names[i]);
    if (names.size() > shown_max) text += fmt::format(", and {} more", names.size() - shown_max);
    return text + "]";
}

std::string through_name(const ApiserverView& apiserver) {
    return apiserver.master.empty() ? "the server address" : printable(apiserver.master, 64);
}

}  // namespace aggmedic::probes
