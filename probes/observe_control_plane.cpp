#include "probes/observe_control_plane.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "probes/answer.hpp"
#include "probes/apiservice.hpp"
#include "probes/control_plane_reading.hpp"
#include "probes/exchange.hpp"
#include "probes/redaction.hpp"

namespace aggmedic::probes {
namespace {

// kube-apiserver gives each member 20 s (pkg/registry/core/componentstatus/validator.go) before it calls it unhealthy:
// as long as one of them takes whose host is gone.
constexpr std::chrono::seconds etcd_timeout{25};
// For all but the etcd members: whoever answers each question late must not hold a run, whose locks end.
constexpr std::chrono::seconds questions_limit{60};
constexpr std::size_t backends_max = 32;
constexpr std::size_t list_bytes_max = std::size_t{8} << 20;  // a CA bundle in each webhook

class Observing {
  public:
    Observing(AskThrough ask, std::vector<std::string> masters) : ask_(std::move(ask)), masters_(std::move(masters)) {}

    // `seen` belongs to the caller, who waits for all of these.
    asio::awaitable<void> etcd(std::string master, Seen<std::vector<EtcdMember>>& seen) {
        HttpRequest request;
        request.path = "/api/v1/componentstatuses";
        request.fresh_connection = true;
        request.timeout = etcd_timeout;
        const auto reply = co_await ask_twice(ask_, std::move(master), std::move(request));
        seen = read(reply, "list componentstatuses", parse_etcd_members);
    }

    void begin_questions() { deadline_ = std::chrono::steady_clock::now() + questions_limit; }

    asio::awaitable<Seen<std::vector<ClosedWebhook>>> webhooks() {
        std::vector<WebhookDraft> drafts;
        for (const std::string resource : {"validatingwebhookconfigurations", "mutatingwebhookconfigurations"}) {
            auto of_kind = co_await closed_webhooks(resource);
            if (!of_kind) co_return of_kind.why();
            for (auto& draft : *of_kind) drafts.push_back(std::move(draft));
        }
        std::string unread;
        const auto labels = co_await labels_for(drafts, unread);
        std::vector<ClosedWebhook> found;
        std::map<std::string, Seen<std::size_t>> backends;
        for (const auto& draft : drafts) {
            auto covers = covered_by(draft, labels);
            if (!covers) continue;
            ClosedWebhook webhook{
                .name = draft.name, .covers = *std::move(covers), .unread = {}, .backend = {}, .ready = {}};
            if (asks_for_labels(draft)) webhook.unread = unread;
            if (!draft.service_name.empty()) {
                webhook.backend = draft.service_namespace + "/" + draft.service_name;
                if (!backends.contains(webhook.backend)) {
                    if (backends.size() == backends_max) co_return too_many_backends();
                    backends[webhook.backend] = co_await ready_backends(draft.service_namespace, draft.service_name);
                }
                webhook.ready = backends[webhook.backend];
            }
            found.push_back(std::move(webhook));
        }
        co_return found;
    }

    asio::awaitable<Seen<std::vector<std::string>>> endpoints() {
        const auto reply = co_await get("/api/v1/namespaces/default/endpoints/kubernetes");
        co_return read(reply, "get endpoints kubernetes in namespace default", parse_addresses);
    }

    // The lease, and where there is none the annotation that came before it.
    asio::awaitable<Seen<std::string>> holder(std::string component) {
        auto reply = co_await get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/" + component);
        auto found = read(reply, "get leases " + component + " in namespace kube-system", parse_lease_holder);
        if (found || found.why().reason != "not-found") co_return found;
        reply = co_await get("/api/v1/namespaces/kube-system/endpoints/" + component);
        found = read(reply, "get endpoints " + component + " in namespace kube-system", parse_endpoints_holder);
        if (!found && found.why().reason == "not-found") co_return std::string();
        co_return found;
    }

  private:
    static Unobserved too_many_backends() {
        return {
            .reason = "too_large",
            .detail = "more than " + std::to_string(backends_max) + " services stand behind webhooks that fail closed"};
    }

    template <class Parse>
    static auto read(const Result<HttpReply>& reply, const std::string& permission, Parse parse)
        -> Seen<std::decay_t<decltype(*parse(std::string_view()))>> {
        if (!reply || reply->status != 200) return refusal_of(reply, permission);
        auto parsed = parse(reply->body);
        if (!parsed) return unobserved(parsed.error());
        return *std::move(parsed);
    }

    // Through the first master that answers; one that has too much to do, or does not know us yet, gives no answer.
    asio::awaitable<Result<HttpReply>> get(std::string path) {
        Result<HttpReply> reply = fail(Errc::invalid_argument, "there is no master to ask");
        for (const auto& master : masters_) {
            if (std::chrono::steady_clock::now() >= deadline_)
                co_return fail(Errc::timeout, "the questions before this one took too long");
            HttpRequest request;
            request.path = path;
            request.body_limit = list_bytes_max;
            request.fresh_connection = true;
            reply = co_await ask_twice(ask_, master, std::move(request));
            if (reply && reply->status < 500 && reply->status != 429 && reply->status != 401) break;
        }
        co_return reply;
    }

    asio::awaitable<Seen<std::vector<WebhookDraft>>> closed_webhooks(std::string resource) {
        auto reply = co_await get("/apis/admissionregistration.k8s.io/v1/" + resource);
        if (reply && reply->status == 404)  // before Kubernetes 1.16
            reply = co_await get("/apis/admissionregistration.k8s.io/v1beta1/" + resource);
        // Without that group there are no such webhooks.
        if (reply && reply->status == 404) co_return std::vector<WebhookDraft>();
        co_return read(reply, "list " + resource + ".admissionregistration.k8s.io", parse_closed_webhooks);
    }

    // Of what a starting apiserver writes, and of the namespaces; what cannot be read has no entry, and is told.
    asio::awaitable<KnownLabels> labels_for(const std::vector<WebhookDraft>& drafts, std::string& unread) {
        KnownLabels known;
        if (std::ranges::none_of(drafts, asks_for_labels)) co_return known;
        const std::string spaces = "/api/v1/namespaces/";
        for (const std::string space : {"kube-system", "default"})
            co_await read_labels(spaces + space, known.namespaces, space, unread);
        co_await read_labels(spaces + "kube-system/configmaps/extension-apiserver-authentication", known.objects,
                             "configmaps", unread);
        co_await read_labels(spaces + "default/endpoints/kubernetes", known.objects, "endpoints", unread);
        co_return known;
    }
    asio::awaitable<void> read_labels(std::string path, std::map<std::string, Labels>& known, std::string of,
                                      std::string& unread) {
        const auto reply = co_await get(path);
        auto labels = read(reply, "get " + path, parse_labels);
        if (labels) {
            known[of] = *std::move(labels);
        } else if (unread.empty()) {
            unread = labels.why().reason + ": " + labels.why().detail;
        }
    }

    asio::awaitable<Seen<std::size_t>> ready_backends(std::string space, std::string service) {
        if (!is_path_word(space) || !is_path_word(service))
            co_return Unobserved{.reason = "malformed_reply", .detail = "its service has a name that is none"};
        const auto reply = co_await get("/api/v1/namespaces/" + space + "/endpoints/" + service);
        const auto addresses = read(reply, "get endpoints in namespace " + space, parse_addresses);
        if (addresses) co_return addresses->size();
        if (addresses.why().reason == "not-found") co_return std::size_t{0};
        co_return addresses.why();
    }

    AskThrough ask_;
    std::vector<std::string> masters_;
    std::chrono::steady_clock::time_point deadline_{};
};

}  // namespace

asio::awaitable<Result<HttpReply>> ask_twice(AskThrough ask, std::string master, HttpRequest request) {
    auto reply = co_await ask(master, request);
    if (reply || reply.error().code == Errc::timeout) co_return reply;
    co_return co_await ask(std::move(master), std::move(request));
}

asio::awaitable<ControlPlane> observe_control_plane(AskThrough ask, std::vector<std::string> masters, bool order) {
    Observing observing(std::move(ask), masters);
    ControlPlane seen;
    std::vector<asio::awaitable<void>> work;
    for (const auto& master : masters) work.push_back(observing.etcd(master, seen.etcd[master]));
    co_await join(std::move(work));
    observing.begin_questions();
    seen.webhooks = co_await observing.webhooks();
    if (order) {
        seen.endpoints = co_await observing.endpoints();
        seen.controller_manager = co_await observing.holder("kube-controller-manager");
        seen.scheduler = co_await observing.holder("kube-scheduler");
    }
    take_out_secrets(seen);
    co_return seen;
}

}  // namespace aggmedic::probes
