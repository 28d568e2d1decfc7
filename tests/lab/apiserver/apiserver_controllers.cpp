#include <iostream>
#include <random>
#include <thread>

#include "tests/lab/apiserver/apiserver_objects.hpp"

namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;
constexpr const char* config_map_key = "configmap/kube-system/extension-apiserver-authentication";

std::chrono::milliseconds in_milliseconds(model::Seconds span) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(span);
}

void wait_until_started(const Apiserver& server, model::Seconds instant) {
    const auto left = in_milliseconds(instant - server.since_start());
    if (left.count() > 0) std::this_thread::sleep_for(left);
}

// One look at the ConfigMap. False when another writer was faster and it has to be looked at again.
bool publish_once(Apiserver& server) {
    if (fault(server.world.faults(), "no-publisher") || webhook_blocks_config_maps(server)) return true;
    const auto stored = server.store.get(config_map_key);
    std::optional<model::ConfigMapData> existing;
    if (stored) existing = stored->value["data"].get<model::ConfigMapData>();
    const auto published = model::publish(server.generation, existing, server.publication, is_expired_pem);
    if (!published.error.empty())
        std::cerr << "cluster_authentication_trust_controller: kube-system/extension-apiserver-authentication "
                  << published.error << "\n";
    if (!published.data) return true;
    Json object =
        stored ? stored->value : Json{{"uid", "63ca7564-941a-41bd-8f47-2cc0b3c893c6"}, {"created", http_date()}};
    object["data"] = *published.data;
    object["updated"] = std::time(nullptr);
    return server.store.write(config_map_key, object, stored ? stored->revision : 0).has_value();
}

struct Checked {
    std::int64_t api_revision = -1, pods_revision = -1;
    std::chrono::steady_clock::time_point not_before, due;
};

std::int64_t pods_revision(const StoreClient& store, const std::string& name_space) {
    std::int64_t newest = 0;
    std::int64_t count = 0;
    for (const auto& [key, entry] : store.list("pod/" + name_space + "/")) {
        newest = std::max(newest, entry.revision);
        ++count;
    }
    return newest * 1000 + count;  // a deleted pod changes the count
}

model::CheckResult check(Apiserver& server, const model::CheckedService& service,
                         const std::optional<Endpoint>& endpoint, const std::string& ca_pem) {
    if (!service_exists(server, service.name_space, service.name)) return model::ServiceMissing{};
    if (!endpoint) return model::NoAddresses{};
    if (const auto words = transport_fault(server, *endpoint, Asker::availability_check)) return model::Broken{*words};
    HttpRequest request;
    request.target = server.generation.judges_status_code() ? "/apis/" + service.group + "/" + service.version : "/";
    if (server.generation.judges_status_code())
        request.headers = {{"X-Remote-User", "system:kube-aggregator"}, {"X-Remote-Group", "system:masters"}};
    const auto reply = server.backends.exchange(*endpoint, service.name + "." + service.name_space + ".svc", ca_pem,
                                                request, std::chrono::seconds(5));
    if (reply) return model::Answered{reply->status};
    if (reply.error().kind == ClientFailure::Kind::refused) return model::ConnectionRefused{};
    if (reply.error().kind == ClientFailure::Kind::untrusted)
        return model::Broken{"x509: certificate signed by unknown authority"};
    return model::TimedOut{};
}

void write_condition(Apiserver& server, const std::string& key, const StoredValue& entry,
                     const model::Condition& condition) {
    const std::string status = condition.available ? "True" : "False";
    const Json old = entry.value.value("condition", Json::object());
    server.availability.note(key.substr(key.find('/') + 1), condition, old.value("status", "") == "True");
    if (old.value("status", "") == status && old.value("reason", "") == condition.reason &&
        old.value("message", "") == condition.message)
        return;
    Json object = entry.value;
    const bool turned = old.value("status", "") != status;
    object["condition"] = {{"status", status},
                           {"reason", condition.reason},
                           {"message", condition.message},
                           {"since", turned ? std::time(nullptr) : old["since"].get<std::time_t>()}};
    server.store.write(key, object,
                       entry.revision);  // another master may have been faster: its write brings us back here
}

// A check is due after 30 s, and soon after the APIService (its status too: two masters that disagree make it flap) or
// its pods change.
void check_if_due(Apiserver& server, const std::string& key, const StoredValue& entry, Checked& last) {
    const auto now = std::chrono::steady_clock::now();
    const auto pods = pods_revision(server.store, entry.value["spec"]["service"]["namespace"]);
    const bool changed = entry.revision != last.api_revision || pods != last.pods_revision;
    if ((!changed && now < last.due) || now < last.not_before) return;
    static thread_local std::mt19937 random(std::random_device{}());
    last.api_revision = entry.revision;
    last.pods_revision = pods;
    last.not_before = now + std::chrono::milliseconds(150 + random() % 300);
    last.due = now + server.world.scaled(30);
    const auto& service = entry.value["spec"]["service"];
    const auto endpoint = place_of_service(server, service["namespace"], service["name"]);
    const std::string ca_pem = server.generation.check_verifies_bundle() ? bundle_of(entry.value) : "";
    const auto described = checked_service(entry.value, endpoint);
    write_condition(
        server, key, entry,
        model::judge_availability(server.generation, described, check(server, described, endpoint, ca_pem)));
}

}  // namespace

void run_publisher(Apiserver& server) {
    wait_until_started(server, server.start.publishes());
    if (!server.generation.publishes_union()) {
        while (!publish_once(server)) {
        }
        return;
    }
    for (std::int64_t seen = server.store.revision();; seen = server.store.revision()) {
        const auto before = server.store.get(config_map_key);
        if (!publish_once(server)) continue;
        const auto unchanged = [&] {
            const auto now = server.store.get(config_map_key);
            return now.has_value() && before.has_value() && now->revision == before->revision;
        };
        const auto deadline = std::chrono::steady_clock::now() + server.world.scaled(60);
        do {
            seen = server.store.wait_for_change(seen, server.world.scaled(60));
        } while (unchanged() && std::chrono::steady_clock::now() < deadline);
    }
}

void run_availability(Apiserver& server) {
    wait_until_started(server, server.start.registers());
    std::map<std::string, Checked> checked;
    for (std::int64_t seen = 0;;) {
        for (const auto& [key, entry] : server.store.list("apiservice/")) {
            if (!entry.value["spec"]["service"].is_null()) check_if_due(server, key, entry, checked[key]);
        }
        server.store.wait_for_change(seen, std::chrono::milliseconds(200));
        seen = server.store.revision();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

void run_lease(Apiserver& server, const std::atomic<bool>& stopping) {
    wait_until_started(server, server.start.registers());
    const std::string key = "endpoint/" + server.place().address;
    while (!stopping) {
        if (fault(server.faults(), "not-in-endpoints")) {
            server.store.remove(key);
        } else {
            server.store.write(key, {{"renewed", std::time(nullptr)}});
        }
        std::this_thread::sleep_for(std::chrono::seconds(2));
    }
}

}  // namespace aggmedic::lab
