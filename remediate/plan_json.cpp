#include <algorithm>
#include <nlohmann/json.hpp>

#include "net/text.hpp"
#include "probes/json_fields.hpp"
#include "remediate/plan.hpp"

namespace aggmedic::remediate {

using nlohmann::json;
using probes::json_fields::Reader;
using probes::json_fields::Writer;

// The fields of each struct; `V` is Writer or Reader, `T` const or not.
#define AGGMEDIC_FIELDS(Type)                                 \
    template <class V, class T>                               \
        requires std::is_same_v<std::remove_const_t<T>, Type> \
    void fields(V& v, T& x)

AGGMEDIC_FIELDS(Risk) {
    v("id", x.id);
    v("text", x.text);
    v("needs_acceptance", x.needs_acceptance);
    v("accepted", x.accepted);
    v("accepted_by", x.accepted_by);
}
AGGMEDIC_FIELDS(Refusal) {
    v("gate", x.gate);
    v("subject", x.subject);
    v("reason", x.reason);
}
AGGMEDIC_FIELDS(AcceptedRisk) {
    v("id", x.id);
    v("ca_sha256", x.ca_sha256);
    v("cn", x.cn);
    v("until", x.until);
    v("by", x.by);
}
AGGMEDIC_FIELDS(PlanStep) {
    v("step", x.step);
    v("command", x.command);
    v("undo", x.undo);
    v("check", x.check);
}
AGGMEDIC_FIELDS(MasterPlan) {
    v("name", x.name);
    v("address", x.address);
    v("file", x.file);
    v("resolved", x.resolved);
    v("owner", x.owner);
    v("group", x.group);
    v("mode", x.mode);
    v("sha256_before", x.sha256_before);
    v("sha256_after", x.sha256_after);
    v("argument_before", x.argument_before);
    v("argument_after", x.argument_after);
    v("diff", x.diff);
    v("gap_seconds", x.gap_seconds);
    v("boot_id", x.boot_id);
    v("pid", x.pid);
    v("start_ticks", x.start_ticks);
    v("executable", x.executable);
    v("arguments_sha256", x.arguments_sha256);
    v("arguments_sha256_after", x.arguments_sha256_after);
    v("argument_count", x.argument_count);
    v("proxy_client_sha256", x.proxy_client_sha256);
    v.unless_empty("other_files_sha256", x.other_files_sha256);
    v.unless_empty("advertised", x.advertised);
    v("steps", x.steps);
}
AGGMEDIC_FIELDS(BoundMaster) {
    v("name", x.name);
    v("file", x.file);
    v("resolved", x.resolved);
    v("owner", x.owner);
    v("group", x.group);
    v("mode", x.mode);
    v("sha256", x.sha256);
    v("arguments_sha256", x.arguments_sha256);
    v("proxy_client_sha256", x.proxy_client_sha256);
    v.unless_empty("other_files_sha256", x.other_files_sha256);
    v("boot_id", x.boot_id);
    v("pid", x.pid);
    v("start_ticks", x.start_ticks);
}
AGGMEDIC_FIELDS(RestartPods) {
    v("namespace", x.namespace_);
    v("selector", x.selector);
}
AGGMEDIC_FIELDS(VerifyAnswer) {
    v("master", x.master);
    v("passes", x.passes);
    v("says", x.says);
}
AGGMEDIC_FIELDS(VerifyRequest) {
    v("get", x.get);
    v("expect_status", x.expect_status);
    v.unless_empty("json_path", x.json_path);
    v.unless_empty("value", x.value);
    v.unless_empty("before", x.before);
}
AGGMEDIC_FIELDS(Baseline) {
    v("apiservice", x.apiservice);
    v("master", x.master);
    v("state", x.state);
    v("proven_by", x.proven_by);
    v("status", x.status);
}
// All of a plan but what its JSON writes in a form of its own (below).
AGGMEDIC_FIELDS(Plan) {
    v("cluster", x.cluster);
    v("method", x.method);
    v("platform", x.platform);
    v("common_name", x.common_name);
    v("kubernetes", x.kubernetes);
    v("names_before", x.names_before);
    v("names_after", x.names_after);
    v("configmap_resource_version", x.configmap_resource_version);
    v("requestheader_ca_sha256", x.requestheader_ca_sha256);
    v("configuration_sha256", x.configuration_sha256);
    v("risks", x.risks);
    v("accepted", x.accepted);
    v("refusals", x.refusals);
    v("masters", x.masters);
    v("untouched", x.untouched);
    v("baseline", x.baseline);
    v("after_repair", x.after_repair);
    v("verify_requests", x.verify_requests);
    v("after", x.after);
    v("verify", x.verify);
    v("not_undone", x.not_undone);
    v.unless_empty("permanent", x.permanent);
    v("proxy_is_masters", x.proxy_is_masters);
}

#undef AGGMEDIC_FIELDS

namespace {

struct Duration {
    const char* key;
    std::chrono::milliseconds Plan::* member;
};
constexpr Duration durations[] = {{"verify_timeout_ms", &Plan::verify_timeout},
                                  {"settle_ms", &Plan::settle},
                                  {"readyz_hold_ms", &Plan::readyz_hold},
                                  {"withdrawn_watch_ms", &Plan::withdrawn_watch}};
struct Time {
    const char* key;
    TimePoint Plan::* member;
};
constexpr Time times[] = {{"created", &Plan::created}, {"expires", &Plan::expires}};

// Everything that the id is a digest of.
json content(const Plan& plan) {
    json object = Writer::encode(plan);
    for (const auto& [key, member] : times) object[key] = to_rfc3339(plan.*member);
    for (const auto& [key, member] : durations) object[key] = (plan.*member).count();
    json findings = json::array();
    for (const auto& finding : plan.findings) findings.push_back(probes::to_json(finding));
    object["findings"] = std::move(findings);
    // Only where they say something: the digests of plans that older versions stored stay what they were.
    if (!plan.steps.empty()) object["steps"] = Writer::encode(plan.steps);
    if (!plan.reverts.empty()) {
        object["reverts"] = plan.reverts;
        object["withdraws"] = plan.withdraws;
        object["marked"] = plan.marked;
    }
    return object;
}

// Takes the keys of its own form out of `object`; false when one of them cannot be read.
bool take_own_forms(json& object, Plan& plan) {
    for (const auto& [key, member] : times) {
        const auto found = object.find(key);
        if (found == object.end() || !found->is_string()) return false;
        const auto time = from_rfc3339(found->get<std::string>());
        if (!time) return false;
        plan.*member = *time;
        object.erase(key);
    }
    for (const auto& [key, member] : durations) {
        const auto found = object.find(key);
        if (found == object.end() || !found->is_number_integer()) return false;
        plan.*member = std::chrono::milliseconds(found->get<std::int64_t>());
        object.erase(key);
    }
    const auto findings = object.find("findings");
    if (findings == object.end()) return false;
    probes::Assessment none;
    json assessment = probes::to_json(none);
    assessment["name"] = "plan";
    assessment["findings"] = std::move(*findings);
    object.erase("findings");
    auto read = probes::parse_assessment(assessment.dump());
    if (!read) return false;
    plan.findings = std::move(read->findings);
    return true;
}

}  // namespace

json to_json(const Plan& plan) {
    json object = content(plan);
    object["id"] = plan.id.empty() ? json(nullptr) : json(plan.id);
    return object;
}

std::string content_id(const Plan& plan) {
    return sha256_hex(content(plan).dump());
}

Result<Plan> parse_plan(std::string_view text) {
    json object = json::parse(text, nullptr, false);
    if (!object.is_object()) return fail(Errc::malformed_reply, "plan is no JSON object");
    Plan plan;
    const auto id = object.find("id");
    if (id == object.end() || (!id->is_string() && !id->is_null()))
        return fail(Errc::malformed_reply, "plan.id is missing");
    if (id->is_string()) plan.id = id->get<std::string>();
    object.erase("id");
    if (!take_own_forms(object, plan))
        return fail(Errc::malformed_reply, "a time, a duration or the findings of the plan cannot be read");
    std::string error;
    Reader reader(object, "plan", error);
    fields(reader, plan);
    reader.optional("steps", plan.steps);
    reader.optional("reverts", plan.reverts);
    reader.optional("withdraws", plan.withdraws);
    reader.optional("marked", plan.marked);
    reader.finish();
    if (!error.empty()) return fail(Errc::malformed_reply, error);
    if (!plan.id.empty() && content_id(plan) != plan.id) {
        return fail(Errc::malformed_reply,
                    "the plan's id is not the digest of its content: it was changed after it was made");
    }
    return plan;
}

}  // namespace aggmedic::remediate
