#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/cluster.hpp"

// What goes wrong in one history, drawn from its seed before it begins. Everything is counted from the journal's
// writes: steps that are over in one exchange are hit as often as those that wait for minutes.
namespace aggmedic::sim {

enum class Trouble {
    none,
    lost,           // what was asked never arrived
    reply_lost,     // it was done, and the answer was lost
    garbage,        // likewise, and the answer is none
    refused,        // sudo wants a password
    late,           // it is done later than anybody waits for
    killed_before,  // SIGKILL before it is sent
    killed_after,   // SIGKILL after it was done
};
std::string_view name(Trouble trouble);

struct Exchange {  // the n-th one after a write of the journal
    int write = 0, offset = 0;
    Trouble trouble = Trouble::none;
    Ms delay{0};  // of `late`
};

enum class Event {
    cut,
    reboot,
    master_disk_full,
    jumpbox_disk_full,
    operator_restarts,
    operator_edits,
    crash,
    writes_blocked,
    backend_down,
    balancer_bad,
    second_daemon,
    etcd_member_lost,
    stop,   // of the daemon, in order
    abort,  // by a person
    count
};
std::string_view name(Event event);

struct Timed {  // so long after a write of the journal
    int write = 0;
    Ms delay{0};
    Event event = Event::cut;
    int master = 0;
    Ms lasts{0};
    Hand hand = Hand::comment;
};

struct Kill {  // at a write of the journal
    bool committed = false;
};

struct Schedule {
    ClusterKind kind;
    bool canary_only = false;
    std::vector<Temper> tempers;
    std::vector<Exchange> exchanges;
    std::vector<Timed> timed;
    std::map<int, Kill> kills;
    std::vector<Ms> downtimes;  // of the daemon, one after another
};

Schedule draw_schedule(Dice& dice);
std::vector<std::string> describe(const Schedule& schedule);

}  // namespace aggmedic::sim
