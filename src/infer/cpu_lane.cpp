#include <optional>

#include "cpu_sums.h"
#include "mirrored_mean.h"
#include "nnunet/infer/window_lane.h"

namespace nnunet {
namespace {

/// With one of the strides of classes and x being 1, as our kernels read them.
Logits readable(Logits logits) {
  if (logits.strides.back() == 1 || logits.strides[1] == 1) return logits;
  float* to = nullptr;
  Logits plain = Logits::make(logits.shape, to);
  logits.copy_to(to);
  return plain;
}

class CpuLane final : public WindowLane {
 public:
  explicit CpuLane(std::vector<ForwardFunction> networks) : networks_(std::move(networks)) {}

  void keep_waiting_sums_in(const std::filesystem::path& folder) override { scratch_ = folder; }

  void begin(const WindowPlan& plan, const Array<float>& importance, Deliver deliver) override {
    plan_ = &plan;
    importance_ = &importance;
    deliver_ = std::move(deliver);
    sums_.reset();
    kept_.clear();
    logits_.clear();
    choose_forwards();
  }

  float* input(const std::vector<std::int64_t>& shape) override {
    shape_ = shape;
    const auto count = static_cast<std::size_t>(Array<float>::count(shape));
    if (windows_.size() < count) windows_.resize(count);
    return windows_.data();
  }

  std::vector<std::int64_t> run() override {
    logits_.clear();  // their memory, for the next ones
    const WindowBatch windows{windows_.data(), shape_};
    if (own_sums())
      for (const ForwardFunction& forward : forwards_) logits_.push_back(forward(windows));
    else
      logits_.push_back(mean_logits(forwards_, memory_, windows));
    for (Logits& logits : logits_) {
      if (logits.strides.size() == shape_.size()) logits = readable(std::move(logits));
      if (logits.shape != logits_.front().shape) return {};
    }
    return logits_.front().shape;
  }

  void make_sums(std::int64_t classes) override {
    sums_ = own_sums() ? make_half_sums(*plan_, *importance_, classes, networks_.size(), deliver_, scratch_)
                       : make_scaled_sums(*plan_, *importance_, classes, deliver_, scratch_);
  }
  void add(const WindowJob& job, std::int64_t i) override { sums_->add(job, logits_, i); }
  void keep(std::int64_t i) override {
    kept_ = logits_;
    kept_window_ = i;
  }
  void forget_kept() override { kept_.clear(); }
  void add_kept(const WindowJob& job) override { sums_->add(job, kept_, kept_window_); }
  void finish(const WindowRow& row) override { sums_->finish(row); }
  std::int64_t bytes() const override { return sums_->bytes(); }

 private:
  /// Whether each network's logits are added up and rounded by themselves, not their mean.
  bool own_sums() const { return plan_->rules.sums == SumType::fp16; }

  /// The networks, or their means over the mirror images of each window.
  void choose_forwards() {
    forwards_ = networks_;
    const auto images = mirror_images(plan_->rules);
    if (images.size() == 1 || plan_->rules.mirrored_unit == MirroredUnit::volume) return;
    auto mean = std::make_shared<MirroredMean>(images);
    for (ForwardFunction& forward : forwards_) {
      if (own_sums() && networks_.size() > 1) mean = std::make_shared<MirroredMean>(images);  // all are held at a time
      forward = [mean, network = std::move(forward)](const WindowBatch& windows) {
        return mean->forward(network, windows);
      };
    }
  }

  std::vector<ForwardFunction> networks_, forwards_;
  std::filesystem::path scratch_;
  const WindowPlan* plan_ = nullptr;
  const Array<float>* importance_ = nullptr;
  Deliver deliver_;
  std::vector<std::int64_t> shape_;
  std::vector<float> windows_;
  LogitMemory memory_;
  std::vector<Logits> logits_, kept_;  ///< of each network, or their mean
  std::int64_t kept_window_ = 0;       ///< of the kept batch
  std::unique_ptr<CpuSums> sums_;
};

}  // namespace

std::unique_ptr<WindowLane> make_cpu_lane(std::vector<ForwardFunction> networks) {
  return std::make_unique<CpuLane>(std::move(networks));
}

}  // namespace nnunet
