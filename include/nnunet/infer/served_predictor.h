#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "nnunet/infer/predictor.h"
#include "nnunet/serve/served_model.h"

namespace nnunet {

/// The thread that runs the networks of a device, one piece of work at a time in the order of asking: a volume of many
/// windows lets patches in between. One thread, because OpenMP keeps helpers for each thread that asks; as soon as
/// these are more than the cores they sleep at every barrier, which makes a forward a tenth slower.
class DeviceThread {
 public:
  DeviceThread();
  /// Finishes what was asked for.
  ~DeviceThread();
  DeviceThread(const DeviceThread&) = delete;
  DeviceThread& operator=(const DeviceThread&) = delete;

  /// Returns when it is done; throws what it throws. Not from this thread itself.
  void run(std::function<void()> work);

 private:
  void loop();

  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::packaged_task<void()>> queue_;
  bool ending_ = false;
  std::jthread thread_;  ///< last: it uses all of the above
};

/// What a model's networks do not say of its images.
struct ServedImages {
  ImageFormat format = {};
  std::vector<std::string> channels = {};  ///< names; empty: not known
};

/// A Predictor as the server sees it. device: shared by all models of a device. Throws Error for what the server has no
/// way for: a cascade's second stage, label maps of 16 bits, readers that take no NIfTI files.
std::unique_ptr<serve::ServedModel> serve_predictor(Predictor predictor, std::shared_ptr<DeviceThread> device,
                                                    ServedImages images = {});

}  // namespace nnunet
