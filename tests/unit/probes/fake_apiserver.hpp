#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "probes/observe.hpp"
#include "tls_server.hpp"

namespace aggmedic::probes {

using nlohmann::json;

inline std::string ok(const json& body, const std::string& headers = "") {
    return test::answer(body.dump(), headers);
}

inline json apiservice(const std::string& group) {
    return {{"metadata", {{"name", "v1." + group}}},
            {"spec", {{"group", group}, {"version", "v1"}, {"service", {{"namespace", "ns"}, {"name", "svc"}}}}}};
}

// An apiserver whose answers are a table by path; what is not in it is 404. An answer of "hang" never comes.
class FakeApiserver {
  public:
    explicit FakeApiserver(const test::TestCa& ca, int groups = 1)
        : server_({.identity = ca.issue({.common_name = "demo.example", .alternative_names = {"DNS:demo.example"}})},
                  [this](test::ServerConnection& connection) { serve(connection); }) {
        auto items = json::array();
        for (int i = 0; i < groups; ++i) {
            const auto group = "g" + std::to_string(i) + ".example";
            items.push_back(apiservice(group));
            answers["/apis/" + group + "/v1"] =
                ok({{"kind", "APIResourceList"},
                    {"groupVersion", group + "/v1"},
                    {"resources", {{{"name", "things"}, {"namespaced", true}, {"verbs", {"list"}}}}}},
                   "X-Kubernetes-Pf-Flowschema-Uid: one\r\nX-Kubernetes-Pf-Flowschema-Uid: two\r\n");
            answers["/apis/" + group + "/v1/things?limit=1"] = ok({{"kind", "ThingList"}, {"secret", "data"}});
        }
        answers["/readyz"] = test::answer("ok", "Date: Mon, 23 Nov 2026 00:17:06 GMT\r\n");
        answers["/api"] = ok({{"kind", "APIVersions"}});
        answers["/version"] = ok({{"gitVersion", "v1.20.2"}});
        answers[list] = ok({{"kind", "APIServiceList"}, {"items", items}});
        answers[config_map] =
            ok({{"kind", "ConfigMap"}, {"data", {{"requestheader-allowed-names", "[\"aggregator\"]"}}}});
    }

    std::uint16_t port() const { return server_.port(); }
    int asked(const std::string& path) {
        const std::lock_guard lock(mutex_);
        return counts_[path];
    }
    std::vector<std::string> all_paths() {
        const std::lock_guard lock(mutex_);
        std::vector<std::string> paths;
        for (const auto& [path, count] : counts_) {
            if (count > 0) paths.push_back(path);
        }
        return paths;
    }
    std::string token_at(const std::string& path) {
        const std::lock_guard lock(mutex_);
        return tokens_[path];
    }

    int asked_anonymously(const std::string& path) {
        const std::lock_guard lock(mutex_);
        return anonymous_[path];
    }

    static constexpr const char* list = "/apis/apiregistration.k8s.io/v1/apiservices";
    static constexpr const char* config_map =
        "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
    std::map<std::string, std::string> answers;  // changed before the first request only, and by set()
    void set(const std::string& path, const std::string& answer) {
        const std::lock_guard lock(mutex_);
        answers[path] = answer;
    }
    std::function<void(const std::string& path)> before_answer;  // changed before the first request only

  private:
    void serve(test::ServerConnection& connection) {
        for (auto request = connection.read_request(); !request.empty(); request = connection.read_request()) {
            const auto start = request.find(' ') + 1;
            const auto path = request.substr(start, request.find(' ', start) - start);
            std::string reply;
            {
                const std::lock_guard lock(mutex_);
                ++counts_[path];
                const auto bearer = request.find("Bearer ");
                if (bearer != std::string::npos) {
                    tokens_[path] = request.substr(bearer + 7, request.find('\r', bearer) - bearer - 7);
                } else {
                    ++anonymous_[path];
                }
                const auto found = answers.find(path);
                reply =
                    found == answers.end() ? test::answer("404 page not found", "", "404 Not Found") : found->second;
            }
            if (before_answer) before_answer(path);
            if (reply == "hang") return connection.wait_until_peer_closes();
            connection.write(reply);
        }
    }

    std::mutex mutex_;
    std::map<std::string, int> counts_, anonymous_;
    std::map<std::string, std::string> tokens_;
    test::TlsServer server_;
};

class ObserveTest : public testing::Test {
  protected:
    ClusterTarget target(std::uint16_t port) {
        ClusterTarget made;
        made.name = "demo";
        made.server_host = "127.0.0.1";
        made.server_port = port;
        made.server_name = "demo.example";
        made.ca_pem = ca.certificate_pem();
        made.probe.bearer_token = "probe-token";
        return made;
    }
    static void add_master(ClusterTarget& cluster, const std::string& name, std::uint16_t port) {
        MasterAddress master;
        master.name = name;
        master.address = "127.0.0.1";
        master.api_port = port;
        cluster.masters.push_back(master);
    }
    template <class T>
    T run(asio::awaitable<T> work) {
        auto future = asio::co_spawn(io, std::move(work), asio::use_future);
        io.restart();
        io.run();
        return future.get();
    }
    Observation observe(const ClusterTarget& cluster, ProbeSettings settings = {}) {
        return run(observe_apiservers(connect_cluster(io.get_executor(), cluster), settings));
    }

    asio::io_context io{1};
    test::TestCa ca;
};

}  // namespace aggmedic::probes
