#include <thread>

#include "tests/lab/extension/extension.hpp"

// How an extension API server answers while one of the lab's switches strikes it.
namespace aggmedic::lab {
namespace {

HttpReply plain(model::Generation library, const model::RequestTrace& trace, int status, std::string body) {
    return {model::extension_answer(library, trace, status, model::Content::text, std::move(body))};
}

}  // namespace

std::optional<HttpReply> ExtensionServer::struck(const HttpRequest& request, const model::RequestTrace& trace,
                                                 const model::Attributes& what) {
    const auto on = [&](const char* name) { return is_struck(world_, extension_, name); };
    const bool by_the_check = trace.identity->user == "system:kube-aggregator";
    constexpr unsigned flaky_every = 5;
    if (!by_the_check && on("ext-flaky") && ++requests_ % flaky_every == 0)
        return HttpReply{plain(library_, trace, 200, "{").answer, Delivery::cut_short};
    if (!trace.identity->in("system:masters") && on("no-delegator")) {
        log_.write(model::review_refused_lines(own_user(), PodLog::stamp()));
        return plain(library_, trace, 500,
                     "Internal Server Error: \"" + request.target + "\": " + model::review_refused(own_user()) + "\n");
    }
    if (what.is_resource && on("ext-slow")) std::this_thread::sleep_for(std::chrono::seconds(6));
    if (what.is_resource && on("ext-dependency")) {
        const std::string host = "etcd." + extension_.name_space + ".svc";
        log_.write(model::lookup_failure_lines(host, PodLog::stamp()));
        return HttpReply{model::extension_answer(library_, trace, 500, model::Content::json,
                                                 model::status_body(500, "InternalError",
                                                                    "Internal error occurred: dial tcp: lookup " +
                                                                        host + " on 10.100.200.10:53: no such host"))};
    }
    if (what.is_resource) return std::nullopt;
    if (on("ext-404")) return plain(library_, trace, 404, "404 page not found\n");
    if (on("ext-not-a-list"))
        return HttpReply{model::extension_answer(library_, trace, 200, model::Content::json, "{\"status\":\"ok\"}\n")};
    if (on("ext-redirect")) {
        HttpReply reply = plain(library_, trace, 302, "");
        reply.answer.headers.insert(reply.answer.headers.begin(), {"Location", "/login"});
        return reply;
    }
    return std::nullopt;
}

void ExtensionServer::follow_switches(bool ready) {
    const bool blocked = is_struck(world_, extension_, "ext-blocked");
    if (blocked != (pod_hole_ != nullptr)) {
        if (blocked) {
            http_->close_port();
            http_->cut_connections();
            http_.reset();
            pod_hole_ = std::make_unique<BlackHole>(extension_.endpoint);
        } else {
            pod_hole_.reset();
            http_ = serving(extension_.endpoint);
        }
    }
    const bool unrouted = blocked || is_struck(world_, extension_, "no-service-routing");
    if (cluster_ip_ && (!ready || unrouted)) {
        cluster_ip_->close_port();
        cluster_ip_->cut_connections();
        cluster_ip_.reset();
    }
    if (extension_.cluster_ip.port == 0) return write_struck_lines();
    if (unrouted != (cluster_hole_ != nullptr))
        cluster_hole_ = unrouted ? std::make_unique<BlackHole>(extension_.cluster_ip) : nullptr;
    if (ready && !unrouted && !cluster_ip_) cluster_ip_ = serving(extension_.cluster_ip);
    write_struck_lines();
}

void ExtensionServer::write_struck_lines() {
    if (wrote_noise_) return;
    const bool noise = is_struck(world_, extension_, "ext-noise"),
               kubelet = is_struck(world_, extension_, "ext-kubelet-401");
    if (noise) log_.write(model::component_noise_lines(PodLog::stamp()));
    if (kubelet) log_.write(model::kubelet_refusal_lines("10.77.3.10", PodLog::stamp()));
    wrote_noise_ = noise || kubelet;
}

}  // namespace aggmedic::lab
