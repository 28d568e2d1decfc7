#pragma once

#include <span>
#include <string>
#include <vector>

#include "net/http_message.hpp"
#include "remediate/plan.hpp"

// The requests that a repair is accepted by: what users do. Tried before (at planning, and again when the run starts),
// through the canary once it is repaired, and through every master at the end.
namespace aggmedic::remediate {

HttpRequest http_request_of(const VerifyRequest& wanted);

// Whether a reply is the one that is wanted. Of the document nothing is told but the one value that was asked for.
VerifyAnswer judge_verify(const VerifyRequest& wanted, const std::string& master, const Result<HttpReply>& reply);

// What is wanted, in words: answers 200, and .status.phase is Running.
std::string words_of(const VerifyRequest& wanted);

// One line for people: the request, what is wanted of it, and how it was answered before the repair.
std::string describe_verify_request(const VerifyRequest& wanted);

// What of the requests is answered otherwise now than when the plan was made: a stale plan, since what it says of them
// does not hold.
std::vector<Refusal> verify_answers_moved(const Plan& plan, const std::vector<VerifyRequest>& now);

// The requests that fail and that are no request to an API of the findings: the repair may not mend them.
std::vector<std::string> verify_beyond_findings(const Plan& plan);

}  // namespace aggmedic::remediate
