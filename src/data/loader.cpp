#include "nnunet/data/loader.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "batch_maker.h"
#include "nnunet/core/error.h"

namespace nnunet {

// Workers claim steps in order and put what they made into a ring of slots; next() empties the slots in order.
struct Loader::State {
  using Clock = std::chrono::steady_clock;

  struct Slot {
    bool ready = false;
    Batch batch;
    std::exception_ptr error;
  };

  State(const PreprocessedFolder& folder, std::shared_ptr<const Sampler> sampler, LoaderOptions options)
      : maker(folder, std::move(sampler), std::move(options)) {}

  Slot make(const BatchRequest& what, AugmentScratch& scratch) {
    Slot slot{.ready = true, .batch = {}, .error = {}};
    try {
      slot.batch = maker.make(what, scratch);
    } catch (...) {
      slot.error = std::current_exception();
    }
    return slot;
  }

  BatchRequest request_for(std::int64_t step) const {
    BatchRequest what = epoch;
    what.step = step;
    return what;
  }

  void work(const std::stop_token& stop) {
    AugmentScratch scratch;
    const auto capacity = static_cast<std::int64_t>(slots.size());
    std::unique_lock lock(mutex);
    const auto may_claim = [&] { return claimed < end && claimed < handed + capacity; };
    while (room.wait(lock, stop, may_claim) && !stop.stop_requested()) {
      const BatchRequest what = request_for(claimed++);
      const std::uint64_t started = generation;
      lock.unlock();
      Slot slot = make(what, scratch);
      lock.lock();
      if (started != generation) continue;  // the epoch was abandoned meanwhile
      slots[static_cast<std::size_t>(what.step % capacity)] = std::move(slot);
      ready.notify_all();
    }
  }

  Slot take() {
    if (workers.empty()) return make(request_for(handed++), own_scratch);
    std::unique_lock lock(mutex);
    Slot& place = slots[static_cast<std::size_t>(handed) % slots.size()];
    ready.wait(lock, [&] { return place.ready; });
    ++handed;
    room.notify_all();
    return std::exchange(place, {});
  }

  void start(std::int64_t number, std::int64_t first_step) {
    BatchRequest first = maker.first_request(static_cast<std::uint32_t>(number));
    const std::lock_guard lock(mutex);
    ++generation;
    epoch = std::move(first);
    end = maker.batches_per_epoch();
    handed = claimed = std::min(first_step, end);
    for (Slot& slot : slots) slot = {};
    waited = 0;
    room.notify_all();
  }

  BatchMaker maker;
  AugmentScratch own_scratch;  // for batches that next() makes itself
  double waited = 0;

  std::mutex mutex;
  std::condition_variable_any room, ready;
  BatchRequest epoch;
  std::uint64_t generation = 0;                   // counts start()
  std::int64_t handed = 0, claimed = 0, end = 0;  // steps of this epoch
  std::vector<Slot> slots;
  std::vector<std::jthread> workers;  // last: they end before what they use
};

Loader::Loader(const PreprocessedFolder& folder, std::shared_ptr<const Sampler> sampler, LoaderOptions options)
    : state_(std::make_unique<State>(folder, std::move(sampler), std::move(options))) {
  State& state = *state_;
  const LoaderOptions& checked = state.maker.options();
  state.slots.resize(static_cast<std::size_t>(checked.num_workers) * static_cast<std::size_t>(checked.prefetch));
  for (int i = 0; i < checked.num_workers; ++i) {
    state.workers.emplace_back([&state](const std::stop_token& stop) { state.work(stop); });
  }
}

Loader::~Loader() {
  for (std::jthread& worker : state_->workers) worker.request_stop();
}

std::int64_t Loader::batches_per_epoch() const {
  return state_->maker.batches_per_epoch();
}

void Loader::start_epoch(std::int64_t epoch, std::int64_t first_step) {
  if (epoch < 0 || first_step < 0) throw Error("", "epochs and steps are counted from 0");
  state_->start(epoch, first_step);
}

bool Loader::next(Batch& batch) {
  if (state_->handed >= state_->end) return false;
  const auto start = State::Clock::now();
  State::Slot slot = state_->take();
  state_->waited += std::chrono::duration<double>(State::Clock::now() - start).count();
  if (slot.error) std::rethrow_exception(slot.error);
  batch = std::move(slot.batch);
  return true;
}

double Loader::wait_seconds() const {
  return state_->waited;
}

}  // namespace nnunet
