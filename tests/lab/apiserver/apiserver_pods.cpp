#include "tests/lab/apiserver/apiserver_objects.hpp"

namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;

Ordered pod_object(const std::string& key, const StoredValue& entry, bool with_kind) {
    const auto& pod = entry.value;
    Ordered object = Ordered::object();
    if (with_kind) object = {{"kind", "Pod"}, {"apiVersion", "v1"}};
    const auto slash = key.rfind('/');
    object["metadata"] = {{"name", key.substr(slash + 1)},
                          {"namespace", key.substr(4, slash - 4)},
                          {"uid", pod["uid"]},
                          {"resourceVersion", std::to_string(entry.revision)},
                          {"creationTimestamp", timestamp(pod["created"])},
                          {"labels", pod["labels"]}};
    if (pod.value("deleting", false)) object["metadata"]["deletionTimestamp"] = timestamp(std::time(nullptr));
    object["metadata"]["ownerReferences"] = Ordered::array({{{"apiVersion", "apps/v1"},
                                                             {"kind", "ReplicaSet"},
                                                             {"name", pod["owner"]},
                                                             {"uid", pod["owner_uid"]},
                                                             {"controller", true}}});
    object["spec"] = {{"containers", Ordered::array({{{"name", "apiserver"}}})}};
    const bool ready = pod["ready"].get<bool>();
    const Ordered condition = {{"type", "Ready"}, {"status", ready ? "True" : "False"}};
    const Ordered container = {{"name", "apiserver"}, {"ready", ready}, {"restartCount", 0}};
    object["status"] = {{"phase", "Running"},
                        {"podIP", pod["address"]},
                        {"conditions", Ordered::array({condition})},
                        {"containerStatuses", Ordered::array({container})}};
    return object;
}

bool selected(const Json& labels, std::string selector) {
    while (!selector.empty()) {
        const std::string part = selector.substr(0, selector.find(','));
        selector.erase(0, part.size() + 1);
        const auto equals = part.find('=');
        if (equals == std::string::npos) {
            if (!labels.contains(part)) return false;
            continue;
        }
        const auto value_at = part.find_first_not_of('=', equals);
        const std::string value = value_at == std::string::npos ? "" : part.substr(value_at);
        if (labels.value(part.substr(0, equals), "") != value) return false;
    }
    return true;
}

}  // namespace

model::Answer serve_pods(const Asked& asked) {
    const std::string prefix = asked.what.name_space.empty() ? "pod/" : "pod/" + asked.what.name_space + "/";
    if (asked.what.name.empty()) {
        Ordered items = Ordered::array();
        for (const auto& [key, entry] : asked.server.store.list(prefix)) {
            if (!selected(entry.value["labels"], asked.request.query("labelSelector"))) continue;
            items.push_back(pod_object(key, entry, false));
            if (asked.request.method == "DELETE") asked.server.store.remove(key);
        }
        return asked.ok(list_of(asked, "PodList", "v1", items));
    }
    const std::string key = prefix + asked.what.name;
    const auto entry = asked.server.store.get(key);
    if (!entry) return asked.not_found();
    if (asked.request.method == "DELETE") {
        const Json options = Json::parse(asked.request.body, nullptr, false);
        const std::string uid =
            options.is_object() ? options.value("preconditions", Json::object()).value("uid", "") : "";
        if (!uid.empty() && uid != entry->value["uid"].get<std::string>()) return asked.conflict();
        asked.server.store.remove(key);  // the lab's kubelet sees it go and starts another
        StoredValue going = *entry;
        going.value["deleting"] = true;
        return asked.ok(pod_object(key, going, true));
    }
    return asked.ok(pod_object(key, *entry, true));
}

}  // namespace aggmedic::lab
