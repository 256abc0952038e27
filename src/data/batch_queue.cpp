#include "batch_queue.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "nnunet/core/error.h"

namespace nnunet {

// Workers claim steps in order and put what they made into a ring of slots; next() empties the slots in order.
struct BatchQueue::State {
  using Clock = std::chrono::steady_clock;

  struct Slot {
    bool ready = false;
    Batch batch;
    std::exception_ptr error;
  };

  explicit State(std::unique_ptr<BatchMaker> made_by) : maker(std::move(made_by)), own(maker->maker()) {}

  static Slot make(const BatchMaker::Make& made_by, std::uint32_t epoch, std::int64_t step) {
    Slot slot{.ready = true, .batch = {}, .error = {}};
    try {
      slot.batch = made_by(epoch, step);
    } catch (...) {
      slot.error = std::current_exception();
    }
    return slot;
  }

  void work(const std::stop_token& stop) {
    const BatchMaker::Make made_by = maker->maker();
    const auto capacity = static_cast<std::int64_t>(slots.size());
    std::unique_lock lock(mutex);
    const auto may_claim = [&] { return claimed < end && claimed < handed + capacity; };
    while (room.wait(lock, stop, may_claim) && !stop.stop_requested()) {
      const std::int64_t step = claimed++;
      const std::uint32_t of_epoch = epoch;
      const std::uint64_t started = generation;
      lock.unlock();
      Slot slot = make(made_by, of_epoch, step);
      lock.lock();
      if (started != generation) continue;  // the epoch was abandoned meanwhile
      slots[static_cast<std::size_t>(step % capacity)] = std::move(slot);
      ready.notify_all();
    }
  }

  Slot take() {
    if (workers.empty()) return make(own, epoch, handed++);
    std::unique_lock lock(mutex);
    Slot& place = slots[static_cast<std::size_t>(handed) % slots.size()];
    ready.wait(lock, [&] { return place.ready; });
    ++handed;
    room.notify_all();
    return std::exchange(place, {});
  }

  void start(std::int64_t number, std::int64_t first_step) {
    const std::lock_guard lock(mutex);
    ++generation;
    epoch = static_cast<std::uint32_t>(number);
    end = maker->batches_per_epoch();
    handed = claimed = std::min(first_step, end);
    for (Slot& slot : slots) slot = {};
    waited = 0;
    room.notify_all();
  }

  std::unique_ptr<BatchMaker> maker;
  BatchMaker::Make own;  // for batches that next() makes itself
  double waited = 0;

  std::mutex mutex;
  std::condition_variable_any room, ready;
  std::uint32_t epoch = 0;
  std::uint64_t generation = 0;                   // counts start()
  std::int64_t handed = 0, claimed = 0, end = 0;  // steps of this epoch
  std::vector<Slot> slots;
  std::vector<std::jthread> workers;  // last: they end before what they use
};

BatchQueue::BatchQueue(std::unique_ptr<BatchMaker> maker, int workers, int prefetch)
    : state_(std::make_unique<State>(std::move(maker))) {
  State& state = *state_;
  state.slots.resize(static_cast<std::size_t>(workers) * static_cast<std::size_t>(prefetch));
  for (int i = 0; i < workers; ++i)
    state.workers.emplace_back([&state](const std::stop_token& stop) { state.work(stop); });
}

BatchQueue::~BatchQueue() {
  for (std::jthread& worker : state_->workers) worker.request_stop();
}

std::int64_t BatchQueue::batches_per_epoch() const {
  return state_->maker->batches_per_epoch();
}

void BatchQueue::start_epoch(std::int64_t epoch, std::int64_t first_step) {
  if (epoch < 0 || first_step < 0) throw Error("", "epochs and steps are counted from 0");
  state_->start(epoch, first_step);
}

bool BatchQueue::next(Batch& batch) {
  if (state_->handed >= state_->end) return false;
  const auto start = State::Clock::now();
  State::Slot slot = state_->take();
  state_->waited += std::chrono::duration<double>(State::Clock::now() - start).count();
  if (slot.error) std::rethrow_exception(slot.error);
  batch = std::move(slot.batch);
  return true;
}

double BatchQueue::wait_seconds() const {
  return state_->waited;
}

}  // namespace nnunet
