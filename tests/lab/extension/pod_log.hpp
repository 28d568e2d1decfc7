#pragma once

#include <filesystem>
#include <mutex>
#include <string>

#include "tests/lab/world.hpp"
#include "tests/model/extension_log.hpp"

// The log of a pod's containers, one file each: what kube-apiserver hands out under pods/NAME/log.
namespace aggmedic::lab {

std::filesystem::path container_log(const World& world, const std::string& name_space, const std::string& pod,
                                    int restarts);

class PodLog {
  public:
    explicit PodLog(const World& world) : world_(world) {}

    void begin(const std::string& name_space, const std::string& pod, int restarts);
    void write(const model::LogLines& lines);
    static model::LogStamp stamp();  // now

  private:
    const World& world_;
    std::mutex mutex_;
    std::filesystem::path file_;
};

}  // namespace aggmedic::lab
