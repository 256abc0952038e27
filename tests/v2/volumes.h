#pragma once
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "v2/label_volumes.h"

namespace nnunet::test {

inline std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace nnunet::test
