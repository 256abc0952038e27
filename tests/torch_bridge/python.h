#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "reference/shared.h"

namespace nnunet::test {

/// The Python interpreter that has torch, as the set-up script noted it; empty when there is none.
inline std::string python_with_torch() {
  std::string python;
  std::getline(std::ifstream(NNUNET_PYTHON_FILE), python);
  return python;
}

/// Runs a script in the folder; its exit status.
inline int run_python(const TempFolder& folder, const std::string& script) {
  std::ofstream(folder / "script.py") << script;
  const std::string command =
      "cd '" + folder.path().string() + "' && '" + python_with_torch() + "' -W ignore script.py";
  return std::system(command.c_str());
}

}  // namespace nnunet::test

#define NNUNET_NEEDS_PYTHON()                                                           \
  if (nnunet::test::python_with_torch().empty()) {                                      \
    std::cerr << "SKIPPED: no Python with torch (" NNUNET_PYTHON_FILE ")" << std::endl; \
    GTEST_SKIP() << "no Python with torch";                                             \
  }
