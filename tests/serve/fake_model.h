#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/serve/http.h"
#include "nnunet/serve/service.h"

namespace nnunet::test {

/// Waits for it, 20 s at most.
template <class Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

/// What a FakeModel did, and what it shall wait for.
struct FakeControl {
  int channels = 2;               ///< of the model, 1 or 2
  std::atomic<bool> hold{false};  ///< forward and segment wait while it is set
  std::atomic<int> inside{0};     ///< threads in one of them
  std::mutex mutex;
  std::vector<std::int64_t> batches;
  std::string made_with = R"({"networks":["1234"]})";  ///< what the model says of itself

  void wait(const serve::SegmentWatch* watch = nullptr) {
    ++inside;
    try {
      while (hold) {
        if (watch != nullptr) watch->check();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    } catch (...) {
      --inside;
      throw;
    }
    --inside;
  }
};

inline constexpr std::int64_t fake_voxels = 4 * 6;

/// Patches (n,2,4,6), or of one channel, which counts as if the second were 0; logits (n,3,4,6): (k + 1) x0 - x1. A
/// volume's label is 1 where its first channel is above 0.5.
class FakeModel final : public serve::ServedModel {
 public:
  explicit FakeModel(std::shared_ptr<FakeControl> control) : control_(std::move(control)) {
    data_.patch_size = {4, 6};
    data_.spacings = {1, 1};
    data_.in_channels = control_->channels;
    data_.n_class = 3;
    data_.labels = {"background", "one", "two"};
  }
  const DataConfig& data() const override { return data_; }
  std::string made_with() const override {
    const std::lock_guard lock(control_->mutex);
    return control_->made_with;
  }

  static std::vector<float> logits(const std::vector<float>& x) {
    std::vector<float> result;
    for (std::size_t i = 0; i < x.size(); i += 2 * fake_voxels)
      for (std::size_t k = 1; k <= 3; ++k)
        for (std::size_t v = 0; v < fake_voxels; ++v)
          result.push_back(static_cast<float>(k) * x[i + v] - x[i + fake_voxels + v]);
    return result;
  }

  void forward(std::int64_t n, const float* x, float* to) override {
    control_->wait();
    {
      const std::lock_guard lock(control_->mutex);
      control_->batches.push_back(n);
    }
    std::vector<float> both;
    for (std::int64_t i = 0; i < n; ++i) {
      both.insert(both.end(), x + i * data_.in_channels * fake_voxels, x + (i + 1) * data_.in_channels * fake_voxels);
      both.resize(static_cast<std::size_t>((i + 1) * 2 * fake_voxels));
    }
    const auto result = logits(both);
    std::copy(result.begin(), result.end(), to);
  }

  LabelMap segment(const std::string& name, Image image, serve::SegmentWatch& watch) override {
    watch.progress = 0.5;
    control_->wait(&watch);
    if (image.voxels.size(0) != data_.in_channels) throw Error(name, "has the wrong number of channels");
    LabelMap map;
    const Shape3 shape = image.geometry.shape;
    map.voxels = Array<std::uint8_t>({shape[0], shape[1], shape[2]});
    for (std::size_t i = 0; i < map.voxels.values.size(); ++i) map.voxels.values[i] = image.voxels.values[i] > 0.5F;
    map.geometry = image.geometry;
    return map;
  }

  std::int64_t memory(const NiftiInfo& image) const override {
    const Spacing3& s = image.geometry.spacing;
    return static_cast<std::int64_t>(static_cast<double>(image.voxels()) * 4 * s[0] * s[1] * s[2]);
  }

 private:
  std::shared_ptr<FakeControl> control_;
  DataConfig data_;
};

/// A server with one fake model "fake" on a free port of the loopback.
struct FakeServer {
  explicit FakeServer(serve::ServiceOptions options = {}, serve::HttpOptions http = {}, int channels = 2,
                      std::vector<dicom::Segment> segments = {})
      : control([&] {
          auto made = std::make_shared<FakeControl>();
          made->channels = channels;
          return made;
        }()),
        service(std::move(options), {{"fake", [c = control] { return std::make_unique<FakeModel>(c); }, segments}}),
        server(
            [&] {
              http.port = 0;
              return http;
            }(),
            service) {}
  ~FakeServer() { control->hold = false; }

  std::uint16_t port() const { return server.port(); }

  std::shared_ptr<FakeControl> control;
  serve::Service service;
  serve::HttpServer server;
};

}  // namespace nnunet::test
