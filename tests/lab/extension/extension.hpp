#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/lab/certificates.hpp"
#include "tests/lab/extension/pod_log.hpp"
#include "tests/lab/extension/reviews.hpp"
#include "tests/lab/http.hpp"
#include "tests/lab/store_client.hpp"
#include "tests/lab/world.hpp"
#include "tests/model/extension_auth.hpp"
#include "tests/model/extension_log.hpp"

// One running extension API server: what it read of the ConfigMap, and how it answers.
namespace aggmedic::lab {

// The container ends at its start; what it wrote before is in the log.
struct CannotStart {};

// A port that takes SYNs and never answers them: a listener whose queue is full.
class BlackHole {
  public:
    explicit BlackHole(const Endpoint& endpoint);
    ~BlackHole();
    BlackHole(const BlackHole&) = delete;
    BlackHole& operator=(const BlackHole&) = delete;

  private:
    std::vector<int> sockets_;
};

// Whether a switch of the lab that strikes pods (empty: all, or a service, or an APIService) strikes this one.
bool is_struck(const World& world, const Extension& extension, const char* fault_name);

class ExtensionServer {
  public:
    ExtensionServer(const World& world, const Extension& extension, const StoreClient& store, PodLog& log);

    void start();  // reads the ConfigMap, listens, serves; throws CannotStart, or std::runtime_error: the port is taken
    void stop();
    void reload_if_it_does();          // sample-apiserver 1.20 follows the ConfigMap, service-catalog does not
    void follow_switches(bool ready);  // the ports that masters can reach

  private:
    struct Config {
        model::AuthRules rules;
        ClientTrust requestheader{""}, client{""};
        std::vector<std::string> username_headers, group_headers;
        std::int64_t revision = -1;
    };

    void read_config();
    void require_config(bool exists, bool has_requestheader_ca);
    HttpReply handle(const HttpRequest& request);
    std::optional<HttpReply> struck(const HttpRequest& request, const model::RequestTrace& trace,
                                    const model::Attributes& what);
    model::Answer serve(const HttpRequest& request, const model::RequestTrace& trace,
                        const model::Attributes& what) const;
    std::unique_ptr<HttpServer> serving(const Endpoint& endpoint);
    void write_struck_lines();
    std::string own_user() const { return "system:serviceaccount:" + extension_.name_space + ":" + extension_.service; }

    const World& world_;
    const Extension& extension_;
    const StoreClient& store_;
    PodLog& log_;
    model::Generation library_;
    Reviews reviews_;
    std::mutex mutex_;
    std::shared_ptr<const Config> config_;
    std::unique_ptr<HttpServer> http_, cluster_ip_;
    std::unique_ptr<BlackHole> pod_hole_, cluster_hole_;
    std::atomic<unsigned> requests_{0};
    bool wrote_noise_ = false;
};

// Keeps one pod per extension: starts it, notices when it is deleted, starts another; a container that ends is started
// again after a pause, as the kubelet does.
class Pod {
  public:
    Pod(const World& world, const Extension& extension, StoreClient& store);
    void tend();  // one look; called again and again

  private:
    void create();
    void start_container();
    void container_ended(int code, const char* reason);
    void change(const nlohmann::json& fields);
    void set_ready(bool ready);
    void end();
    bool switched(const char* fault_name) const { return is_struck(world_, extension_, fault_name); }

    const World& world_;
    const Extension& extension_;
    StoreClient& store_;
    PodLog log_;
    ExtensionServer server_;
    bool running_ = false, left_by_itself_ = false;
    int restarts_ = 0;
    std::string key_;
    std::chrono::steady_clock::time_point ready_at_, start_at_;
};

}  // namespace aggmedic::lab
