#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config.hpp"

namespace aggmedic::daemon {

// Everything that is wrong with one file, in the order of its lines.
class Faults {
  public:
    explicit Faults(std::string file) : file_(std::move(file)) {}

    void add(const YAML::Mark& mark, std::string text);
    void add(std::string text);  // the file as a whole
    void warn(const YAML::Mark& mark, std::string text);

    bool empty() const { return faults_.empty(); }
    std::vector<ConfigFault> take_faults();
    std::vector<ConfigFault> take_warnings();

  private:
    std::string file_;
    std::vector<ConfigFault> faults_, warnings_;
};

// One setting and where it stands.
struct Setting {
    YAML::Node value;
    YAML::Mark mark;   // of the value, or of the key where the value is empty
    std::string path;  // clusters[0].ssh.user
};

// A mapping read strictly: what is no mapping, a key that stands twice and, at finish(), a key that nobody asked for
// are faults. Values are texts, whole numbers and durations as written; YAML's own guesses (yes, 010) are not used.
class MapReader {
  public:
    MapReader(const YAML::Node& node, const YAML::Mark& mark, std::string path, Faults& faults);
    MapReader(const Setting& setting, Faults& faults) : MapReader(setting.value, setting.mark, setting.path, faults) {}

    const YAML::Mark& mark() const { return mark_; }
    const std::string& path() const { return path_; }
    bool is_map() const { return is_map_; }

    // Each makes the key a known one. Nothing: it is not there, or a fault was added.
    std::optional<Setting> find(std::string_view key);
    std::optional<std::string> text(std::string_view key);
    std::optional<int> integer(std::string_view key, int least, int most);
    void duration(std::string_view key, milliseconds least, milliseconds most, milliseconds& value);
    std::optional<std::vector<std::string>> texts(std::string_view key);
    void each(std::string_view key, const std::function<void(const Setting&)>& read);
    // Adds a fault when the key is there: `why` is the rest of the sentence "KEY ...".
    void refuse(std::string_view key, std::string_view why);
    void require(std::string_view key);  // a fault when it is missing
    void finish();

    void fault(const std::string& text) { faults_.add(mark_, text); }
    Faults& faults() { return faults_; }

  private:
    struct Entry {
        std::string key;
        Setting setting;
        YAML::Mark key_mark;
        bool asked = false;
    };
    std::string name_of(std::string_view key) const;

    YAML::Mark mark_;
    std::string path_;
    Faults& faults_;
    bool is_map_ = false;
    std::vector<Entry> entries_;
    std::vector<std::string> known_;
};

// The text of a scalar; a fault when it is none or holds a control character.
std::optional<std::string> scalar_text(const Setting& setting, Faults& faults);

}  // namespace aggmedic::daemon
