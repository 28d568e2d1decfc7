#include "tests/lab/store_client.hpp"

#include <thread>

namespace aggmedic::lab {

using Json = nlohmann::json;

StoreClient::StoreClient(Endpoint store) : store_(store), writer_(std::move(store), std::nullopt) {}

void StoreClient::start() {
    std::thread([this] { follow(); }).detach();  // lives as long as the process
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return revision_ >= 0; });
}

void StoreClient::follow() {
    HttpClient client(store_, std::nullopt);
    for (;;) {
        const bool first = revision() < 0;
        if (!fetch(client, std::chrono::milliseconds(first ? 0 : 20000)))
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

bool StoreClient::fetch(HttpClient& client, std::chrono::milliseconds wait) {
    HttpRequest request;
    request.target = "/watch?since=" + std::to_string(revision()) + "&wait=" + std::to_string(wait.count());
    const auto reply = client.exchange(request, wait + std::chrono::seconds(10));
    if (!reply || reply->status != 200) return false;
    const Json body = Json::parse(reply->body);
    const std::lock_guard lock(mutex_);
    for (const auto& change : body["changes"]) {
        const std::string key = change["key"];
        if (change["value"].is_null()) {
            copy_.erase(key);
        } else {
            copy_[key] = {change["value"], change["revision"]};
        }
    }
    revision_ = body["revision"];
    changed_.notify_all();
    return true;
}

std::optional<StoredValue> StoreClient::get(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = copy_.find(key);
    return found == copy_.end() ? std::nullopt : std::optional(found->second);
}

std::map<std::string, StoredValue> StoreClient::list(const std::string& prefix) const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, StoredValue> found;
    for (auto it = copy_.lower_bound(prefix); it != copy_.end() && it->first.starts_with(prefix); ++it)
        found.insert(*it);
    return found;
}

std::int64_t StoreClient::revision() const {
    const std::lock_guard lock(mutex_);
    return revision_;
}

std::optional<std::int64_t> StoreClient::write(const std::string& key, const Json& value,
                                               std::optional<std::int64_t> expect) {
    Json body = {{"key", key}, {"value", value}};
    if (expect) body["expect"] = *expect;
    HttpRequest request{
        .method = "POST", .target = "/write", .body = body.dump(), .headers = {}, .peer_certificate = {}};
    std::int64_t written = 0;
    {
        const std::lock_guard lock(writer_mutex_);
        const auto reply = writer_.exchange(request, std::chrono::seconds(5));
        if (!reply || reply->status != 200) return std::nullopt;
        written = Json::parse(reply->body)["revision"];
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(5), [&] { return revision_ >= written; });
    return written;
}

std::int64_t StoreClient::wait_for_change(std::int64_t since, std::chrono::milliseconds limit) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [&] { return revision_ > since; });
    return revision_;
}

}  // namespace aggmedic::lab
