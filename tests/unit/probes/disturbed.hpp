#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "probes/diagnose.hpp"
#include "recording.hpp"

// Recorded observations with one thing changed.
namespace aggmedic::probes {

inline Assessment judge_with_security(const Observation& observation) {
    return diagnose(observation, recording::now());
}
// Without the security findings: the recordings' CA is shared, and most tests ask for something else.
inline Assessment judge(const Observation& observation) {
    auto assessment = judge_with_security(observation);
    std::erase_if(assessment.findings,
                  [](const Finding& each) { return each.finding_class == FindingClass::security; });
    return assessment;
}

inline Observation healthy(bool ssh = true, recording::As as = recording::As::admin) {
    return recording::load("healthy", {.ssh = ssh, .as = as});
}
inline Observation mismatch(bool ssh = true, recording::As as = recording::As::admin) {
    return recording::load("cn-not-allowed-separate-client-ca", {.ssh = ssh, .as = as});
}

inline std::vector<std::string> causes_of(const Assessment& assessment) {
    std::vector<std::string> found;
    for (const auto& finding : assessment.findings) found.push_back(finding.cause);
    return found;
}

inline std::string unobserved_of(const Assessment& assessment) {
    std::string text;
    for (const auto& fact : assessment.unobserved) text += fact.what + "|" + fact.master + "|" + fact.reason + "\n";
    return text;
}

// Adds a master like m0, over HTTPS and, where there is SSH, over that.
inline void add_master(Observation& observation, const std::string& name) {
    auto view = observation.apiservers.back();
    view.master = name;
    observation.apiservers.push_back(view);
    if (observation.masters.empty()) return;
    auto master = observation.masters.at("m0");
    if (master) master->master = name;
    observation.masters[name] = master;
}

inline PublishedAuth& published(Observation& observation) {
    return *observation.apiservers.front().published;
}

inline void each_answer(Observation& observation, const std::string& apiservice,
                        const std::function<void(Answer&)>& change) {
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts) {
            if (!apiservice.empty() && attempts.apiservice != apiservice) continue;
            for (auto* answers : {&attempts.discovery, &attempts.resource}) std::ranges::for_each(*answers, change);
        }
    }
}

inline void answer_all(Observation& observation, unsigned status, const std::string& body) {
    each_answer(observation, "", [&](Answer& answer) {
        answer = Answer{};
        answer.status = status;
        answer.body = body;
    });
}

inline void set_condition(Observation& observation, const std::string& status, const std::string& reason,
                          const std::string& message) {
    for (auto& apiservice : *observation.apiservers.front().apiservices) {
        apiservice.available = status;
        apiservice.reason = reason;
        apiservice.message = message;
    }
}

// The client CA becomes one of its own, published and on every master.
inline void separate_client_ca(Observation& observation) {
    const auto separate = recording::certificates("pki/clients_ca.pem");
    published(observation).client_ca = separate;
    for (auto& [name, master] : observation.masters) {
        for (auto& file : master->files) {
            if (file.flag == "client-ca-file") file.certificates = separate;
        }
    }
}

inline void set_live_names(MasterView& master, const std::string& csv) {
    master.process->arguments.flags["requestheader-allowed-names"] = {csv};
}

inline void use_proxy(MasterView& master, const std::string& pem) {
    for (auto& file : master.files) {
        if (file.flag == "proxy-client-cert-file") file.certificates = recording::certificates("pki/" + pem);
    }
}

}  // namespace aggmedic::probes
