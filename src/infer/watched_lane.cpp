#include "nnunet/infer/watched_lane.h"

#include <utility>
#include <vector>

namespace nnunet {
namespace {

class WatchedLane final : public WindowLane {
 public:
  WatchedLane(std::unique_ptr<WindowLane> lane, LaneWatch watch) : lane_(std::move(lane)), watch_(std::move(watch)) {}

  void begin(const WindowPlan& plan, const Array<float>& importance, Deliver deliver) override {
    total_ = static_cast<std::int64_t>(plan.jobs.size());
    done_ = 0;
    lane_->begin(plan, importance, std::move(deliver));
  }
  void keep_waiting_sums_in(const std::filesystem::path& folder) override { lane_->keep_waiting_sums_in(folder); }
  float* input(const std::vector<std::int64_t>& shape) override { return lane_->input(shape); }
  std::vector<std::int64_t> run() override {
    if (watch_.before_run) watch_.before_run();
    if (!watch_.run) return lane_->run();
    std::vector<std::int64_t> shape;
    watch_.run([&] { shape = lane_->run(); });
    return shape;
  }
  void wait() override { lane_->wait(); }
  void make_sums(std::int64_t classes) override { lane_->make_sums(classes); }
  void add(const WindowJob& job, std::int64_t i) override {
    lane_->add(job, i);
    count();
  }
  void keep(std::int64_t i) override { lane_->keep(i); }
  void forget_kept() override { lane_->forget_kept(); }
  void add_kept(const WindowJob& job) override {
    lane_->add_kept(job);
    count();
  }
  void finish(const WindowRow& row) override { lane_->finish(row); }
  void settle() override { lane_->settle(); }
  std::int64_t bytes() const override { return lane_->bytes(); }
  bool runs_beside() const override { return lane_->runs_beside(); }

 private:
  void count() {
    ++done_;
    if (watch_.windows) watch_.windows(done_, total_);
  }

  std::unique_ptr<WindowLane> lane_;
  LaneWatch watch_;
  std::int64_t total_ = 0, done_ = 0;
};

}  // namespace

std::unique_ptr<WindowLane> watched(std::unique_ptr<WindowLane> lane, LaneWatch watch) {
  return std::make_unique<WatchedLane>(std::move(lane), std::move(watch));
}

}  // namespace nnunet
