#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tests/lab/lab_spec.hpp"

// The table of ways to break a lab.
namespace aggmedic::lab {

enum class How {
    config,  // the masters' files differ: rendered again, apiservers restarted, ConfigMap rebuilt, pods restarted
    config_beside_pods,  // likewise, but the pods and the ConfigMap stay as they are
    lab_switch,          // a file in DIR/faults
    pods_switch,         // likewise, and the pods are restarted
    master_switch,       // a file in DIR/masters/N/faults
    bundle,              // the APIServices' caBundle
    config_map,          // the published config itself: gone, empty, touched
    credential           // the token of the probe
};

struct Deed {
    How how;
    const char* key;  // of the switch
    const char* value;
};

struct Cause {
    const char* name;
    How how;
    const char* key;  // of the switch
    const char* value;
    int master;  // where it strikes unless said otherwise; -1: everywhere
    const char* meaning;
};

const Cause& cause_of(const std::string& name);               // throws with the list of causes
std::vector<Deed> deeds_of(const std::string& name);          // what has to be done for it, in order
Break parse_break(const std::string& text, int master = -1);  // CAUSE or CAUSE@N
std::size_t master_index(const std::string& name);            // master/1, m1 or 1
void list_causes(std::ostream& out);

}  // namespace aggmedic::lab
