#include "run.h"

#include <fmt/format.h>
#include <omp.h>

#include <mutex>

#include "nnunet/core/cancelled.h"
#include "objects.h"

namespace nnunet::c_api {
namespace {

constexpr std::int32_t kMostThreads = 1024;  // OpenMP ends the process where it cannot start them

PredictorOptions window_options(const nnunet_run_options& o) {
  PredictorOptions windows;
  if (o.tile_step != 0) {
    if (!(o.tile_step > 0 && o.tile_step <= 1))
      throw InvalidCall(fmt::format("tile_step: {} is not in (0, 1]", o.tile_step));
    windows.overlap = 1 - o.tile_step;
  }
  if (checked(o.mirroring, "mirroring") != NNUNET_AS_MODEL) windows.tta = o.mirroring == NNUNET_ON;
  if (checked(o.gaussian, "gaussian") == NNUNET_OFF) windows.blend = Blend::constant;
  windows.precise = checked(o.precise, "precise") == NNUNET_ON;
  if (o.batch_size < 0) throw InvalidCall(fmt::format("batch_size: {} is below 0", o.batch_size));
  windows.batch_size = o.batch_size;
  if (o.scratch != nullptr) windows.scratch = o.scratch;
  return windows;
}

}  // namespace

nnunet_choice checked(nnunet_choice choice, const char* name) {
  if (choice < NNUNET_AS_MODEL || choice > NNUNET_OFF)
    throw InvalidCall(fmt::format("{}: {} is none of the choices", name, choice));
  return choice;
}

void check_threads(std::int32_t threads) {
  if (threads < 0 || threads > kMostThreads)
    throw InvalidCall(fmt::format("threads: {} is not in [0, {}]", threads, kMostThreads));
}

Run::Run(const nnunet_run_options* options)
    : options_(read_struct(options, "run options")), windows_(window_options(options_)) {
  check_threads(options_.threads);
}

int Run::threads() const {
  return options_.threads > 0 ? options_.threads : omp_get_max_threads();
}

void Run::tell(std::int64_t done, std::int64_t total, const std::string& name, std::int64_t image,
               std::int64_t images) const {
  if (options_.progress == nullptr) return;
  const nnunet_progress progress{sizeof(nnunet_progress), done, total, image, images, name.c_str()};
  if (options_.progress(options_.progress_user, &progress) != 0) throw Cancelled();
}

LaneWatch Run::watch(nnunet_model& model, const std::string& name, std::int64_t image, std::int64_t images) const {
  LaneWatch watch;
  watch.run = [&model](const std::function<void()>& network) {
    const std::lock_guard lock(model.networks);
    network();
  };
  watch.windows = [this, name, image, images](std::int64_t done, std::int64_t total) {
    tell(done, total, name, image, images);
  };
  return watch;
}

ThreadCount::ThreadCount(int threads) : former_(omp_get_max_threads()) {
  if (threads > 0) omp_set_num_threads(threads);
}
ThreadCount::~ThreadCount() {
  omp_set_num_threads(former_);
}

}  // namespace nnunet::c_api
