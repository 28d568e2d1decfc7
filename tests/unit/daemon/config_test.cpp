#include "daemon/config.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/config_cluster.hpp"
#include "tests/unit/daemon/temporary_folder.hpp"

namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view host_key =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJd6RB3Ksjf5WRmMRsbO6CjSYVJCLIrZPyHHMsWfhKKG";
constexpr std::string_view private_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

constexpr std::string_view minimal = R"(clusters:
  - name: demo
    server: https://demo.pks.ik.am:8443
    credentials: {probe: {token_file: demo.token}}
)";

class ConfigTest : public testing::Test {
  protected:
    ConfigTest() {
        folder.write("demo.token", "abc.def.ghi\n");
        folder.write("repair.token", "jkl");
        folder.write("demo.key", private_key);
        folder.write("known_hosts", fmt::format("10.0.11.11 {0}\n[10.0.11.12]:2222 {0}\n", host_key));
    }

    std::expected<Config, std::vector<ConfigFault>> load(std::string_view text) {
        return load_config(folder.write("aggmedic.yml", text));
    }

    // line:column: text of every fault.
    std::vector<std::string> faults(std::string_view text) {
        const auto config = load(text);
        std::vector<std::string> found;
        if (config) return found;
        for (const auto& fault : config.error()) {
            found.push_back(fmt::format("{}:{}: {}", fault.line, fault.column, fault.text));
        }
        return found;
    }

    // `minimal` with more keys in its cluster, and before it.
    std::vector<std::string> cluster_faults(std::string_view more) {
        return faults(std::string(minimal) + std::string(more));
    }
    std::vector<std::string> top_faults(std::string_view more) {
        return faults(std::string(more) + std::string(minimal));
    }

    TemporaryFolder folder;
};

TEST_F(ConfigTest, FillsInDefaults) {
    const auto config = load(minimal);
    ASSERT_TRUE(config);
    EXPECT_EQ(config->listen_host, "127.0.0.1");
    EXPECT_EQ(config->listen_port, 10797);
    EXPECT_EQ(config->probe.interval, 30s);
    EXPECT_EQ(config->remediation.verify_timeout.at("bosh"), 180s);
    ASSERT_EQ(config->clusters.size(), 1U);
    EXPECT_EQ(config->clusters[0].target.probe.bearer_token, "abc.def.ghi");
    EXPECT_EQ(config->clusters[0].target.server_port, 8443);
    EXPECT_EQ(config->clusters[0].digest.size(), 64U);
    EXPECT_TRUE(config->warnings.empty());
}

TEST_F(ConfigTest, ReadsEverySetting) {
    const auto config = load(R"yml(listen: "[::1]:0"
control_socket: /tmp/c.sock
state_dir: /tmp/state
probe: {interval: 10s, timeout: 2s, attempts: 3, master_interval: 1m}
remediation:
  mode: observe
  plan_ttl: 5m
  verify_timeout: {bosh: 60s, systemd: 1m, kubeadm: 1m}
  settle: 0s
  readyz_hold: 500ms
  configmap_watch: 10s
  max_clusters_at_once: 1
  cooldown: 1h
  meltdown: {clusters: 5, ratio: 0.2, window: 10m}
clusters:
  - name: demo
    server: https://demo.pks.ik.am:8443
    credentials: {probe: {token_file: demo.token}, repair: {token_file: repair.token}}
    apiservices: {include: ["*.catalog"], exclude: [a, b]}
    platform: bosh
    masters:
      - {name: master/0, address: 10.0.11.11}
      - {name: master/1, address: 10.0.11.12, api_port: 6443, server_name: m1, ssh_address: 10.0.11.12, ssh_port: 2222}
    ssh: {user: vcap, private_key_file: demo.key, known_hosts_file: known_hosts}
    accept_risk:
      - {id: shared-ca, ca_sha256: "0000000000000000000000000000000000000000000000000000000000000000", cn: demo, until: 2027-01-31}
      - {id: single-master, until: 2027-01-31}
    after_repair: [{restart_pods: {namespace: catalog, selector: "release=catalog,app in (a, b)"}
}]
    verify: [{get: /apis/a/v1/b}, {get: /apis/a/v1/c, status: 404},
             {get: /api/v1/nodes/a, json_path: '.status.conditions[?(@.type=="Ready")].status', value: True}]
)yml");
    ASSERT_TRUE(config) << format(config.error().front());
    EXPECT_EQ(config->remediation.mode, "observe");
    EXPECT_EQ(config->remediation.readyz_hold, 500ms);
    const auto& cluster = config->clusters.at(0);
    EXPECT_EQ(cluster.target.masters.at(1).ssh_port, 2222);
    EXPECT_EQ(cluster.target.platform, "bosh");
    EXPECT_EQ(cluster.ssh->user, "vcap");
    EXPECT_FALSE(cluster.repair.empty());
    EXPECT_EQ(to_rfc3339(*cluster.accept_risk.at(0).until), "2027-02-01T00:00:00Z");
    EXPECT_EQ(cluster.after_repair.at(0).selector, "release=catalog,app in (a, b)");
    EXPECT_EQ(cluster.verify.at(1).expect_status, 404);
    EXPECT_EQ(cluster.verify.at(1).json_path, "");
    EXPECT_EQ(cluster.verify.at(2).json_path, R"(.status.conditions[?(@.type=="Ready")].status)");
    EXPECT_EQ(cluster.verify.at(2).value, "True");
}

// Whoever holds it can name himself a front proxy: it is in no configuration, and each run reads it for itself.
TEST_F(ConfigTest, LeavesTheRepairCredentialInItsFiles) {
    folder.write("tls.crt", "no certificate yet");
    folder.write("tls.key", "no key yet");
    folder.write("repair.kubeconfig", "no kubeconfig yet");
    for (const std::string way :
         {"{token_file: repair.token}", "{client_certificate_file: tls.crt, client_key_file: tls.key}",
          "{kubeconfig: repair.kubeconfig, context: repair}"}) {
        const auto text = fmt::format(R"yml(clusters:
  - name: demo
    server: https://demo.pks.ik.am:8443
    credentials: {{probe: {{token_file: demo.token}}, repair: {}}}
)yml",
                                      way);
        const auto config = load(text);
        ASSERT_TRUE(config) << way << ": " << format(config.error().front());
        const auto& repair = config->clusters.at(0).repair;
        EXPECT_TRUE(repair.source) << way;
        EXPECT_EQ(repair.bearer_token + repair.client_certificate_pem + repair.client_key_pem, "") << way;
        const auto checked = load_config(folder.path() / "aggmedic.yml", RepairCredential::checked);
        EXPECT_EQ(checked.has_value(), way.contains("token_file")) << way;
        if (checked) EXPECT_EQ(checked->clusters.at(0).digest, config->clusters.at(0).digest);
    }
    const auto missing = faults(R"yml(clusters:
  - name: demo
    server: https://demo.pks.ik.am:8443
    credentials: {probe: {token_file: demo.token}, repair: {token_file: gone.token}}
)yml");
    EXPECT_THAT(missing, ElementsAre(HasSubstr("repair.token_file: cannot read")));
}

TEST_F(ConfigTest, ReadsWhatAutomaticRepairKeepsTo) {
    const auto config = load(R"yml(remediation:
  mode: auto
  cooldown: 1h
  attempts: 2
  hold_cycles: 5
  quiet_after_change: 20m
  canary_cluster: demo
  meltdown: {clusters: 7, ratio: 0.5, window: 5m}
  windows:
    - {days: [mon, sun], from: "09:00", to: "17:30", timezone: Asia/Tokyo}
    - {from: "22:00", to: "04:00", timezone: UTC}
  alert_gate: {prometheus: "http://127.0.0.1:9090/prom", query: 'ALERTS{alertstate="firing"}'}
)yml" + std::string(minimal));
    ASSERT_TRUE(config) << format(config.error().front());
    const auto& remediation = config->remediation;
    EXPECT_EQ(remediation.mode, "auto");
    EXPECT_EQ(remediation.start.cooldown, 1h);
    EXPECT_EQ(remediation.start.attempts, 2);
    EXPECT_EQ(remediation.start.hold_cycles, 5);
    EXPECT_EQ(remediation.start.quiet, 20min);
    EXPECT_EQ(remediation.start.canary_cluster, "demo");
    EXPECT_EQ(remediation.meltdown, (remediate::MeltdownLimit{.clusters = 7, .ratio = 0.5, .window = 5min}));
    ASSERT_EQ(remediation.start.windows.size(), 2U);
    const auto& office = remediation.start.windows[0];
    EXPECT_THAT(office.days, ElementsAre(true, true, false, false, false, false, false));
    EXPECT_EQ(office.from, 9h);
    EXPECT_EQ(office.to, 17h + 30min);
    EXPECT_EQ(office.zone, *remediate::find_time_zone("Asia/Tokyo"));
    EXPECT_THAT(remediation.start.windows[1].days, testing::Each(true));
    ASSERT_TRUE(remediation.alert_gate);
    EXPECT_TRUE(remediation.start.has_alert_gate);
    EXPECT_EQ(remediation.alert_gate->host, "127.0.0.1");
    EXPECT_EQ(remediation.alert_gate->port, 9090);
    EXPECT_EQ(remediation.alert_gate->path, "/prom");
}

TEST_F(ConfigTest, ReportsAllFaultsAtOnceInTheOrderOfTheFile) {
    EXPECT_THAT(faults(R"(listn: 127.0.0.1:1
probe: {interval: 30, attempts: "5"}
probe: {}
clusters:
  - name: de mo
    server: http://demo
    credentials: {probe: {token: abc}}
)"),
                ElementsAre(HasSubstr("1:1: listn is no key that aggmedic knows"),
                            HasSubstr("2:19: probe.interval must be a duration"),
                            HasSubstr("2:33: probe.attempts must be a whole number from 1 to 50"),
                            HasSubstr("3:1: probe stands here a second time"),
                            HasSubstr("5:11: clusters[0].name must be 1 to 63 letters"),
                            HasSubstr("6:13: clusters[0].server: 'http://demo' is not https"),
                            HasSubstr("7:26: clusters[0].credentials.probe needs exactly one of"),
                            HasSubstr("7:27: clusters[0].credentials.probe.token would put a secret")));
}

struct Case {
    std::string text, fault;
};

TEST_F(ConfigTest, RefusesAtTheTopLevel) {
    const std::vector<Case> cases = {
        {"listen: nowhere\n", "1:9: listen: 'nowhere' is no address to listen on"},
        {"web_config_file: web.yml\n", "1:1: web_config_file is not supported by this version"},
        {"bosh: {environment: x}\n", "1:1: bosh is not supported by this version"},
        {"control_socket: run/x.sock\n", "1:17: control_socket must be an absolute path"},
        {"state_dir:\n", "1:1: state_dir must be a text, it is nothing"},
        {"probe: 5\n", "1:8: probe must be a mapping"},
        {"probe: {interval: 10ms}\n", "1:19: probe.interval must lie between 250ms and 1h"},
        {"probe: {interval: 10m}\n", "1:8: probe.master_interval must not be shorter"},
        {"probe: {attempts: 0}\n", "1:19: probe.attempts must be a whole number"},
        {"remediation: {mode: yes}\n", "1:21: remediation.mode must be observe, approve or auto"},
        {"remediation: {windows: [{from: \"09:00\", to: \"17:00\"}]}\n", "remediation.windows[0].timezone"},
        {"remediation: {windows: [{from: \"09:60\", to: \"17:00\", timezone: UTC}]}\n",
         "1:32: remediation.windows[0].from must be a time of day"},
        {"remediation: {windows: [{from: \"24:00\", to: \"17:00\", timezone: UTC}]}\n", "from must be before"},
        {"remediation: {windows: [{from: \"09:00\", to: \"09:00\", timezone: UTC}]}\n",
         "opens and closes at the same time"},
        {"remediation: {windows: [{days: [monday], from: \"09:00\", to: \"17:00\", timezone: UTC}]}\n",
         "1:32: remediation.windows[0].days: monday is no day"},
        {"remediation: {windows: [{from: \"09:00\", to: \"17:00\", timezone: Mars/Olympus}]}\n",
         "Mars/Olympus is no time zone of this machine"},
        {"remediation: {windows: [{frm: \"09:00\", from: \"09:00\", to: \"17:00\", timezone: UTC}]}\n",
         "frm is no key"},
        {"remediation: {canary_cluster: nowhere}\n", "1:31: remediation.canary_cluster: there is no cluster nowhere"},
        {"remediation: {attempts: 0}\n", "remediation.attempts"},
        {"remediation: {hold_cycles: 1}\n", "remediation.hold_cycles"},
        {"remediation: {alert_gate: {}}\n", "needs one of prometheus (with query) and alertmanager"},
        {"remediation: {alert_gate: {prometheus: \"http://p:9090\"}}\n", "remediation.alert_gate.query"},
        {"remediation: {alert_gate: {prometheus: \"p:9090\", query: up}}\n", "neither http nor https"},
        {"remediation: {alert_gate: {alertmanager: \"http://a:9093\", query: up}}\n", "belongs to prometheus"},
        {"remediation: {alert_gate: {prometheus: \"http://p:9090\", query: up, password: x}}\n",
         "would put a secret into the configuration"},
        {"remediation: {verify_timeout: {bsh: 1s}}\n", "1:32: remediation.verify_timeout.bsh is no key"},
        {"remediation: {meltdown: {ratio: 2}}\n", "1:33: remediation.meltdown.ratio must be a number"},
        {"remediation: {max_clusters_at_once: 2}\n", "1:37: remediation.max_clusters_at_once can only be 1"},
        {"remediation: {settle: -1s}\n", "1:23: remediation.settle must be a duration"},
    };
    for (const auto& [text, fault] : cases) EXPECT_THAT(top_faults(text), ElementsAre(HasSubstr(fault))) << text;
}

TEST_F(ConfigTest, RefusesInACluster) {
    const std::vector<Case> cases = {
        {"    colour: red\n", "5:5: clusters[0].colour is no key"},
        {"    kubeconfig: admin.conf\n", "needs either server (https://host:port) or kubeconfig"},
        {"    context: a\n", "clusters[0].context has no kubeconfig beside it"},
        {"    certificate_authority_file: gone.pem\n", "5:33: clusters[0].certificate_authority_file: cannot read"},
        {"    apiservices: {include: all}\n", "5:28: clusters[0].apiservices.include must be a list"},
        {"    platform: pks\n", "5:15: clusters[0].platform must be bosh, kubeadm or systemd, or one that"},
        {"    masters: {from: {bosh_deployment: x}}\n",
         "5:14: clusters[0].masters.from is not supported by this version"},
        {"    masters: [{name: m}]\n", "5:15: clusters[0].masters[0].address is missing"},
        {"    masters: [{name: m, address: 'https://x'}]\n",
         "5:34: clusters[0].masters[0].address must be a host name"},
        {"    masters: [{name: m, address: a, api_port: 70000}]\n", "5:47: clusters[0].masters[0].api_port must be"},
        {"    masters: [{name: m, address: a}, {name: m, address: b}]\n", "5:38: a second master is called m"},
        {"    masters: [{name: m, address: a}, {name: n, address: a}]\n",
         "5:38: a second master has the address a port 8443"},
        {"    masters: [{name: '../m', address: a}]\n", "5:22: clusters[0].masters[0].name must be"},
        {"    accept_risk: [{id: everything, until: 2027-01-31}]\n",
         "5:24: clusters[0].accept_risk[0].id must be shared-ca"},
        {"    accept_risk: [{id: shared-ca, cn: x, until: 2027-01-31}]\n",
         "clusters[0].accept_risk[0].ca_sha256 is missing"},
        {"    accept_risk: [{id: single-master, until: soon}]\n",
         "5:46: clusters[0].accept_risk[0].until must be a date"},
        {"    accept_risk: [{id: single-master, until: 2027-02-30}]\n", "must be a date"},
        {"    after_repair: [{restart_pods: {namespace: a}}]\n",
         "5:35: clusters[0].after_repair[0].restart_pods.selector is missing"},
        {"    after_repair: [{run: rm}]\n", "restart_pods is missing"},
        {"    verify: [{get: /a, json_path: .a}]\n", "5:14: clusters[0].verify[0] needs json_path and value together"},
        {"    verify: [{get: /a, value: b}]\n", "clusters[0].verify[0] needs json_path and value together"},
        {"    verify: [{get: /a, value: b, json_path: .a..b}]\n",
         "5:45: clusters[0].verify[0].json_path: `..b` is not understood: there are .NAME"},
        {"    verify: [{get: /api/v1/namespaces/a/secrets/b}]\n", "clusters[0].verify[0].get asks for secrets"},
        {"    verify: [{get: apis}]\n", "5:20: clusters[0].verify[0].get must be a path"},
    };
    for (const auto& [text, fault] : cases)
        EXPECT_THAT(cluster_faults(text), testing::Contains(HasSubstr(fault))) << text;
}

TEST_F(ConfigTest, SshNeedsAPlatformAKeyAndEveryMastersHostKey) {
    constexpr std::string_view masters =
        "    masters: [{name: m, address: 10.0.11.11}, {name: n, address: 10.0.11.99}]\n";
    const auto with = [&](std::string_view rest) { return cluster_faults(std::string(masters) + std::string(rest)); };
    EXPECT_THAT(
        with("    platform: bosh\n    ssh: {user: vcap, private_key_file: demo.key, known_hosts_file: known_hosts}\n"),
        ElementsAre(HasSubstr("no host key for n (10.0.11.99)")));
    EXPECT_THAT(with("    ssh: {via: bosh}\n"),
                testing::IsSupersetOf({HasSubstr("6:11: clusters[0].ssh.via is not supported by this version"),
                                       HasSubstr("clusters[0].ssh.user is missing")}));
    EXPECT_THAT(
        with("    platform: k3s\n    ssh: {user: u, private_key_file: demo.key, known_hosts_file: known_hosts}\n"),
        testing::Contains(
            HasSubstr("6:15: clusters[0].platform: 'k3s' is diagnosed over HTTPS alone and never edited")));
    EXPECT_THAT(with("    platform: managed\n"), ElementsAre());
    EXPECT_THAT(
        with("    platform: bosh\n    ssh: {user: -oX, private_key_file: demo.token, known_hosts_file: known_hosts}\n"),
        testing::IsSupersetOf({HasSubstr("clusters[0].ssh.user is no user name"), HasSubstr("holds no private key")}));
    EXPECT_THAT(with("    platform: kubeadm\n"), ElementsAre());
    EXPECT_THAT(with("    ssh: {helper: pushed}\n"),
                testing::Contains(HasSubstr("6:19: clusters[0].ssh.helper must be sent or installed")));
}

TEST_F(ConfigTest, RefusesATokenThatCouldEndAHeader) {
    folder.write("demo.token", "abc\r\nX-Evil: 1");
    EXPECT_THAT(faults(minimal), ElementsAre(HasSubstr("something else than one token")));
    folder.write("demo.token", " \n");
    EXPECT_THAT(faults(minimal), ElementsAre(HasSubstr("holds no token")));
}

TEST_F(ConfigTest, WarnsOfASecretThatEverybodyCanRead) {
    folder.write("demo.token", "abc", false);
    const auto config = load(minimal);
    ASSERT_TRUE(config);
    ASSERT_EQ(config->warnings.size(), 1U);
    EXPECT_THAT(format(config->warnings[0]),
                HasSubstr("aggmedic.yml:4:39: clusters[0].credentials.probe.token_file: every user"));
}

TEST_F(ConfigTest, WarnsOfACanaryThatIsTheProbe) {
    std::string text(minimal);
    const std::string probe = "probe: {token_file: demo.token}";
    ASSERT_NE(text.find(probe), std::string::npos);
    text.replace(text.find(probe), probe.size(), probe + ", canary: {token_file: demo.token}");
    const auto same = load(text);
    ASSERT_TRUE(same);
    ASSERT_EQ(same->warnings.size(), 1U);
    EXPECT_THAT(format(same->warnings[0]), HasSubstr("the canary's credential is the probe's own"));
    folder.write("canary.token", "another");
    text.replace(text.rfind("demo.token"), 10, "canary.token");
    const auto other = load(text);
    ASSERT_TRUE(other);
    EXPECT_TRUE(other->warnings.empty());
}

TEST_F(ConfigTest, SaysWhereYamlIsBroken) {
    EXPECT_THAT(faults("listen: [\nclusters: }"), ElementsAre(HasSubstr("this is no YAML")));
    EXPECT_THAT(faults("- a\n"), testing::Contains(HasSubstr("1:1: the configuration must be a mapping")));
    EXPECT_THAT(faults(""), testing::SizeIs(1));
    EXPECT_EQ(load_config(folder.path() / "gone.yml").error().at(0).line, 0);
}

TEST_F(ConfigTest, RefusesTwoClustersOfOneName) {
    EXPECT_THAT(
        cluster_faults("  - name: demo\n    server: https://b\n    credentials: {probe: {token_file: demo.token}}\n"),
        ElementsAre(HasSubstr("5:5: a second cluster is called demo")));
}

TEST_F(ConfigTest, DigestChangesWithWhereCredentialsComeFromAndRemediation) {
    const auto first = load(minimal)->clusters[0].digest;
    EXPECT_EQ(load(minimal)->clusters[0].digest, first);
    EXPECT_EQ(load("listen: 127.0.0.1:1\n" + std::string(minimal))->clusters[0].digest, first);
    EXPECT_NE(load("remediation: {settle: 1s}\n" + std::string(minimal))->clusters[0].digest, first);
    folder.write("demo.token", "other");
    EXPECT_EQ(load(minimal)->clusters[0].digest, first)
        << "a token that was renewed in its place is the same credential";
    folder.write("other.token", "other");
    std::string moved(minimal);
    moved.replace(moved.find("demo.token"), 10, "other.token");
    EXPECT_NE(load(moved)->clusters[0].digest, first);
}

TEST_F(ConfigTest, TheExampleIsAcceptedOnceItsFilesExist) {
    folder.write("demo-ca.pem", R"(-----BEGIN CERTIFICATE-----
MIIBdDCCARmgAwIBAgIUfeQe/hhdc8OGqNLmeXVFKPqyBDYwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEZGVtbzAeFw0yNjAxMDEwMDAwMDBaFw0zNjAxMDEwMDAwMDBa
-----END CERTIFICATE-----
)");
    // The CA above is cut short, so the one fault is about it and about nothing else of the example.
    EXPECT_THAT(faults(example_config()), ElementsAre(HasSubstr("clusters[0].credentials.probe: ")));
}

}  // namespace
}  // namespace aggmedic::daemon
