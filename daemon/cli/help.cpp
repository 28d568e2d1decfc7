#include "daemon/cli/help.hpp"

#include <array>
#include <utility>

namespace aggmedic::cli {
namespace {

constexpr std::array<std::pair<Command, CommandHelp>, 20> table = {{
    {Command::check,
     {"check", "look at clusters now, and name what is wrong",
      R"(Examples:
  aggmedic check                              every cluster of the daemon
  aggmedic check demo prod                    these two
  aggmedic check --kubeconfig ~/.kube/config  any cluster, with nothing installed there or here
  aggmedic check --from demo.tar              what a bundle of another place shows
  aggmedic check -o json demo | jq '.clusters[].findings[].cause'

Changes nothing. Exit: 0 healthy, 1 findings, 2 usage, configuration or no daemon,
3 something could not be observed (1 wins over 3).)"}},
    {Command::explain,
     {"explain", "the evidence behind each finding, what it rules out, what to do",
      R"(Examples:
  aggmedic explain demo
  aggmedic explain --kubeconfig ~/.kube/config
  aggmedic explain --from aggmedic-demo-20270131T030000Z.tar

Changes nothing. Exit: as check.)"}},
    {Command::preflight,
     {"preflight", "would every master come back from a restart, also under Kubernetes 1.35",
      R"(Example:
  aggmedic preflight demo

Changes nothing. Exit: as check.)"}},
    {Command::bundle,
     {"bundle", "the evidence as one file to hand on, with no secret in it",
      R"(Examples:
  aggmedic bundle demo                        writes aggmedic-demo-TIME.tar
  aggmedic bundle demo --to - | ssh desk 'cat > demo.tar'
  aggmedic explain --from aggmedic-demo-20270131T030000Z.tar

What was seen last (or now, where nothing was seen yet), what it means, and the versions. Changes nothing.
Exit: 0, or 2.)"}},
    {Command::plan,
     {"plan", "the dry run: risks, the diff of every file, the commands, their order",
      R"(Examples:
  aggmedic plan demo
  aggmedic plan demo --accept-risk shared-ca --accept-risk single-master
  aggmedic plan demo --method configmap       heals without a restart; no arguments account for it then

Changes nothing; stores the plan and prints its id for apply.
Exit: 0 nothing to do, 1 a plan, 2 usage, 3 refused (the gate is named).)"}},
    {Command::revert,
     {"revert", "plan taking back what a run changed: arguments, then the published name",
      R"(Example:
  aggmedic revert 7d8f2c

Changes nothing; stores the plan and prints its id for apply, which ends as rolled back (4) when every master runs the
old arguments and the name stays out of the ConfigMap.
Exit: 0 nothing to do, 1 a plan, 2 usage, 3 refused (the gate is named).)"}},
    {Command::apply,
     {"apply", "apply exactly one plan, one master at a time",
      R"(Examples:
  aggmedic apply 5e884898da28 --reason "INC-4711"
  aggmedic apply 5e884898da28 --canary-only
  aggmedic apply --resume 20261123T165925Z-45c4a4c5    the masters that this run left, nothing else

--resume plans anew, under every gate, and refuses if that plan is more or other than the rest of what was approved.
Ctrl-C detaches: the run goes on in the daemon (aggmedic runs RUN-ID --follow shows it, aggmedic abort RUN-ID stops it).
With --standalone Ctrl-C aborts: the current master is finished or undone first.
Exit: 0 repaired and verified, 4 rolled back, 5 refused, 6 needs a person, 7 detached.)"}},
    {Command::abort_run,
     {"abort", "finish or undo the current master of a run, then stop",
      R"(Example:
  aggmedic abort 7d8f2c

Exit: as apply.)"}},
    {Command::status,
     {"status", "the fleet: states, findings, runs, pauses", "Example:\n  aggmedic status\n\nExit: 0, or 2."}},
    {Command::runs,
     {"runs", "past and present runs, their steps, and their progress",
      R"(Examples:
  aggmedic runs
  aggmedic runs 7d8f2c
  aggmedic runs 7d8f2c --follow    reattach; Ctrl-C leaves the run going

Exit: 0, or 2; with --follow as apply.)"}},
    {Command::pause,
     {"pause", "let no run start, on a cluster or anywhere",
      "Examples:\n  aggmedic pause demo --reason \"etcd upgrade\"\n  aggmedic pause\n\nA run in flight goes on: stop "
      "it with abort. Exit: 0, or 2."}},
    {Command::resume,
     {"resume", "end a pause", "Examples:\n  aggmedic resume demo\n  aggmedic resume\n\nExit: 0, or 2."}},
    {Command::audit_show,
     {"show", "who asked for what, when, and what came of it",
      "Examples:\n  aggmedic audit show\n  aggmedic audit show -o json | jq '.records[] | select(.action == "
      "\"apply\")'\n\nExit: 0, or 2."}},
    {Command::audit_verify,
     {"verify", "whether anything in the audit log was changed, moved, taken out or cut off",
      R"(Examples:
  aggmedic audit verify
  aggmedic audit verify --head 12:9f86d081...    a head that was kept elsewhere
  aggmedic audit verify --former-log NAME        another log of the same user, known and ended

The heads in the system journal are compared too, where this user may read it (group systemd-journal).
Those of another log that the same user sent say that this one was put in its place.
Exit: 0 nothing was changed, 1 something was, 2 usage or no daemon, 3 the chain holds, but nothing
outside of it was found that could tell a cut-off end.)"}},
    {Command::bosh_ops_file,
     {"ops-file", "an ops-file for the clusters' manifests",
      R"(Examples:
  aggmedic bosh ops-file demo > allow-proxy-client-name.yml
  aggmedic bosh ops-file --name aggregator --name demo.pks.ik.am

Prints YAML; changes nothing. Exit: 1 rendered, 2 usage or no daemon, 3 refused.)"}},
    {Command::bosh_runtime_config,
     {"runtime-config", "a runtime config, where the manifest belongs to somebody else (PKS)",
      R"(Examples:
  aggmedic bosh runtime-config demo --deployment service-instance_0d4d > aggmedic.yml
  aggmedic bosh runtime-config --name demo.pks.ik.am --deployment service-instance_0d4d
  bosh update-config --type runtime --name aggmedic aggmedic.yml     shows the diff, and asks

Prints YAML; changes nothing. Exit: 1 rendered, 2 usage or no daemon, 3 refused.)"}},
    {Command::config_check,
     {"check", "read a configuration strictly, and report every fault at once",
      "Example:\n  aggmedic config check --config /etc/aggmedic/aggmedic.yml\n\nExit: 0, or 2."}},
    {Command::config_init,
     {"init", "print a commented example, or write it to --config FILE if there is none yet",
      "Examples:\n  aggmedic config init\n  aggmedic config init --config aggmedic.yml\n\nExit: 0, or 2."}},
    {Command::config_sudoers,
     {"sudoers", "print a sudoers file that lets a login user do on a master what aggmedic does, and nothing else",
      R"(Examples:
  aggmedic config sudoers
  aggmedic config sudoers --user kube-care > aggmedic.sudoers

It names one file of root's, by its digest: what `aggmedic config helper` prints. How both get onto a
master stands in its first lines. Exit: 0, or 2.)"}},
    {Command::config_helper,
     {"helper", "print the helper that masters with `ssh: {helper: installed}` hold as a file of root's",
      "Example:\n  aggmedic config helper > helper\n\nExit: 0, or 2."}},
}};

}  // namespace

const CommandHelp& help_of(Command command) {
    for (const auto& [of, help] : table) {
        if (of == command) return help;
    }
    static constexpr CommandHelp none{};
    return none;
}

const std::string_view program_summary =
    "Why an aggregated API (metrics, service catalog, ...) answers 401, 503, or 200 as the wrong user; and its repair, "
    "one\n"
    "master at a time, only when told to.";

const std::string_view program_footer = R"(At night:
  aggmedic check              what is wrong, in one line
  aggmedic explain CLUSTER    how it is known, and what to do
  aggmedic plan CLUSTER       exactly what would be changed; changes nothing
  aggmedic apply PLAN-ID      does that, master by master, and proves it

Exit statuses:
  0  healthy; nothing to do; repaired and verified     4  rolled back
  1  findings; a plan                                  5  refused (stale, paused, guarded)
  2  usage, configuration, or no daemon                6  needs a person
  3  something could not be observed; plan refused     7  detached: the run goes on

stdout carries the result alone, stderr progress and errors. Each command has its own --help, with examples.)";

}  // namespace aggmedic::cli
