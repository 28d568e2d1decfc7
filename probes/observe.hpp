#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/https_client.hpp"
#include "net/remote_host.hpp"
#include "probes/backend_places.hpp"
#include "probes/look.hpp"
#include "probes/observation.hpp"

namespace aggmedic::probes {

// What a cluster looks like from configuration: where its apiservers are and with which credentials they are asked.
struct MasterAddress {
    std::string name;     // master/0
    std::string address;  // host the API and, unless told otherwise, SSH are at
    std::uint16_t api_port = 8443;
    std::string server_name;  // that its certificate carries; empty: the cluster's server name
    std::string ssh_address;  // empty: address
    std::uint16_t ssh_port = 22;
};
struct Credential;
// Where a credential comes from, and comes from again when it was renewed there.
class CredentialSource {
  public:
    virtual ~CredentialSource() = default;
    // The credential as it is now. `refused`: an apiserver has just answered 401 to the last one. Errors: io_failed,
    // invalid_argument, timeout, malformed_reply; whoever asked goes on with what there was.
    virtual asio::awaitable<Result<Credential>> current(bool refused) = 0;
    // Tells it from others in a configuration: names of files and programs, never a secret.
    virtual std::string identity() const = 0;
};
struct Credential {  // of one identity; all empty: none
    std::string bearer_token;
    std::string client_certificate_pem, client_key_pem;
    std::shared_ptr<CredentialSource> source{};  // none: it stays as it is
    bool empty() const { return bearer_token.empty() && client_certificate_pem.empty() && !source; }
};
struct ClusterTarget {
    std::string name;
    std::string server_host;  // of the load-balancer address
    std::uint16_t server_port = 443;
    std::string server_name;  // empty: server_host
    std::string ca_pem;
    bool insecure_skip_tls_verify = false;
    Credential probe, canary;
    std::vector<std::string> include{"*"}, exclude;  // APIService names, `*` as wildcard
    std::string platform;  // of the masters over SSH, or `detect`; one that is never edited; or empty: no SSH
    std::vector<MasterAddress> masters;
};
struct ProbeSettings {
    std::chrono::milliseconds timeout{5000};  // per exchange
    int attempts = 5;                         // per aggregated API, path and apiserver
    // Attempts are spread over this time, and what hangs is not asked again after it; 0: one right after another.
    std::chrono::milliseconds spread{0};
    std::chrono::milliseconds cycle_max{0};  // what may be left out is not asked later than this; 0: no such limit
    std::size_t apiservices_max = 200;       // the rest is unobserved and said so
    bool blast_radius = false;               // asked for too, while an aggregated API fails
    bool aggregator_metrics = true;          // /metrics of each apiserver, where an aggregated API fails
    bool canary_beyond = true;               // one GET that the canary must be refused
};

Caller caller_of(const Credential& credential);

// The connections to one cluster's apiservers, kept from cycle to cycle.
class ClusterConnections;
std::shared_ptr<ClusterConnections> connect_cluster(asio::any_io_executor executor, ClusterTarget target);

// Asks the credentials' sources; true: there is a new one, and what is asked next uses it. For the time between cycles.
// Errors: those of the sources, the first of them.
asio::awaitable<Result<bool>> refresh_credentials(std::shared_ptr<ClusterConnections> connections, bool refused);

// Whether an apiserver refused the probe's credential where nothing is aggregated: time to ask for a new one.
bool is_credential_refused(const Observation& observation);

// One cycle over HTTPS: every apiserver by itself and the server address, side by side. Judges nothing. Every wait has
// a deadline; one that answers nothing costs the others nothing. The `masters` of the result are left empty.
asio::awaitable<Observation> observe_apiservers(std::shared_ptr<ClusterConnections> connections,
                                                ProbeSettings settings);

// Read-only look at one master through an open session, which dials `backends` from there.
asio::awaitable<Result<Look>> look_at_master(RemoteHost& host, std::string master, std::string platform,
                                             std::vector<BackendPlace> backends = {});

// Narrow questions that a run asks again and again, through one apiserver ("": the server address). A fresh connection
// each. Answers carry status 0 and the failure where nothing came back.
asio::awaitable<Seen<Answer>> ask_readyz(std::shared_ptr<ClusterConnections> connections, std::string master,
                                         std::chrono::milliseconds timeout);
asio::awaitable<Seen<PublishedAuth>> ask_published(std::shared_ptr<ClusterConnections> connections, std::string master,
                                                   std::chrono::milliseconds timeout);
asio::awaitable<ApiServiceAttempts> ask_apiservice(std::shared_ptr<ClusterConnections> connections, std::string master,
                                                   ApiService apiservice, ProbeSettings settings);

}  // namespace aggmedic::probes
