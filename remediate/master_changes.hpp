#pragma once

#include <map>
#include <optional>
#include <string>

#include "net/time.hpp"
#include "probes/observation.hpp"

namespace aggmedic::remediate {

// When something of a cluster's masters last changed that an upgrade, a recreate or a new template changes: the
// version, the boot, the program, the bytes of the arguments file. Our own repairs count too.
class MasterChanges {
  public:
    void fold(const probes::Observation& observation, TimePoint now);

    std::optional<TimePoint> watched_since() const { return watched_since_; }
    std::optional<TimePoint> changed() const { return changed_; }  // nullopt: not since then
    const std::string& what() const { return what_; }              // "master/0: its arguments file"

  private:
    struct Seen {
        std::string version, boot_id, executable, file_sha256;
    };
    void compare(std::string& known, const std::string& seen, const std::string& master, std::string_view what,
                 TimePoint now);

    std::map<std::string, Seen> masters_;
    std::optional<TimePoint> watched_since_, changed_;
    std::string what_;
};

}  // namespace aggmedic::remediate
