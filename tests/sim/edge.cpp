#include "tests/sim/edge.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace aggmedic::sim {
namespace {

constexpr Ms exchange_time{20};
constexpr seconds https_timeout{5}, connect_timeout{15};

class Host : public RemoteHost {
  public:
    Host(Edge& edge, std::string master, int boot) : edge_(edge), master_(std::move(master)), boot_(boot) {}
    asio::awaitable<Result<VerbReply>> call(VerbCall call) override { co_return edge_.call(master_, boot_, call); }

  private:
    Edge& edge_;
    std::string master_;
    int boot_;  // a session does not survive a reboot
};

probes::Answer answer(unsigned status) {
    probes::Answer made;
    made.status = status;
    if (status == 0) made.failure = "timeout";
    return made;
}

std::string component_statuses(bool healthy) {
    const nlohmann::json conditions{{{"type", "Healthy"}, {"status", healthy ? "True" : "False"}}};
    const nlohmann::json member{{"metadata", {{"name", "etcd-0"}}}, {"conditions", conditions}};
    return nlohmann::json{{"kind", "ComponentStatusList"}, {"items", {member}}}.dump();
}

// One that fails closed on ConfigMaps, and whose service there is not.
std::string webhooks(bool blocked) {
    auto items = nlohmann::json::array();
    if (blocked) {
        const nlohmann::json all{"*"};
        items.push_back(
            {{"metadata", {{"name", "policy"}}},
             {"webhooks",
              {{{"name", "policy.example"},
                {"failurePolicy", "Fail"},
                {"rules", {{{"apiGroups", all}, {"apiVersions", all}, {"operations", all}, {"resources", all}}}},
                {"clientConfig", {{"service", {{"namespace", "policy"}, {"name", "hook"}}}}}}}}});
    }
    return nlohmann::json{{"kind", "ValidatingWebhookConfigurationList"}, {"items", items}}.dump();
}

HttpReply answer_about_masters(const Cluster& cluster, const std::string& path, bool lies_sound) {
    HttpReply reply;
    reply.status = 200;
    if (path.ends_with("/componentstatuses")) {
        reply.body = component_statuses(lies_sound || cluster.now() >= cluster.etcd_member_lost_until);
    } else if (path.contains("/validatingwebhookconfigurations")) {
        reply.body = webhooks(!lies_sound && cluster.now() < cluster.writes_blocked_until);
    } else if (path.contains("/mutatingwebhookconfigurations")) {
        reply.body = webhooks(false);
    } else if (path.ends_with("/endpoints/kubernetes")) {
        auto addresses = nlohmann::json::array();
        for (const auto& each : cluster.masters) {
            if (cluster.is_registered(each)) addresses.push_back({{"ip", each.address}});
        }
        reply.body = nlohmann::json{{"kind", "Endpoints"}, {"subsets", {{{"addresses", addresses}}}}}.dump();
    } else if (path.contains("/endpoints/")) {
        reply.status = 404;
    }
    return reply;
}

}  // namespace

Edge::Edge(Cluster& cluster, const remediate::Plan& plan, Watch& watch, std::function<Trouble(Ms&)> trouble,
           Sabotage sabotage)
    : cluster_(cluster), plan_(plan), watch_(watch), trouble_(std::move(trouble)), sabotage_(sabotage) {}

void Edge::pass(Ms duration) {
    cluster_.agenda.pass(duration);
    watch_.look();
    if (cluster_.now() <= end_by) return;
    watch_.broken("a run does not come to its end (step " + watch_.step() + ")");
    throw Killed{};
}

Trouble Edge::begin(Ms& delay) {
    ++exchanges;
    pass(exchange_time);
    const auto trouble = trouble_(delay);
    if (trouble == Trouble::killed_before) throw Killed{};
    return trouble;
}

bool Edge::arrives(Master& master) {
    Ms delay{0};
    const auto trouble = begin(delay);
    if (trouble == Trouble::killed_after) throw Killed{};
    if (trouble == Trouble::none && cluster_.reachable(master)) return true;
    pass(https_timeout);
    return false;
}

asio::awaitable<void> Edge::sleep(Ms duration) {
    pass(duration);
    co_return;
}

// --- HTTPS ----------------------------------------------------------------------------------------------------------

asio::awaitable<probes::Seen<probes::Answer>> Edge::readyz(std::string name) {
    if (name.empty()) {
        Ms delay{0};
        const bool good =
            begin(delay) == Trouble::none && cluster_.now() >= cluster_.balancer_bad_until &&
            std::ranges::any_of(cluster_.masters, [&](const Master& each) { return cluster_.is_ready(each); });
        co_return answer(good ? 200 : 503);
    }
    auto& master = cluster_.master(name);
    if (!arrives(master)) co_return answer(0);
    if (sabotage_.lies_ready || (sabotage_.lies_planned && watch_.step() == "check")) co_return answer(200);
    co_return ask_readyz(cluster_, master);
}

asio::awaitable<probes::Seen<probes::PublishedAuth>> Edge::published(std::string name) {
    auto& master = cluster_.master(name);
    if (!arrives(master) || !cluster_.answers(master))
        co_return probes::Unobserved{.reason = "timeout", .detail = "no answer"};
    auto auth = published_auth(cluster_);
    if (sabotage_.lies_withdrawn && watch_.step().starts_with("withdraw")) auth.allowed_names = plan_.names_before;
    co_return auth;
}

asio::awaitable<probes::ApiServiceAttempts> Edge::apiservice(std::string name, probes::ApiService) {
    auto& master = cluster_.master(name);
    auto made = ask_api(cluster_, master);
    if (!arrives(master)) {
        made.discovery = {answer(0)};
        co_return made;
    }
    made = ask_api(cluster_, master);
    if (sabotage_.lies_healed && cluster_.answers(master)) {
        made.discovery = {answer(200)};
        made.discovery.front().flow_schemas = {"aaaa", "aaaa"};
    }
    co_return made;
}

asio::awaitable<Result<HttpReply>> Edge::as_probe(std::string name, HttpRequest request) {
    auto& master = cluster_.master(name);
    if (!arrives(master) || !cluster_.answers(master)) co_return fail(Errc::timeout, "no answer");
    co_return answer_about_masters(cluster_, request.path, sabotage_.lies_sound);
}

asio::awaitable<Result<HttpReply>> Edge::as_repair(HttpRequest request) {
    Ms delay{0};
    const auto trouble = begin(delay);
    if (request.path.contains("/configmaps/")) co_return serve_config_map(request, trouble, delay);
    const bool served =
        trouble != Trouble::lost && trouble != Trouble::refused && trouble != Trouble::late &&
        cluster_.now() >= cluster_.balancer_bad_until &&
        std::ranges::any_of(cluster_.masters, [&](const Master& each) { return cluster_.is_ready(each); });
    if (served && request.method == "DELETE") cluster_.restart_extension();
    if (trouble == Trouble::killed_after) throw Killed{};
    if (!served || trouble != Trouble::none) {
        pass(https_timeout);
        co_return fail(Errc::timeout, "no answer");
    }
    HttpReply reply;
    reply.status = 200;
    const nlohmann::json conditions{{{"type", "Ready"}, {"status", cluster_.extension.runs ? "True" : "False"}}};
    const nlohmann::json pod{{"metadata",
                              {{"name", "catalog-" + std::to_string(cluster_.extension.pod)},
                               {"uid", "uid-" + std::to_string(cluster_.extension.pod)}}},
                             {"status", {{"conditions", conditions}}}};
    reply.body = request.method == "DELETE" ? "{}" : nlohmann::json{{"items", {pod}}}.dump();
    co_return reply;
}

Result<HttpReply> Edge::serve_config_map(const HttpRequest& request, Trouble trouble, Ms delay) {
    const bool dry_run = request.path.ends_with("?dryRun=All");
    const auto serve = [&cluster = cluster_, body = request.body, dry_run]() -> std::optional<HttpReply> {
        const auto ready = [&](const Master& each) { return cluster.is_ready(each); };
        if (cluster.now() < cluster.balancer_bad_until || std::ranges::none_of(cluster.masters, ready))
            return std::nullopt;
        return cluster.serve_config_map(body, dry_run);
    };
    if (trouble == Trouble::lost || trouble == Trouble::refused) {
        pass(https_timeout);
        return fail(Errc::timeout, "no answer");
    }
    if (trouble == Trouble::late) {  // it arrives all the same, also when this daemon is dead by then
        cluster_.agenda.in(delay, [serve] { serve(); });
        pass(https_timeout);
        return fail(Errc::timeout, "no answer");
    }
    auto reply = serve();
    watch_.look();
    if (trouble == Trouble::killed_after) throw Killed{};
    if (!reply || trouble != Trouble::none) {
        pass(https_timeout);
        return fail(Errc::timeout, "no answer");
    }
    return *std::move(reply);
}

// --- SSH ------------------------------------------------------------------------------------------------------------

asio::awaitable<Result<SshTarget>> Edge::acquire(std::string name) {
    SshTarget target;
    target.address = name;
    co_return target;
}
asio::awaitable<void> Edge::release(std::string) {
    co_return;
}

asio::awaitable<Result<std::unique_ptr<RemoteHost>>> Edge::connect(SshTarget target, Ms) {
    Ms delay{0};
    const auto trouble = begin(delay);
    if (trouble == Trouble::killed_after) throw Killed{};
    const auto& master = cluster_.master(target.address);
    if (trouble != Trouble::none || !cluster_.reachable(master)) {
        pass(connect_timeout);
        co_return fail(Errc::connect_failed, "no route");
    }
    co_return std::unique_ptr<RemoteHost>(new Host(*this, target.address, master.boots));
}

Result<VerbReply> Edge::call(const std::string& name, int boot, const VerbCall& call) {
    auto& master = cluster_.master(name);
    Ms delay{0};
    const auto trouble = begin(delay);
    if (master.boots != boot) return fail(Errc::read_failed, "connection reset");
    watch_.sends(master, call);
    if (trouble == Trouble::refused)
        return VerbReply{.exit_status = 1, .output = {}, .error_output = "sudo: a password is required"};
    if (trouble == Trouble::lost || !cluster_.reachable(master)) {
        pass(call.timeout);
        return fail(Errc::timeout, "no answer");
    }
    if (trouble == Trouble::late && delay >= call.timeout) {
        // It arrives all the same, also when this daemon is dead by then.
        cluster_.agenda.in(delay, [&cluster = cluster_, &master, boot, call] {
            if (master.up && master.boots == boot) cluster.call_helper(master, call);
        });
        pass(call.timeout);
        return fail(Errc::timeout, "no answer");
    }
    if (trouble == Trouble::late) {
        pass(delay);
        if (!master.up || master.boots != boot) return fail(Errc::read_failed, "connection reset");
    }
    auto reply = sabotage_.no_restore && call.verb == "restore"
                     ? VerbReply{.exit_status = 0, .output = "ok restored\n", .error_output = {}}
                     : cluster_.call_helper(master, call);
    watch_.look();
    if (trouble == Trouble::killed_after) throw Killed{};
    if (trouble == Trouble::garbage) return VerbReply{.exit_status = 0, .output = "\x01garbage", .error_output = {}};
    if (trouble == Trouble::reply_lost) return fail(Errc::read_failed, "connection reset");
    return reply;
}

Result<probes::Look> Edge::look(const std::string& name) {
    auto& master = cluster_.master(name);
    Ms delay{0};
    const auto trouble = begin(delay);
    if (trouble == Trouble::killed_after) throw Killed{};
    if (trouble == Trouble::garbage || trouble == Trouble::refused)
        return fail(Errc::malformed_reply, "look: no aggmedic-look 1 line");
    if (trouble != Trouble::none || !cluster_.reachable(master)) {
        pass(seconds(45));
        return fail(Errc::timeout, "no answer");
    }
    if (sabotage_.lies_planned) {
        Dice dice(0);
        Cluster fresh(cluster_.kind, dice);
        const auto& as_before = seen_before_check_.try_emplace(name, look_at(fresh, fresh.master(name))).first->second;
        if (watch_.step() == "check") return as_before;
        seen_before_check_.insert_or_assign(name, look_at(cluster_, master));
    }
    if (!reads_text) return look_at(cluster_, master);
    return probes::parse_look(name, look_text(cluster_, master), wall(cluster_.now()), wall(cluster_.now()));
}

}  // namespace aggmedic::sim
