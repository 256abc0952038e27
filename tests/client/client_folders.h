#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "nnunet/client/segment_images.h"
#include "reference/shared.h"
#include "serve/fake_model.h"

namespace nnunet::test {

/// A folder with images and one for label maps, and what is asked of a server.
class ClientFolders : public testing::Test {
 protected:
  RemoteSegmentationOptions options(const FakeServer& server) const {
    RemoteSegmentationOptions o;
    o.server.url = "http://127.0.0.1:" + std::to_string(server.port());
    o.model = "fake";
    o.input = in();
    o.output = out();
    o.timeout = std::chrono::seconds(30);
    return o;
  }
  std::filesystem::path in(const std::string& name = {}) const { return folder_ / "in" / name; }
  std::filesystem::path out(const std::string& name = {}) const { return folder_ / "out" / name; }

  TempFolder folder_;
};

}  // namespace nnunet::test
