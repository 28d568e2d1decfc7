#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tests/lab/http.hpp"

// A local copy of the store, kept current by a long poll, and writes that go through.
namespace aggmedic::lab {

struct StoredValue {
    nlohmann::json value;
    std::int64_t revision = 0;
};

class StoreClient {
  public:
    explicit StoreClient(Endpoint store);

    void start();  // blocks until the first copy is complete
    std::optional<StoredValue> get(const std::string& key) const;
    std::map<std::string, StoredValue> list(const std::string& prefix) const;
    std::int64_t revision() const;

    // Returns the new revision once the copy holds it, or nothing when `expect` does not fit (0: must not exist) or the
    // store is gone.
    std::optional<std::int64_t> write(const std::string& key, const nlohmann::json& value,
                                      std::optional<std::int64_t> expect = {});
    std::optional<std::int64_t> remove(const std::string& key) { return write(key, nullptr); }

    // Blocks until something after `since` is in the copy, or the limit; the revision then.
    std::int64_t wait_for_change(std::int64_t since, std::chrono::milliseconds limit) const;

  private:
    void follow();
    bool fetch(HttpClient& client, std::chrono::milliseconds wait);

    Endpoint store_;
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::map<std::string, StoredValue> copy_;
    std::int64_t revision_ = -1;
    std::mutex writer_mutex_;
    HttpClient writer_;
};

}  // namespace aggmedic::lab
