#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "tests/model/access.hpp"

namespace aggmedic::lab {

// The SubjectAccessReviews of a delegating authorizer: a question that is not in the cache costs a request to
// kube-apiserver. Nothing is asked about system:masters.
class Reviews {
  public:
    // Takes as long as the real one would.
    void ask(const model::Identity& who, const model::Attributes& what);

  private:
    bool is_new(const std::string& question);
    std::mutex mutex_;
    std::map<std::string, std::chrono::steady_clock::time_point> answered_;
};

}  // namespace aggmedic::lab
