#pragma once

#include <ostream>
#include <string>

#include "tests/lab/lab_spec.hpp"

// The table of ways to break a lab.
namespace aggmedic::lab {

enum class How {
    config,      // the masters' files differ: rendered again, apiservers restarted, ConfigMap rebuilt, pods restarted
    lab_switch,  // a file in DIR/faults
    master_switch,  // a file in DIR/masters/N/faults
    bundle          // the APIServices' caBundle
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
Break parse_break(const std::string& text, int master = -1);  // CAUSE or CAUSE@N
std::size_t master_index(const std::string& name);            // master/1, m1 or 1
void list_causes(std::ostream& out);

}  // namespace aggmedic::lab
