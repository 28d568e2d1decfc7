#pragma once

#include <set>
#include <string>
#include <string_view>

#include "net/result.hpp"
#include "probes/blast_radius.hpp"

// Reads, page by page, what suffers from failing aggregated APIs. Errors: malformed_reply. Of objects nothing is kept
// but counts and a few names; a message is looked at and never kept.
namespace aggmedic::probes {

struct StruckPage {
    Struck struck;
    std::string next;  // of the page that follows, for a query; empty: the last one
};

// core/v1, of namespaces that are Terminating.
Result<StruckPage> parse_stuck_namespaces(std::string_view json);

// autoscaling/v2, or v1 with the conditions in an annotation.
Result<StruckPage> parse_frozen_autoscalers(std::string_view json);

// core/v1; `own` are the pods behind the failing APIs, whose crash loop is no consequence.
Result<StruckPage> parse_crash_loops(std::string_view json, const std::set<std::string>& own);

void add(Struck& all, const Struck& more);

}  // namespace aggmedic::probes
