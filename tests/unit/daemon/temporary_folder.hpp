#pragma once

#include <stdlib.h>  // mkdtemp

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace aggmedic::daemon {

// A folder of a test's own, gone with it.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        auto name = (std::filesystem::temp_directory_path() / "aggmedic-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const { return path_; }

    std::filesystem::path write(const std::string& name, std::string_view text, bool secret = true) const {
        const auto file = path_ / name;
        std::ofstream(file, std::ios::binary) << text;
        using std::filesystem::perms;
        auto allowed = perms::owner_read | perms::owner_write;
        if (!secret) allowed |= perms::others_read;
        std::filesystem::permissions(file, allowed);
        return file;
    }

  private:
    std::filesystem::path path_;
};

}  // namespace aggmedic::daemon
