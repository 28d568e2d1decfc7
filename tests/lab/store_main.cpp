// The lab's etcd: keys with one growing revision, compare-and-swap writes, and a long poll for changes. It outlives the
// masters' restarts and forgets everything at its own end.
#include <CLI/CLI.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "tests/lab/http.hpp"
#include "tests/lab/process.hpp"

namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;

struct Entry {
    Json value;  // null: deleted
    std::int64_t revision = 0;
};

class Store {
  public:
    // expect: the revision the key must have now (0: must not exist); empty: whatever it has.
    std::pair<bool, std::int64_t> write(const std::string& key, const Json& value, std::optional<std::int64_t> expect) {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(key);
        const std::int64_t current =
            found == entries_.end() || found->second.value.is_null() ? 0 : found->second.revision;
        if (expect && *expect != current) return {false, current};
        if (current == 0 && value.is_null()) return {true, revision_};
        entries_[key] = {value, ++revision_};
        changed_.notify_all();
        return {true, revision_};
    }

    Json changes_since(std::int64_t since, std::chrono::milliseconds wait) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, wait, [&] { return revision_ > since; });
        Json changes = Json::array();
        for (const auto& [key, entry] : entries_) {
            if (entry.revision > since)
                changes.push_back({{"key", key}, {"value", entry.value}, {"revision", entry.revision}});
        }
        return {{"revision", revision_}, {"changes", changes}};
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, Entry> entries_;
    std::int64_t revision_ = 0;
};

HttpReply json_reply(int status, const Json& body) {
    model::Answer answer{.status = status, .headers = {{"Content-Type", "application/json"}}, .body = body.dump()};
    answer.headers.push_back({"Content-Length", std::to_string(answer.body.size())});
    return {.answer = answer};
}

HttpReply handle(Store& store, const HttpRequest& request) {
    if (request.path() == "/watch") {
        const auto wait = std::chrono::milliseconds(std::stoll(request.query("wait")));
        return json_reply(200, store.changes_since(std::stoll(request.query("since")), wait));
    }
    const Json body = Json::parse(request.body, nullptr, false);
    if (request.path() != "/write" || !body.is_object())
        return json_reply(400, {{"error", "POST /write or GET /watch"}});
    std::optional<std::int64_t> expect;
    if (body.contains("expect")) expect = body["expect"].get<std::int64_t>();
    const auto [written, revision] = store.write(body["key"], body["value"], expect);
    return json_reply(written ? 200 : 409, {{"revision", revision}});
}

}  // namespace
}  // namespace aggmedic::lab

int main(int argc, char** argv) {
    using namespace aggmedic::lab;
    Endpoint endpoint;
    CLI::App app("the lab's shared store");
    app.add_option("--address", endpoint.address)->required();
    app.add_option("--port", endpoint.port)->required();
    CLI11_PARSE(app, argc, argv);
    Store store;
    HttpServer server(endpoint, std::nullopt, [&](const HttpRequest& request) { return handle(store, request); });
    return serve_until_stopped(server);
}
