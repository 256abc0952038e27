#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>

#include "nnunet/infer/predictor.h"
#include "nnunet/serve/served_model.h"

namespace nnunet::app {

/// Lets one thread at a time use the device, in the order of asking: a volume of many windows lets patches in between.
class DeviceTurn {
 public:
  class Scope {
   public:
    explicit Scope(DeviceTurn& turn) : turn_(turn) { turn_.take(); }
    ~Scope() { turn_.give_back(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    DeviceTurn& turn_;
  };

 private:
  void take();
  void give_back();

  std::mutex mutex_;
  std::condition_variable next_;
  std::uint64_t last_ticket_ = 0, now_ = 0;
};

/// A Predictor as the server sees it. turn: shared by all models of a device.
std::unique_ptr<serve::ServedModel> serve_predictor(Predictor predictor, std::shared_ptr<DeviceTurn> turn);

}  // namespace nnunet::app
