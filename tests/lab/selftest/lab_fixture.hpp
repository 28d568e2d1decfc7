#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/lab/lab_spec.hpp"

// A lab for the length of one test: `lab up` before, `lab down` after, and a look at what is left.
namespace aggmedic::lab {

std::string why_no_lab();  // a sentence when this machine cannot run one, else empty

class LabUnderTest {
  public:
    explicit LabUnderTest(std::vector<std::string> options);  // throws when it does not come up
    ~LabUnderTest();
    LabUnderTest(const LabUnderTest&) = delete;
    LabUnderTest& operator=(const LabUnderTest&) = delete;

    // Through one address (a master's, or the load balancer's 10.77.0.10), as the owner of that token.
    model::Answer get(const std::string& address, const std::string& path, const std::string& who) const;
    model::Answer ask(const std::string& method, const std::string& address, const std::string& path,
                      const std::string& who, const std::string& body = {}) const;
    bool eventually(const std::string& address, const std::string& path, const std::string& who, int status) const;

    int command(std::vector<std::string> words) const;  // `lab WORDS --dir DIR`
    struct Output {
        int status = 0;
        std::string text;
    };
    Output ssh(const std::string& master, const std::string& script) const;
    std::string allowed_names() const;  // of the ConfigMap

    const World& world() const { return world_; }
    const std::filesystem::path& directory() const { return directory_; }

  private:
    std::filesystem::path directory_;
    int child_ = 0;
    World world_;
};

// What a lab in that directory left behind: processes and mounts, in words.
std::vector<std::string> leftovers(const std::filesystem::path& directory);

}  // namespace aggmedic::lab
