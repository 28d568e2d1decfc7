#pragma once

#include <string>
#include <string_view>

#include "probes/causes/case.hpp"
#include "probes/finding.hpp"

namespace aggmedic::probes {

// The rules, one file per family, in the order of the table in diagnose.cpp. Up to resolve() they propose: each says
// what its own facts support, and resolve() decides where several causes are proposed for one aggregated API.
void resolve(const Case& seen, Assessment& assessment);                     // resolve.cpp
void judge_credential(const Case& seen, Assessment& assessment);            // credential.cpp
void judge_published(const Case& seen, Assessment& assessment);             // published.cpp
void judge_read_certificates(const Case& seen, Assessment& assessment);     // proxy_trust.cpp
void judge_answers_by_master(const Case& seen, Assessment& assessment);     // masters.cpp
void judge_guessed_certificates(const Case& seen, Assessment& assessment);  // proxy_guess.cpp
void judge_unexplained_trust(const Case& seen, Assessment& assessment);     // proxy_guess.cpp
void judge_backends(const Case& seen, Assessment& assessment);              // backend.cpp
void judge_masters(const Case& seen, Assessment& assessment);               // masters.cpp
void judge_pending_restarts(const Case& seen, Assessment& assessment);      // masters.cpp
void judge_proxy_flags(const Case& seen, Assessment& assessment);           // proxy_flags.cpp
void judge_logs(const Case& seen, Assessment& assessment);                  // logs.cpp
void judge_older_certificates(const Case& seen, Assessment& assessment);    // proxy_age.cpp
void judge_workloads(const Case& seen, Assessment& assessment);             // workload.cpp
void judge_ways(const Case& seen, Assessment& assessment);                  // ways.cpp
void judge_delegation(const Case& seen, Assessment& assessment);            // workload.cpp
void judge_restarts(const Case& seen, Assessment& assessment);              // noise.cpp
void judge_last_writer(const Case& seen, Assessment& assessment);           // last_writer.cpp
void judge_clocks(const Case& seen, Assessment& assessment);                // clock.cpp
void judge_noise(const Case& seen, Assessment& assessment);                 // noise.cpp
void judge_security(const Case& seen, Assessment& assessment);              // security.cpp
void judge_lasting_fix(const Case& seen, Assessment& assessment);           // lasting_fix.cpp
void list_unobserved(const Case& seen, Assessment& assessment);             // unobserved.cpp

// What the rules share (rules.cpp).

Finding make_finding(std::string_view cause, Confidence confidence, AllowList allow_list);
void add_evidence(Finding& finding, std::string fact, std::string source, std::string master = {});
void rule_out(Finding& finding, std::string_view cause, std::string because);
bool is_explained(const Assessment& assessment, const std::string& apiservice);

// Whether adding this CN would be the repair of a missing name.
AllowList allow_list_for(const Case& seen, const std::string& common_name);

// The extension API server was reached and refused the proxy; also a bare 503 whose condition has just flapped, where
// some attempt saw the 401.
bool is_rejected(const ApiCase& api);
// Whether this fault of the certificate is what the answers of a failing API show. A name that is not allowed gives a
// 401, or the certificate's own identity where it `logs_in` at the client CA, and never an anonymous 403.
bool accounts_for(std::string_view cause, const ApiCase& api, bool logs_in);

// Evidence about one API: its condition and what it answered through each apiserver.
void add_api_evidence(Finding& finding, const ApiCase& api);
void add_name_evidence(Finding& finding, const Case& seen, const ProxyClient& proxy);
void add_timing_evidence(Finding& finding, const ApiCase& api);
void add_latency_evidence(Finding& finding, const Through& through);     // where it is slow
void add_aggregator_evidence(Finding& finding, const Through& through);  // where /metrics could be read
// The finding that callers act as the certificate at this API.
Finding identity_collapse(const Case& seen, const ApiCase& api, Identity identity, std::string_view common_name,
                          Confidence confidence, std::string_view consequence_of);

// The published configuration is not there, or holds none of its keys.
bool is_config_map_gone(const Case& seen);
// Some master's certificate file is newer than its process, which does not read it again: what it presents is unknown.
bool is_certificate_renewed(const Case& seen);
void add_renewal_evidence(Finding& finding, const Case& seen);
// That the older certificate which is presented has ended.
Finding renewed_certificate(const Case& seen, Confidence confidence);
// Nothing was there to be asked: no endpoint, or nobody who listens.
bool is_away(Symptom symptom);

// A fault of what masters present or publish: it strikes every aggregated API, not one.
bool is_trust_cause(std::string_view cause);
// Every master that SSH is configured for was read.
bool all_read(const Case& seen);
std::string quoted(std::string_view name);                  // printable, in quotes
std::string listed(const std::vector<std::string>& names);  // printable, quoted, comma-separated
std::string through_name(const ApiserverView& apiserver);   // `master m0`, `the server address`

}  // namespace aggmedic::probes
