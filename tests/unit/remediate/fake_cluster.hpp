#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/remote_host.hpp"
#include "remediate/plan.hpp"
#include "remediate/run_edge.hpp"

namespace aggmedic::remediate {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A master in memory that does what the helper, its supervisor (bpm and monit, systemd, a kubelet) and kube-apiserver
// do, under virtual time.
struct FakeMaster {
    std::string name, address, platform = "bosh";
    std::string bytes, backup, backup_name, lock;
    std::string boot = "11111111-0000-0000-0000-000000000001";
    std::string owner = "root", group = "vcap", mode = "0640";
    std::string disk_kb = "9999999", memory_kb = "4000000";
    std::string proxy_pem;     // behind --proxy-client-cert-file
    std::string missing_flag;  // its file does not exist
    std::string other_service = "running";

    bool runs = true;
    int pid = 4000;
    std::uint64_t start_ticks = 100;
    std::vector<std::string> arguments;  // of the live process, argv[0] included
    bool ready = true;

    std::string advertised;  // what default/kubernetes lists it by, where that is not its address
    void advertise(const std::string& other);
    bool is_listed = true;

    // What a restart does here, and when.
    bool monit_does_nothing = false, never_ready = false, never_starts = false;
    milliseconds stop_time{2000}, start_time{5000}, ready_time{4000};
    struct Due {
        milliseconds at;
        enum class What { stop, start, ready } what;
    };
    std::vector<Due> due;

    // As if it had always been one: the same arguments, in the files of that platform.
    void become(const std::string& other);
    std::string path() const;
    std::string backup_path(const std::string& run) const;
    std::vector<std::string> argv_in_files() const;  // the program first
    milliseconds changed_at{-1'000'000};             // when its file got its bytes
    std::string drop_in = "[Service]\nLimitNOFILE=65536\n";
    bool needs_reload = false;  // of systemd
    bool kubelet_runs = true;

    std::string look_text(milliseconds now) const;
    std::vector<std::string> names() const;  // that the live process allows
};

// An extension API server behind one APIService.
struct FakeApi {
    std::string name;
    bool reads_once = false;        // the published names only at its start
    bool trusts_client_ca = false;  // answers a rejected proxy as an ordinary client: masked
    bool sends_pair = true;         // library of 1.20 or later
    std::vector<std::string> known;
    std::vector<std::string> pods{"catalog-1"};  // as their UIDs; whose Ready condition is True
    bool replaces_pods = true;                   // the pods' controller makes another one, which becomes Ready
    std::string name_space = "catalog";
};

// What goes wrong at the n-th exchange of a run, counted over SSH and HTTPS.
enum class Fault { none, refused, lost_before, lost_after, garbage };

// A cluster in memory: the apiserver side and the SSH side of a run, its clock, and what an observation of it says.
class FakeCluster : public RunEdge, public HostConnector, public SshAccess {
  public:
    explicit FakeCluster(int masters = 3);

    std::vector<FakeMaster> masters;
    std::vector<FakeApi> apis;
    std::vector<std::string> published_names{"aggregator"};
    std::string added_mark;                     // the annotation aggmedic/added
    std::optional<std::string> odd_names_text;  // what the key holds instead of the list
    int resource_version = 100;
    int other_writers = 0;        // so many PATCHes are overtaken by somebody else's write
    unsigned patch_status = 200;  // of a PATCH that is no dry run
    bool dry_run_works = true;
    std::vector<std::string> deleted_pods;
    std::vector<std::string> patches;  // that were taken: "dry run", "written"
    std::string kubernetes = "v1.20.2";
    std::string unreachable;  // the master that SSH does not get to any more
    bool blocks_configmap_writes = false;
    bool shared_ca = true;
    bool balancer_answers = true;
    unsigned verify_status = 0;  // of every other path; 0: 503 until the published list holds the name
    std::string verify_body = "{}";
    bool maps_pods = true;  // the probe may read which service and pods stand behind an API
    unsigned endpoints_status = 200;
    bool etcd_is_healthy = true;
    bool has_dead_webhook = false;  // that fails closed, covers ConfigMaps, and has no backend

    int exchanges = 0;
    int fault_at = -1;
    Fault fault = Fault::none;
    std::function<void()> before_exchange;  // called with each exchange; may throw to kill the daemon

    FakeMaster& master(const std::string& name);
    PlanInput input() const;                                        // a fresh look at everything
    void try_requests(std::vector<VerifyRequest>& requests) const;  // as planning does, through every master
    TimePoint wall() const;
    milliseconds elapsed{0};
    std::vector<std::string> verbs;  // that were called, with the master: "swap m0"

    // RunEdge
    asio::awaitable<probes::Seen<probes::Answer>> readyz(std::string master) override;
    asio::awaitable<probes::Seen<probes::PublishedAuth>> published(std::string master) override;
    asio::awaitable<probes::ApiServiceAttempts> apiservice(std::string master, probes::ApiService api) override;
    asio::awaitable<Result<HttpReply>> as_probe(std::string master, HttpRequest request) override;
    asio::awaitable<Result<HttpReply>> as_repair(HttpRequest request) override;
    asio::awaitable<void> sleep(milliseconds duration) override;
    SteadyTime now() override { return SteadyTime(elapsed); }

    // HostConnector, SshAccess
    asio::awaitable<Result<std::unique_ptr<RemoteHost>>> connect(SshTarget target, milliseconds timeout) override;
    asio::awaitable<Result<SshTarget>> acquire(std::string master) override;
    asio::awaitable<void> release(std::string master) override;

    Result<VerbReply> call(const std::string& master, const VerbCall& call);  // with its fault
    int acquired = 0;

  private:
    Fault next_exchange();
    void pass(milliseconds duration);
    void happen(FakeMaster& master, const FakeMaster::Due& due);
    VerbReply do_verb(FakeMaster& master, const VerbCall& call);
    std::string ask_restart(FakeMaster& master, const std::vector<std::string>& arguments);
    void publish();
    HttpReply serve_probe(const std::string& path) const;
    HttpReply serve_pods(const HttpRequest& request);
    HttpReply serve_config_map(const HttpRequest& request);
    void see_manifest(FakeMaster& master);
    void start_again(FakeMaster& master);
    probes::PublishedAuth published_auth() const;
    probes::ApiServiceAttempts attempts(const FakeMaster& master, const FakeApi& api) const;
    probes::ApiserverView view(const FakeMaster* master) const;

    std::vector<probes::Certificate> requestheader_ca_, client_ca_;
};

constexpr const char* demo_cn = "demo.pks.ik.am";
std::string fixture(const std::string& path);

// The one acceptance that a plan on a fresh FakeCluster needs.
AcceptedRisk accepted_shared_ca(const PlanInput& input, const std::string& by = "uid=0");

}  // namespace aggmedic::remediate
