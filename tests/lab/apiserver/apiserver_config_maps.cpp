#include "tests/lab/apiserver/apiserver_objects.hpp"

namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;

Ordered config_map_object(const Asked& asked, const std::string& key, const StoredValue& entry) {
    Ordered object = {{"kind", "ConfigMap"}, {"apiVersion", "v1"}};
    object["metadata"] = {{"name", key.substr(key.rfind('/') + 1)},
                          {"namespace", asked.what.name_space},
                          {"uid", entry.value.value("uid", "")},
                          {"resourceVersion", std::to_string(entry.revision)},
                          {"creationTimestamp", "2026-11-23T00:16:54Z"}};
    if (const auto annotations = entry.value.value("annotations", Json::object()); !annotations.empty())
        object["metadata"]["annotations"] = annotations;
    // Who wrote it last and when, as every object says since 1.18.
    if (asked.server.generation.minor >= 18 && entry.value.contains("updated"))
        object["metadata"]["managedFields"] = Ordered::array({Ordered{{"manager", "kube-apiserver"},
                                                                      {"operation", "Update"},
                                                                      {"apiVersion", "v1"},
                                                                      {"time", timestamp(entry.value["updated"])}}});
    object["data"] = entry.value["data"];
    return object;
}

// A merge PATCH or a PUT. With a resourceVersion in it, it is refused when the object has moved; without one the last
// writer wins. With dryRun=All (since 1.13) everything is as if, and nothing is stored.
model::Answer change_config_map(const Asked& asked, const std::string& key, const StoredValue& entry) {
    const Json change = Json::parse(asked.request.body, nullptr, false);
    if (!change.is_object())
        return asked.failure(400, "BadRequest", "the object provided is unrecognized (must be of type ConfigMap)");
    const std::string wanted = change.value("metadata", Json::object()).value("resourceVersion", "");
    if (!wanted.empty() && wanted != std::to_string(entry.revision)) return asked.conflict();
    Json object = entry.value;
    if (asked.request.method == "PUT") object["data"] = object["annotations"] = Json::object();
    object["updated"] = std::time(nullptr);
    object["data"].merge_patch(change.value("data", Json::object()));
    if (!object.contains("annotations")) object["annotations"] = Json::object();
    object["annotations"].merge_patch(change.value("metadata", Json::object()).value("annotations", Json::object()));
    if (const auto dry_run = asked.request.query("dryRun"); !dry_run.empty()) {
        if (asked.server.generation.minor < 13)
            return asked.failure(400, "BadRequest", "the dryRun alpha feature is disabled");
        return asked.ok(config_map_object(asked, key, {object, entry.revision}));
    }
    std::optional<std::int64_t> expect;
    if (!wanted.empty()) expect = entry.revision;
    const auto written = asked.server.store.write(key, object, expect);
    return written ? asked.ok(config_map_object(asked, key, {object, *written})) : asked.conflict();
}

}  // namespace

model::Answer serve_config_maps(const Asked& asked) {
    if (asked.what.name.empty()) {
        Ordered items = Ordered::array();
        const std::string prefix =
            asked.what.name_space.empty() ? "configmap/" : "configmap/" + asked.what.name_space + "/";
        for (const auto& [key, entry] : asked.server.store.list(prefix))
            items.push_back(config_map_object(asked, key, entry));
        return asked.ok(list_of(asked, "ConfigMapList", "v1", items));
    }
    const std::string key = "configmap/" + asked.what.name_space + "/" + asked.what.name;
    const auto entry = asked.server.store.get(key);
    if (!entry) return asked.not_found();
    if (asked.request.method == "PATCH" || asked.request.method == "PUT") return change_config_map(asked, key, *entry);
    if (asked.request.method == "DELETE") {
        asked.server.store.remove(key);
        return asked.ok(
            {{"kind", "Status"},
             {"apiVersion", "v1"},
             {"metadata", Ordered::object()},
             {"status", "Success"},
             {"details", {{"name", asked.what.name}, {"kind", "configmaps"}, {"uid", entry->value.value("uid", "")}}}});
    }
    return asked.ok(config_map_object(asked, key, *entry));
}

}  // namespace aggmedic::lab
