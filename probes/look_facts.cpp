#include "probes/look_facts.hpp"

#include <algorithm>

namespace aggmedic::probes {

namespace {

constexpr std::size_t facts_max = 256;

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> allowed) {
    return std::ranges::find(allowed, word) != allowed.end();
}

constexpr std::int64_t year_9999 = 253'402'300'800;

bool read_time(std::string_view word, TimePoint& time) {
    std::int64_t seconds = 0;
    if (!number(word, seconds) || seconds < 0 || seconds > year_9999) return false;
    time = TimePoint(std::chrono::seconds(seconds));
    return true;
}

bool read_modified(const Words& words, LookDraft& draft) {
    std::string path;
    TimePoint time{};
    if (!bytes_of(words[1], path) || !read_time(words[2], time)) return false;
    if (draft.modified.size() >= 2 * facts_max) return false;
    draft.modified[path] = time;
    return true;
}

bool read_backend(const Words& words, LookDraft& draft) {
    if (!is_one_of(words[2], {"connected", "refused", "timeout", "no-route", "failed", "untried"})) return false;
    auto& backends = draft.look.view.backends;
    if (!backends) backends = std::vector<BackendReach>();
    if (backends->size() >= facts_max) return false;
    draft.dialled_all = draft.dialled_all && words[2] != "untried";
    backends->push_back(
        {.apiservice = {}, .address = std::string(words[1]), .kind = {}, .outcome = std::string(words[2])});
    return true;
}

// Go looks at the upper-case name first; the helper's order is the environment's.
bool read_environment(const Words& words, LookDraft& draft) {
    std::string value;
    if (!bytes_of(words[2], value)) return false;
    const bool upper = !words[1].empty() && words[1].front() >= 'A' && words[1].front() <= 'Z';
    std::string name(words[1]);
    std::ranges::transform(name, name.begin(),
                           [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
    if (!is_one_of(name, {"http_proxy", "https_proxy", "all_proxy", "no_proxy"})) return false;
    auto& environment = draft.look.view.proxy_environment;
    if (!environment) return draft.refuse("environment without environment_read");
    if (upper || !environment->contains(name)) (*environment)[name] = std::move(value);
    return true;
}

bool read_proxy_key(const Words& words, LookDraft& draft) {
    if (!is_one_of(words[1], {"match", "differs", "unknown"})) return false;
    if (words[1] == "unknown") {
        draft.look.view.proxy_key_matches =
            Unobserved{.reason = "malformed_reply", .detail = "openssl could not read the pair on the master"};
    } else {
        draft.look.view.proxy_key_matches = words[1] == "match";
    }
    return true;
}

bool read_permanent_fix(const Words& words, LookDraft& draft) {
    draft.look.view.permanent_fix_present = words[1] == "present";
    return is_one_of(words[1], {"present", "absent"});
}

bool read_unpacked_job(const Words& words, LookDraft& draft) {
    UnpackedJob job;
    if (!number(words[1], job.files) || job.files == 0 || !read_time(words[2], job.oldest_change) ||
        !read_time(words[3], job.newest_modified) || !read_time(words[4], job.file_changed))
        return false;
    draft.look.view.unpacked_job = job;
    return true;
}

bool read_start_fault(const Words& words, LookDraft& draft) {
    auto& faults = draft.look.view.start_faults;
    if (!faults) return draft.refuse("start_fault without start_faults_read");
    if (!is_one_of(words[1], {"ca-overlap", "unknown-flag", "unreadable-file", "key-mismatch"})) return false;
    if (faults->size() < facts_max) faults->emplace_back(words[1]);
    return true;
}

bool read_kubelet(const Words& words, LookDraft& draft) {
    auto& kubelet = draft.kubelet;
    if (!kubelet) kubelet.emplace();
    std::int64_t pid = 0;
    kubelet->runs = words[1] != "none";
    if (kubelet->runs && !number(words[1], pid)) return false;
    if (!is_one_of(words[4], {"same", "other"}) || !is_one_of(words[5], {"none", "containerd", "crio", "dockerd"}))
        return false;
    kubelet->same_file_system = words[4] == "same";
    kubelet->runtime = words[5] == "none" ? "" : words[5];
    return bytes_of(words[2], kubelet->static_pod_path) && number(words[3], kubelet->changed_seconds_ago);
}

bool read_static_pod(const Words& words, LookDraft& draft) {
    if (!draft.kubelet) return draft.refuse("static_pod without kubelet");
    if (!is_one_of(words[1], {"etcd", "kube-controller-manager", "kube-scheduler"})) return false;
    draft.kubelet->static_pods[std::string(words[1])] = words[2] == "running";
    return is_one_of(words[2], {"running", "absent"});
}

}  // namespace

const std::map<std::string_view, LookKey>& fact_keys() {
    static const std::map<std::string_view, LookKey> table{
        {"modified", {3, true, read_modified}},
        {"ticks_per_second",
         {2, false,
          [](const Words& w, LookDraft& d) {
              return number(w[1], d.ticks_per_second) && d.ticks_per_second > 0 && d.ticks_per_second <= 100'000;
          }}},
        {"backend", {3, true, read_backend}},
        {"environment_read",
         {1, false,
          [](const Words&, LookDraft& d) {
              d.look.view.proxy_environment = std::map<std::string, std::string>();
              return true;
          }}},
        {"environment", {3, true, read_environment}},
        {"proxy_key", {2, false, read_proxy_key}},
        {"permanent_fix", {2, false, read_permanent_fix}},
        {"unpacked_job", {5, false, read_unpacked_job}},
        {"start_faults_read",
         {1, false,
          [](const Words&, LookDraft& d) {
              d.look.view.start_faults = std::vector<std::string>();
              return true;
          }}},
        {"start_fault", {2, true, read_start_fault}},
        {"kubelet", {6, false, read_kubelet}},
        {"static_pod", {3, true, read_static_pod}},
    };
    return table;
}

}  // namespace aggmedic::probes
