#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "remediate/audit.hpp"
#include "remediate/sqlite.hpp"

namespace aggmedic::remediate {

// The audit log on disk, audit.db in the state directory: it only grows, and what append() returned is on the disk.
// Blocking. Several processes may append. Errors: io_failed with SQLite's text and the file; refused when the file was
// written by a newer version, or belongs to another state directory.
class AuditLog {
  public:
    // `log`: the state directory's UUID (Journal::holder).
    static Result<std::unique_ptr<AuditLog>> open(const std::filesystem::path& state_dir, const std::string& log);

    Result<AuditHead> append(const AuditRecord& record);
    Result<std::vector<SealedRecord>> read(std::int64_t after, std::size_t limit);  // oldest first
    const std::string& name() const { return log_; }

  private:
    Result<AuditHead> append_once(const AuditRecord& record);
    AuditLog(std::unique_ptr<Database> database, std::string log)
        : database_(std::move(database)), log_(std::move(log)) {}
    Result<AuditHead> head();

    std::unique_ptr<Database> database_;
    std::string log_;
};

}  // namespace aggmedic::remediate
