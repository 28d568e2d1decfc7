#include "contract.hpp"

#include <algorithm>
#include <initializer_list>

namespace aggmedic::cli {
namespace {

using nlohmann::json;

class Contract {
  public:
    std::vector<std::string> violations;

    void text(const json& object, const char* key) { require(object, key, value(object, key).is_string(), "a string"); }
    void text_or_null(const json& object, const char* key) {
        require(object, key, value(object, key).is_string() || value(object, key).is_null(), "a string or null");
    }
    void number(const json& object, const char* key) {
        require(object, key, value(object, key).is_number(), "a number");
    }
    void number_or_null(const json& object, const char* key) {
        require(object, key, value(object, key).is_number() || value(object, key).is_null(), "a number or null");
    }
    void truth(const json& object, const char* key) {
        require(object, key, value(object, key).is_boolean(), "a boolean");
    }
    void one_of(const json& object, const char* key, std::initializer_list<const char*> allowed) {
        const auto& found = value(object, key);
        const bool known =
            found.is_string() && std::ranges::any_of(allowed, [&](const char* one) { return found == one; });
        require(object, key, known, "one of the closed set, not " + found.dump());
    }
    const json& list(const json& object, const char* key) {
        static const json none = json::array();
        require(object, key, value(object, key).is_array(), "a list");
        return value(object, key).is_array() ? value(object, key) : none;
    }

  private:
    static const json& value(const json& object, const char* key) {
        static const json none;
        return object.is_object() && object.contains(key) ? object[key] : none;
    }
    void require(const json& object, const char* key, bool holds, const std::string& what) {
        const bool present = object.is_object() && object.contains(key);
        if (!present || !holds) violations.push_back(std::string(key) + (present ? " is not " + what : " is missing"));
    }
};

void check_finding(Contract& contract, const json& finding) {
    contract.text(finding, "cause");
    contract.one_of(finding, "severity", {"critical", "warning", "info"});
    contract.one_of(finding, "confidence", {"certain", "probable", "ambiguous"});
    contract.one_of(finding, "allow_list", {"right", "wrong", "dangerous", "none"});
    for (const auto* key : {"master", "apiservice", "since", "consequence_of"}) contract.text_or_null(finding, key);
    contract.text(finding, "remedy");
    for (const auto& evidence : contract.list(finding, "evidence")) {
        contract.text(evidence, "fact");
        contract.text(evidence, "source");
        contract.text_or_null(evidence, "master");
    }
    for (const auto& other : contract.list(finding, "rules_out")) {
        contract.text(other, "cause");
        contract.text(other, "because");
    }
}

void plan_master(Contract& contract, const json& master) {
    for (const auto* key :
         {"name", "address", "file", "sha256_before", "sha256_after", "argument_before", "argument_after", "diff"}) {
        contract.text(master, key);
    }
    contract.number(master, "gap_seconds");
    for (const auto& step : contract.list(master, "steps")) {
        for (const auto* key : {"step", "command", "undo", "check"}) contract.text(step, key);
    }
}

}  // namespace

std::vector<std::string> check_violations(const json& document) {
    Contract contract;
    for (const auto& cluster : contract.list(document, "clusters")) {
        contract.text(cluster, "name");
        contract.one_of(cluster, "state", {"healthy", "findings", "unknown"});
        contract.text_or_null(cluster, "kubernetes");
        for (const auto& finding : contract.list(cluster, "findings")) check_finding(contract, finding);
        for (const auto& fact : contract.list(cluster, "unobserved")) {
            contract.text(fact, "what");
            contract.text_or_null(fact, "master");
            contract.text(fact, "reason");
        }
    }
    return contract.violations;
}

std::vector<std::string> plan_violations(const json& document) {
    Contract contract;
    contract.text_or_null(document, "id");
    for (const auto* key : {"cluster", "created", "expires"}) contract.text(document, key);
    contract.one_of(document, "method", {"args", "configmap"});
    for (const auto& risk : contract.list(document, "risks")) {
        contract.text(risk, "id");
        contract.text(risk, "text");
        contract.truth(risk, "accepted");
    }
    for (const auto& refusal : contract.list(document, "refusals")) {
        for (const auto* key : {"gate", "subject", "reason"}) contract.text(refusal, key);
    }
    for (const auto& master : contract.list(document, "masters")) plan_master(contract, master);
    contract.list(document, "after");
    contract.list(document, "verify");
    return contract.violations;
}

std::vector<std::string> apply_violations(const json& document) {
    Contract contract;
    for (const auto* key : {"run", "plan", "cluster"}) contract.text(document, key);
    contract.one_of(document, "outcome", {"applied", "healed", "rolled-back", "refused", "needs-person"});
    contract.text_or_null(document, "next");
    for (const auto& master : contract.list(document, "masters")) {
        contract.text(master, "name");
        contract.text(master, "state");
        for (const auto& step : contract.list(master, "steps")) {
            contract.text(step, "step");
            contract.text_or_null(step, "outcome");
            contract.number_or_null(step, "seconds");  // null: not finished
        }
    }
    return contract.violations;
}

}  // namespace aggmedic::cli
