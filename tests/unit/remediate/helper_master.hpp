#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace aggmedic::remediate {

struct Finished {
    int status = 0;
    std::string output, error_output;
};
Finished run_program(const std::vector<std::string>& argv, const std::string& input = {});

// A master for the helper script alone: a mount namespace with its own /var and /run, a stand-in for monit and a
// process that is named kube-apiserver. Needs root and unshare.
class HelperMaster {
  public:
    explicit HelperMaster(std::string shell);  // dash, bash, busybox
    ~HelperMaster();
    HelperMaster(const HelperMaster&) = delete;
    HelperMaster& operator=(const HelperMaster&) = delete;

    static std::string why_not();  // empty: it can be made here

    Finished call(const std::string& verb, const std::vector<std::string>& arguments, const std::string& input = {});
    Finished inside(const std::string& command);  // any command, in this master's mounts

    void write(const std::string& path, const std::string& bytes);  // a path as the master sees it
    std::string read(const std::string& path) const;
    bool exists(const std::string& path) const;
    std::vector<std::string> config_files() const;  // of the job's configuration directory

    void start_process(const std::vector<std::string>& arguments);
    pid_t process() const { return process_; }
    std::string start_ticks() const;

    static constexpr const char* config = "/var/vcap/data/jobs/kube-apiserver/1/config";

  private:
    std::filesystem::path real(const std::string& path) const;

    std::string shell_;
    std::filesystem::path root_;
    pid_t holder_ = -1, process_ = -1;
};

}  // namespace aggmedic::remediate
