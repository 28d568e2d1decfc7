#pragma once

#include "probes/json_fields.hpp"
#include "probes/master_view.hpp"

// The members of MasterView's structs as JSON; for observation.cpp.
namespace aggmedic::probes {

AGGMEDIC_FIELDS(FileFacts) {
    v("path", x.path);
    v("resolved", x.resolved);
    v("sha256", x.sha256);
    v("size", x.size);
    v("owner", x.owner);
    v("group", x.group);
    v("mode", x.mode);
    v.optional("modified", x.modified);
}

AGGMEDIC_FIELDS(Arguments) {
    v("count", x.count);
    v("sha256", x.sha256);
    v("flags", x.flags);
}

AGGMEDIC_FIELDS(ProcessFacts) {
    v("pid", x.pid);
    v("start_ticks", x.start_ticks);
    v("executable", x.executable);
    v("arguments", x.arguments);
    v.optional("started_at", x.started_at);
}

AGGMEDIC_FIELDS(ServiceState) {
    v("name", x.name);
    v("status", x.status);
    v("running", x.running);
    v("pending", x.pending);
    v("pid", x.pid);
}

AGGMEDIC_FIELDS(SupervisorState) {
    v("dialect", x.dialect);
    v("services", x.services);
    v.optional("trouble", x.trouble);
}

AGGMEDIC_FIELDS(NamedFile) {
    v("flag", x.flag);
    v("path", x.path);
    v("exists", x.exists);
    v("readable", x.readable);
    v("certificates", x.certificates);
    v.optional("modified", x.modified);
}

AGGMEDIC_FIELDS(BackendReach) {
    v("apiservice", x.apiservice);
    v("address", x.address);
    v("kind", x.kind);
    v("outcome", x.outcome);
}

AGGMEDIC_FIELDS(UnpackedJob) {
    v("files", x.files);
    v("oldest_change", x.oldest_change);
    v("newest_modified", x.newest_modified);
    v("file_changed", x.file_changed);
}

AGGMEDIC_FIELDS(MasterView) {
    v("master", x.master);
    v("platform", x.platform);
    v("boot_id", x.boot_id);
    v.optional("hostname", x.hostname);
    v("uptime_seconds", x.uptime_seconds);
    v("clock_offset_ms", x.clock_offset_ms);
    v("args_file", x.args_file);
    v("file_arguments", x.file_arguments);
    v("file_text_fault", x.file_text_fault);
    v("process", x.process);
    v("file_equals_process", x.file_equals_process);
    v("differing_flags", x.differing_flags);
    v("files", x.files);
    v("supervisor", x.supervisor);
    v("disk_free_bytes", x.disk_free_bytes);
    v("memory_available_bytes", x.memory_available_bytes);
    v("lock", x.lock);
    v("backups", x.backups);
    v.optional("backends", x.backends);
    v.optional("proxy_environment", x.proxy_environment);
    v.optional("proxy_key_matches", x.proxy_key_matches);
    v.optional("permanent_fix_present", x.permanent_fix_present);
    v.optional("unpacked_job", x.unpacked_job);
    v.optional("start_faults", x.start_faults);
    v.optional("other_files", x.other_files);
}

}  // namespace aggmedic::probes
