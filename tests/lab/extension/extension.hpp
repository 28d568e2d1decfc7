#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/lab/certificates.hpp"
#include "tests/lab/http.hpp"
#include "tests/lab/store_client.hpp"
#include "tests/lab/world.hpp"
#include "tests/model/extension_auth.hpp"

// One running extension API server: what it read of the ConfigMap, and how it answers.
namespace aggmedic::lab {

class ExtensionServer {
  public:
    ExtensionServer(const World& world, const Extension& extension, const StoreClient& store);

    void start();  // reads the ConfigMap, listens, serves; throws std::runtime_error when the port is taken
    void stop();
    void reload_if_it_does();  // sample-apiserver 1.20 follows the ConfigMap, service-catalog does not

  private:
    struct Config {
        model::AuthRules rules;
        ClientTrust requestheader{""}, client{""};
        std::int64_t revision = -1;
    };

    void read_config();
    HttpReply handle(const HttpRequest& request);
    model::Answer serve(const HttpRequest& request, const model::RequestTrace& trace,
                        const model::Attributes& what) const;

    const World& world_;
    const Extension& extension_;
    const StoreClient& store_;
    model::Generation library_;
    std::mutex mutex_;
    std::shared_ptr<const Config> config_;
    std::unique_ptr<HttpServer> http_;
};

// Keeps one pod per extension: starts it, notices when it is deleted, starts another.
class Pod {
  public:
    Pod(const World& world, const Extension& extension, StoreClient& store);
    void tend();  // one look; called again and again

  private:
    void create();
    void set_ready(bool ready);
    void end();
    bool switched(const char* fault_name) const;

    const World& world_;
    const Extension& extension_;
    StoreClient& store_;
    ExtensionServer server_;
    bool running_ = false;
    std::string key_;
    std::chrono::steady_clock::time_point ready_at_;
};

}  // namespace aggmedic::lab
