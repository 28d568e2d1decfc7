#pragma once

#include "probes/control_plane.hpp"
#include "probes/json_fields.hpp"

// The members of ControlPlane's structs as JSON; for observation.cpp.
namespace aggmedic::probes {

AGGMEDIC_FIELDS(EtcdMember) {
    v("name", x.name);
    v("healthy", x.healthy);
    v("says", x.says);
}

AGGMEDIC_FIELDS(ClosedWebhook) {
    v("name", x.name);
    v("covers", x.covers);
    v("unread", x.unread);
    v("backend", x.backend);
    v("ready", x.ready);
}

AGGMEDIC_FIELDS(ControlPlane) {
    v("etcd", x.etcd);
    v("webhooks", x.webhooks);
    v("endpoints", x.endpoints);
    v("controller_manager", x.controller_manager);
    v("scheduler", x.scheduler);
}

}  // namespace aggmedic::probes
