#include "tests/lab/master_restarts.hpp"

#include <algorithm>
#include <thread>

#include "tests/lab/causes.hpp"
#include "tests/lab/master_hands.hpp"
#include "tests/lab/process.hpp"

namespace aggmedic::lab {
namespace {

namespace fs = std::filesystem;

std::string everything_in(const fs::path& directory) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(directory)) files.push_back(entry.path());
    std::ranges::sort(files);
    std::string text;
    for (const auto& file : files) text += file.string() + "\n" + read_file(file);
    return text;
}

// The directory as the master itself means it: its links are absolute.
fs::path real_config(const Running& running, std::size_t master) {
    const fs::path root = "/proc/" + std::to_string(running.masters.at(master)) + "/root";
    const fs::path job = fs::read_symlink(root / "var/vcap/jobs/kube-apiserver");
    return fs::path(root.string() + job.string()) / "config";
}

void restart(const Running& running, const std::vector<std::size_t>& masters) {
    std::vector<std::thread> all;
    for (const std::size_t master : masters)
        all.emplace_back([&running, master] {
            shell_in(running, master,
                     "/var/vcap/jobs/bpm/bin/bpm stop kube-apiserver; /var/vcap/jobs/bpm/bin/bpm start kube-apiserver");
        });
    for (auto& one : all) one.join();
}

bool all_answer(const LabSpec& spec, const std::vector<std::size_t>& masters) {
    const World world = load_world(spec.directory);
    return std::ranges::all_of(masters, [&](std::size_t master) {
        HttpClient client({world.masters.at(master).address, 8443}, TlsAsking{});
        HttpRequest request;
        request.target = "/healthz";
        request.headers = {{"Authorization", "Bearer " + read_file(world.pki("admin.token"))}};
        const auto reply = client.exchange(request, std::chrono::seconds(2));
        return reply && reply->status == 200;
    });
}

void renew_proxy_files(const LabSpec& spec, const fs::path& config) {
    for (const char* end : {".pem", "-key.pem"}) {
        const fs::path file = config / (std::string("proxy-client") + end);
        write_file(file, read_file(spec.directory / (std::string("pki/proxy-renewed") + end)));
        // In whole seconds of the file's time nobody could tell it from a start just before.
        fs::last_write_time(file, fs::file_time_type::clock::now() + std::chrono::seconds(10));
    }
}

// Without those that cannot start.
std::vector<std::size_t> able(const LabSpec& spec, std::vector<std::size_t> masters) {
    const auto generation = model::generation_of(spec.generation);
    std::erase_if(masters, [&](std::size_t master) {
        return (spec.has("proxy-key-mismatch", master) && generation.checks_proxy_key_at_start()) ||
               (spec.has("empty-names", master) && generation.refuses_shared_ca_without_names());
    });
    return masters;
}

}  // namespace

bool has_config_break(const LabSpec& spec) {
    return std::ranges::any_of(spec.breaks, [](const Break& item) {
        return std::ranges::any_of(deeds_of(item.cause), [](const Deed& deed) {
            return deed.how == How::config || deed.how == How::config_beside_pods;
        });
    });
}

void apply_config(const LabSpec& spec, const Running& running, bool all) {
    std::vector<std::size_t> moved, last;
    for (std::size_t i = 0; i < spec.masters; ++i) {
        const fs::path config = real_config(running, i);
        const std::string before = everything_in(config);
        write_master_config(spec, i, "/proc/" + std::to_string(running.masters.at(i)) + "/root/var/vcap");
        if (spec.has("last-writer-wins", i)) last.push_back(i);
        if (all || everything_in(config) != before) moved.push_back(i);
    }
    restart(running, moved);
    wait_until([&] { return all_answer(spec, able(spec, moved)); }, std::chrono::seconds(20));
    if (!last.empty()) {
        restart(running, last);
        wait_until([&] { return all_answer(spec, last); }, std::chrono::seconds(10));
    }
    if (!spec.has("proxy-cert-renewed-late")) return;
    for (const std::size_t master : moved) renew_proxy_files(spec, real_config(running, master));
}

}  // namespace aggmedic::lab
