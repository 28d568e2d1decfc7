#include "tests/lab/apiserver/apiserver_objects.hpp"
#include "tests/lab/extension/pod_log.hpp"

namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;

Ordered container_state(const Json& pod) {
    const std::string waiting = pod.value("waiting", "");
    if (!waiting.empty()) return {{"waiting", {{"reason", waiting}}}};
    return {{"running", {{"startedAt", timestamp(pod.value("started", std::time_t{0}))}}}};
}

Ordered last_state(const Json& pod) {
    if (!pod.contains("exit") || pod["exit"].is_null()) return Ordered::object();
    const auto& exit = pod["exit"];
    return {{"terminated",
             {{"exitCode", exit["code"]},
              {"reason", exit["reason"]},
              {"startedAt", timestamp(exit["started"])},
              {"finishedAt", timestamp(exit["finished"])}}}};
}

Ordered pod_status(const Json& pod) {
    const bool ready = pod["ready"].get<bool>();
    const std::string status = ready ? "True" : "False";
    const Ordered container = {{"name", "apiserver"},
                               {"state", container_state(pod)},
                               {"lastState", last_state(pod)},
                               {"ready", ready},
                               {"restartCount", pod.value("restarts", 0)}};
    return {{"phase", "Running"},
            {"conditions", Ordered::array({Ordered{{"type", "PodScheduled"}, {"status", "True"}},
                                           Ordered{{"type", "Ready"}, {"status", status}}})},
            {"podIP", pod["address"]},
            {"startTime", timestamp(pod["created"])},
            {"containerStatuses", Ordered::array({container})}};
}

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
    object["spec"] = {{"nodeName", pod.value("node", "")},
                      {"serviceAccountName", pod["service"]},
                      {"containers", Ordered::array({Ordered{{"name", "apiserver"}}})}};
    object["status"] = pod_status(pod);
    return object;
}

std::string limited(std::string text, const HttpRequest& request) {
    if (const std::string tail = request.query("tailLines"); !tail.empty()) {
        std::size_t at = text.size();
        for (unsigned long left = std::stoul(tail) + 1; left > 0 && at != std::string::npos && at > 0; --left)
            at = text.rfind('\n', at - 1);
        if (at != std::string::npos && at > 0) text.erase(0, at + 1);
        if (tail == "0") text.clear();
    }
    if (const std::string bytes = request.query("limitBytes"); !bytes.empty() && text.size() > std::stoul(bytes))
        text.resize(std::stoul(bytes));
    return text;
}

}  // namespace

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

model::Answer serve_pods(const Asked& asked) {
    const std::string prefix = asked.what.name_space.empty() ? "pod/" : "pod/" + asked.what.name_space + "/";
    if (asked.what.name.empty()) {
        Ordered items = Ordered::array();
        for (const auto& [key, entry] : asked.server.store.list(prefix)) {
            if (!selected(entry.value["labels"], asked.request.query("labelSelector"))) continue;
            items.push_back(pod_object(key, entry, false));
            if (asked.request.method == "DELETE") asked.server.store.remove(key);
        }
        const auto neighbour = crashing_neighbour(asked);
        const bool is_asked_for = asked.what.name_space.empty() || asked.what.name_space == "catalog";
        if (neighbour && is_asked_for && asked.request.method == "GET" &&
            selected((*neighbour)["metadata"]["labels"], asked.request.query("labelSelector")))
            items.push_back(*neighbour);
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

// The whole file in one body, as the kubelet streams it; limits as the query says.
model::Answer serve_pod_log(const Asked& asked) {
    const auto text = [&](int status, std::string body) {
        return model::own_answer(asked.server.generation, asked.trace, status, model::Content::text, std::move(body));
    };
    const auto pod = asked.server.store.get("pod/" + asked.what.name_space + "/" + asked.what.name);
    if (!pod) return asked.failure(404, "NotFound", "pods \"" + asked.what.name + "\" not found");
    if (const auto broken = tunnel_fault(asked.server)) return asked.failure(500, "InternalError", *broken);
    const bool previous = asked.request.query("previous") == "true";
    const int container =
        pod->value.value("restarts", 0) - (previous || !pod->value["waiting"].get<std::string>().empty());
    const auto file = container_log(asked.server.world, asked.what.name_space, asked.what.name, std::max(container, 0));
    if (!std::filesystem::exists(file))
        return asked.failure(
            400, "BadRequest",
            "container \"apiserver\" in pod \"" + asked.what.name + "\" is waiting to start: ContainerCreating");
    return text(200, limited(read_file(file), asked.request));
}

}  // namespace aggmedic::lab
