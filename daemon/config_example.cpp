#include "daemon/config.hpp"

namespace aggmedic::daemon {

std::string_view example_config() {
    return R"(# aggmedic's configuration. Check it with: aggmedic config check --config FILE
# Names of files are relative to the folder of this file. Secrets stand in files of their own, never here.

listen: 127.0.0.1:10797                     # /metrics, status page, read-only API
control_socket: /run/aggmedic/control.sock  # what the command aggmedic talks to
state_dir: /var/lib/aggmedic                # journal of plans and runs

probe:
  interval: 30s          # HTTPS: every apiserver of every cluster, once in this time
  timeout: 5s            # of one exchange
  attempts: 5            # per aggregated API and apiserver, spread over the interval
  master_interval: 5m    # SSH, read-only: as rarely as this, and at once when something visible changed

remediation:
  mode: approve          # observe: nothing is applied. approve: a person applies the plan. auto: by itself, under the guards
  plan_ttl: 15m
  verify_timeout: {bosh: 180s}
  settle: 60s            # between masters; at least the load balancer's interval x rise
  readyz_hold: 10s       # how long a master's own /readyz must hold
  # What mode auto keeps to (man aggmedic.yml, AUTOMATIC REPAIR):
  # windows: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "17:00", timezone: Asia/Tokyo}]
  # cooldown: 30m
  # canary_cluster: demo
  # alert_gate: {prometheus: "http://127.0.0.1:9090", query: 'ALERTS{alertstate="firing", alertname!~"Aggmedic.*"}'}

clusters:
  - name: demo
    server: https://demo.example.com:8443     # the load-balancer address
    certificate_authority_file: demo-ca.pem
    credentials:
      probe: {token_file: demo.token}         # a ServiceAccount with probes/rbac.yaml
      # canary: {token_file: demo-canary.token}   # may only get the name aggmedic-canary: shows a masked identity
      # repair: {token_file: demo-repair.token}   # may delete the pods of after_repair; optional: patch the published list
    # apiservices: {include: ["*"], exclude: []}

    # What follows is for looking at the masters and for repairing them. Without it aggmedic diagnoses over HTTPS alone.
    # platform: bosh                              # or kubeadm, systemd; without it each master is looked at
    # masters:
    #   - {name: master/0, address: 10.0.11.11}   # also api_port (8443), server_name, ssh_address, ssh_port (22)
    #   - {name: master/1, address: 10.0.11.12}
    #   - {name: master/2, address: 10.0.11.13}
    # ssh: {user: vcap, private_key_file: demo.key, known_hosts_file: demo.known_hosts}
    #                                             # helper: installed, with `aggmedic config sudoers`: a user that is not root
    # accept_risk:
    #   - id: shared-ca                           # one CA for clients and for the front proxy
    #     ca_sha256: "0000000000000000000000000000000000000000000000000000000000000000"
    #     cn: demo.example.com
    #     until: 2027-01-31
    # after_repair:                               # extension API servers that read the ConfigMap once, at their start
    #   - restart_pods: {namespace: catalog, selector: release=catalog}
    # verify:                                     # what users do: tried before, through the canary and at the end, as the probe
    #   - get: /apis/servicecatalog.k8s.io/v1beta1/clusterserviceclasses
    #   - get: /apis/apiregistration.k8s.io/v1/apiservices/v1beta1.servicecatalog.k8s.io
    #     json_path: '.status.conditions[?(@.type=="Available")].status'
    #     value: "True"
)";
}

}  // namespace aggmedic::daemon
