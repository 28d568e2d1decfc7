#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// kube-apiserver's command line as pflag reads it: --flag=value, --flag value, bare booleans, string slices as CSV that
// add up.
namespace aggmedic::model {

class ApiserverFlags {
  public:
    explicit ApiserverFlags(std::span<const std::string> arguments);

    std::string value(std::string_view flag, std::string_view fallback = {}) const;  // the last one given
    bool given(std::string_view flag) const;
    bool is_true(std::string_view flag, bool fallback) const;
    std::vector<std::string> list(std::string_view flag) const;

  private:
    std::multimap<std::string, std::string, std::less<>> values_;
};

// One value of a string slice: encoding/csv, so a name that holds a comma needs double quotes, and spaces belong to the
// name.
std::vector<std::string> parse_string_slice(std::string_view value);

}  // namespace aggmedic::model
