#pragma once

#include "fake_apiserver.hpp"

// The answers of a core API behind a failing APIService of FakeApiserver: service ns/svc, one pod with a log.
namespace aggmedic::probes {

inline const std::string failure = test::answer("service unavailable", "", "503 Service Unavailable");
inline const std::string not_found = test::answer(R"({"kind":"Status","code":404})", "", "404 Not Found");
inline const std::string forbidden =
    test::answer(R"({"kind":"Status","message":"forbidden: User \"probe\" cannot"})", "", "403 Forbidden");

inline constexpr const char* service_path = "/api/v1/namespaces/ns/services/svc";
inline constexpr const char* endpoints_path = "/api/v1/namespaces/ns/endpoints/svc";
inline constexpr const char* slices_path =
    "/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dsvc&limit=50";
inline constexpr const char* pods_path =
    "/api/v1/namespaces/ns/pods?labelSelector=app.example%2Fname%3Dcatalog&limit=16";
inline constexpr const char* log_path =
    "/api/v1/namespaces/ns/pods/pod-0/log?container=apiserver&timestamps=true&tailLines=400&limitBytes=262144";

inline constexpr const char* review_path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

inline void add_backend(FakeApiserver& apiserver) {
    apiserver.answers[review_path] =
        test::answer(R"({"kind":"SubjectAccessReview","status":{"allowed":false}})", "", "201 Created");
    apiserver.answers["/apis/g0.example/v1"] = failure;
    apiserver.answers[service_path] = ok({{"kind", "Service"},
                                          {"spec",
                                           {{"type", "ClusterIP"},
                                            {"clusterIP", "10.100.200.7"},
                                            {"selector", {{"app.example/name", "catalog"}}},
                                            {"ports", {{{"name", "secure"}, {"port", 443}, {"targetPort", 8443}}}}}}});
    apiserver.answers[endpoints_path] = ok({{"kind", "Endpoints"},
                                            {"subsets",
                                             {{{"addresses", {{{"ip", "10.1.0.5"}}}},
                                               {"notReadyAddresses", {{{"ip", "10.1.0.6"}}}},
                                               {"ports", {{{"name", "secure"}, {"port", 8443}}}}}}}});
    apiserver.answers[pods_path] = ok(
        {{"kind", "PodList"},
         {"items",
          {{{"metadata", {{"name", "pod-0"}}},
            {"spec",
             {{"nodeName", "node-1"},
              {"containers", {{{"name", "proxy"}}, {{"name", "apiserver"}, {"ports", {{{"containerPort", 8443}}}}}}}}},
            {"status",
             {{"phase", "Running"},
              {"podIP", "10.1.0.5"},
              {"conditions", {{{"type", "Ready"}, {"status", "True"}}}},
              {"containerStatuses",
               {{{"name", "apiserver"},
                 {"restartCount", 4},
                 {"state", {{"running", {{"startedAt", "2026-11-23T00:10:00Z"}}}}},
                 {"lastState",
                  {{"terminated",
                    {{"reason", "Error"}, {"exitCode", 1}, {"finishedAt", "2026-11-23T00:09:58Z"}}}}}}}}}}}}}});
    apiserver.answers["/api/v1/nodes/node-1"] =
        ok({{"kind", "Node"}, {"status", {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
    apiserver.answers[log_path] = test::answer(
        "2026-11-23T00:09:00.1Z W1123 00:09:00.1 1 x509.go:171] x509: subject with cn=old is not in the allowed list: "
        "[]\n"
        "2026-11-23T00:12:00.1Z W1123 00:12:00.1 1 x509.go:171] x509: subject with cn=demo is not in the allowed list: "
        "[]\n"
        "2026-11-23T00:12:00.2Z I1123 00:12:00.2 1 handler.go:1] token=canary-secret\n");
}

}  // namespace aggmedic::probes
