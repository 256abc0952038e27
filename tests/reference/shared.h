#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <string>

namespace nnunet::test {

/// ../shared beside the checkout: real images and reference numbers.
inline std::filesystem::path shared_dir() {
  return NNUNET_SHARED_DIR;
}

/// A folder that is removed at the end of the test.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nnunet_test_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace nnunet::test

/// First line of a test that needs a file or folder of ../shared: skips loudly where it is absent.
#define NNUNET_NEEDS_SHARED(name)                                                                      \
  if (!std::filesystem::exists(nnunet::test::shared_dir() / (name))) {                                 \
    std::cerr << "SKIPPED: " << (nnunet::test::shared_dir() / (name)) << " is not there" << std::endl; \
    GTEST_SKIP() << (nnunet::test::shared_dir() / (name)) << " is not there";                          \
  }
