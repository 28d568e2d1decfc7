#include <nlohmann/json.hpp>

#include "daemon/service.hpp"

namespace aggmedic::daemon {

using nlohmann::json;

json to_json(const Request& request) {
    return {{"command", request.command},
            {"clusters", request.clusters},
            {"id", request.id},
            {"method", request.method},
            {"accept_risk", request.accept_risk},
            {"canary_only", request.canary_only},
            {"reason", request.reason},
            {"canary_timing", request.canary_timing},
            {"after", request.after},
            {"rest_of_run", request.rest_of_run}};
}

Result<Request> parse_request(std::string_view line) {
    try {
        const auto value = json::parse(line);
        Request request;
        request.command = value.at("command").get<std::string>();
        request.clusters = value.value("clusters", request.clusters);
        request.id = value.value("id", request.id);
        request.method = value.value("method", request.method);
        request.accept_risk = value.value("accept_risk", request.accept_risk);
        request.canary_only = value.value("canary_only", request.canary_only);
        request.rest_of_run = value.value("rest_of_run", request.rest_of_run);
        request.canary_timing = value.value("canary_timing", request.canary_timing);
        request.reason = value.value("reason", request.reason);
        request.after = value.value("after", request.after);
        return request;
    } catch (const json::exception& error) {
        return fail(Errc::malformed_reply, std::string("this is no request: ") + error.what());
    }
}

json to_json(const Reply& reply) {
    return {{"exit_status", reply.exit_status}, {"error", reply.error}, {"result", reply.result}};
}

Result<Reply> parse_reply(std::string_view line) {
    try {
        const auto value = json::parse(line);
        Reply reply;
        reply.exit_status = value.at("exit_status").get<int>();
        reply.error = value.value("error", reply.error);
        reply.result = value.value("result", json());
        return reply;
    } catch (const json::exception& error) {
        return fail(Errc::malformed_reply, std::string("this is no reply: ") + error.what());
    }
}

}  // namespace aggmedic::daemon
