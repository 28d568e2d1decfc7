#include "probes/redaction.hpp"

#include "net/redact.hpp"

namespace aggmedic::probes {
namespace {

void clean(std::string& text) {
    if (!text.empty()) text = redacted(text);
}

template <class T>
void clean_reason(Seen<T>& seen) {
    if (seen) return;
    auto why = seen.why();
    if (why.detail.empty()) return;
    clean(why.detail);
    seen = std::move(why);
}

void clean(Answer& answer) {
    clean(answer.body);
    clean(answer.failure_detail);
    answer.location = without_marked_secrets(answer.location);
}

void clean(std::vector<Answer>& answers) {
    for (auto& answer : answers) clean(answer);
}

void clean_answer(Seen<Answer>& answer) {
    if (answer) clean(*answer);
    clean_reason(answer);
}

void clean(ApiserverView& apiserver) {
    clean_reason(apiserver.version);
    clean_answer(apiserver.readyz);
    clean_answer(apiserver.control);
    clean_answer(apiserver.anonymous);
    clean_reason(apiserver.serving);
    clean_reason(apiserver.clock_offset_ms);
    clean_reason(apiserver.apiservices);
    clean_reason(apiserver.published);
    if (apiserver.apiservices) {
        for (auto& apiservice : *apiserver.apiservices) clean(apiservice.message);
    }
    for (auto& attempts : apiserver.attempts) {
        clean(attempts.discovery);
        clean(attempts.resource);
        clean(attempts.canary);
    }
}

void clean(MasterView& master) {
    clean(master.file_text_fault);
    clean_reason(master.file_arguments);
    clean_reason(master.process);
    clean_reason(master.supervisor);
    master.lock = without_marked_secrets(master.lock);
    const auto clean_flags = [](Arguments& arguments) {
        for (auto& [flag, values] : arguments.flags) {
            for (auto& value : values) value = without_marked_secrets(value);
        }
    };
    if (master.file_arguments) clean_flags(*master.file_arguments);
    if (master.process) clean_flags(master.process->arguments);
}

}  // namespace

void take_out_secrets(ControlPlane& seen) {
    for (auto& [master, members] : seen.etcd) {
        clean_reason(members);
        if (!members) continue;
        for (auto& member : *members) clean(member.says);
    }
    clean_reason(seen.webhooks);
    if (seen.webhooks) {
        for (auto& webhook : *seen.webhooks) clean_reason(webhook.ready);
    }
    clean_reason(seen.endpoints);
    clean_reason(seen.controller_manager);
    clean_reason(seen.scheduler);
}

void take_out_secrets(Observation& observation) {
    for (auto& apiserver : observation.apiservers) clean(apiserver);
    for (auto& [name, master] : observation.masters) {
        clean_reason(master);
        if (master) clean(*master);
    }
    clean_reason(observation.control_plane);
    if (observation.control_plane) take_out_secrets(*observation.control_plane);
    clean_reason(observation.blast_radius);
    if (observation.blast_radius) {
        clean_reason(observation.blast_radius->namespaces);
        clean_reason(observation.blast_radius->autoscalers);
        clean_reason(observation.blast_radius->pods);
    }
    for (auto& workload : observation.workloads) {
        clean_reason(workload.namespace_exists);
        clean_reason(workload.service);
        clean_reason(workload.endpoints);
        clean_reason(workload.pods);
        clean_reason(workload.logs);
        clean_reason(workload.may_review_access);
    }
}

}  // namespace aggmedic::probes
