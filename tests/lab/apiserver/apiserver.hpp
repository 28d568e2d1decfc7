#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/lab/apiserver/availability_counts.hpp"
#include "tests/lab/certificates.hpp"
#include "tests/lab/http.hpp"
#include "tests/lab/store_client.hpp"
#include "tests/lab/world.hpp"
#include "tests/model/apiserver_flags.hpp"
#include "tests/model/apiserver_start.hpp"
#include "tests/model/auth_config_map.hpp"
#include "tests/model/availability.hpp"
#include "tests/model/extension_auth.hpp"

// The simulated kube-apiserver: the models of tests/model behind real TLS.
namespace aggmedic::lab {

// Kept connections to the extension servers.
class Backends {
  public:
    Backends(std::string certificate_file, std::string key_file)
        : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}

    // ca_pem empty: unverified, as the availability check of these generations asks.
    std::expected<model::Answer, ClientFailure> exchange(const Endpoint& where, const std::string& server_name,
                                                         const std::string& ca_pem, const HttpRequest& request,
                                                         std::chrono::milliseconds limit);

  private:
    std::unique_ptr<HttpClient> borrow(const std::string& key, const Endpoint& where, TlsAsking tls);
    void give_back(const std::string& key, std::unique_ptr<HttpClient> client);

    std::string certificate_file_, key_file_;
    std::mutex mutex_;
    std::multimap<std::string, std::unique_ptr<HttpClient>> idle_;
};

class Apiserver {
  public:
    // Throws std::runtime_error with kube-apiserver's kind of sentence when it must not start.
    Apiserver(World world, std::size_t self, model::ApiserverFlags flags);

    HttpReply handle(const HttpRequest& request);

    const MasterPlace& place() const { return world.masters[self]; }
    std::filesystem::path faults() const { return "/run/lab/faults"; }
    model::Seconds since_start() const { return std::chrono::steady_clock::now() - started; }
    bool is_ready() const { return since_start() >= start.becomes_ready(); }

    // What the threads of the process share; set once before they start.
    World world;
    std::size_t self;
    model::ApiserverFlags flags;
    model::Generation generation;
    ClientTrust client_trust, requestheader_trust;
    std::vector<std::string> allowed_names;
    std::map<std::string, model::Identity> tokens;
    model::AuthPublication publication;
    bool proxy_key_fits = true;
    model::ApiserverStart start{{}};
    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
    StoreClient store;
    Backends backends;
    AvailabilityCounts availability;
};

// apiserver_auth.cpp
std::optional<model::Identity> identify(const Apiserver& server, const HttpRequest& request);  // empty: 401

// apiserver_resources.cpp: what kube-apiserver serves out of its own store. Empty: no such path.
std::optional<model::Answer> serve_own(Apiserver& server, const model::RequestTrace& trace, const HttpRequest& request);
std::optional<model::Answer> serve_health(const Apiserver& server, const model::RequestTrace& trace,
                                          const HttpRequest& request);

// apiserver_objects.cpp: objects with a life of their own
std::optional<model::Answer> serve_objects(Apiserver& server, const model::RequestTrace& trace,
                                           const model::Attributes& what, const HttpRequest& request);

// apiserver_aggregation.cpp
struct AggregatedApi {
    std::string name;
    nlohmann::json object;
    std::size_t index = 0, count = 0;
};
std::optional<AggregatedApi> aggregated_api(const Apiserver& server, const std::string& path);
model::Answer proxy(Apiserver& server, const model::RequestTrace& trace, const AggregatedApi& api,
                    const HttpRequest& request);
bool service_exists(const Apiserver& server, const std::string& name_space, const std::string& service);
std::optional<Endpoint> endpoint_of_service(const StoreClient& store, const std::string& name_space,
                                            const std::string& service);
std::string server_name_of(const nlohmann::json& api_service);
std::string bundle_of(const nlohmann::json& api_service);
model::CheckedService checked_service(const nlohmann::json& api_service, const std::optional<Endpoint>& endpoint);

// apiserver_transport.cpp
enum class Asker { user, availability_check };
// The pod with --enable-aggregator-routing, else the ClusterIP. Empty: no pod is ready.
std::optional<Endpoint> place_of_service(const Apiserver& server, const std::string& name_space,
                                         const std::string& service);
std::optional<std::string> tunnel_fault(const Apiserver& server);
// Why a request to there gets no answer, in the words of Go's HTTP client.
std::optional<std::string> transport_fault(const Apiserver& server, const Endpoint& where, Asker asker);
std::optional<std::string> proxy_key_fault(const Apiserver& server);

// apiserver_controllers.cpp: threads that run until the process ends
void run_publisher(Apiserver& server);
void run_availability(Apiserver& server);
void run_lease(Apiserver& server, const std::atomic<bool>& stopping);

}  // namespace aggmedic::lab
