#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "probes/seen.hpp"

// What beside the masters themselves decides whether a kube-apiserver that is restarted comes back well, and which
// master goes last. Asked only before something is planned or begun, and again before each master is touched.
namespace aggmedic::probes {

// An etcd member as one apiserver finds it: `/readyz` says nothing of a lost one.
struct EtcdMember {
    std::string name;  // etcd-0: by its place in that apiserver's --etcd-servers
    bool healthy = false;
    std::string says;  // what the apiserver says of it
    bool operator==(const EtcdMember&) const = default;
};

// A webhook that refuses when nobody answers, and is called for what a starting kube-apiserver writes.
struct ClosedWebhook {
    std::string name;         // validatingwebhookconfiguration NAME, webhook NAME
    std::string covers;       // configmaps in kube-system; the first that it covers
    std::string unread;       // why labels that its selectors rest on are not known; empty: nothing is missing
    std::string backend;      // NAMESPACE/SERVICE; empty: it is called by a URL
    Seen<std::size_t> ready;  // ready addresses behind the service; not-asked of a URL
    bool operator==(const ClosedWebhook&) const = default;
};

struct ControlPlane {
    std::map<std::string, Seen<std::vector<EtcdMember>>> etcd;  // by the master that was asked
    Seen<std::vector<ClosedWebhook>> webhooks;
    Seen<std::vector<std::string>> endpoints;         // addresses of default/kubernetes
    Seen<std::string> controller_manager, scheduler;  // who holds their lease: HOSTNAME_UUID; empty: nobody
    bool operator==(const ControlPlane&) const = default;
};

}  // namespace aggmedic::probes
