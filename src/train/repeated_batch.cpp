#include "repeated_batch.h"

#include <algorithm>

#include "nnunet/core/array.h"
#include "nnunet/core/random.h"

namespace nnunet {
namespace {

template <class T>
std::shared_ptr<T> memory_for(const PatchLoaderOptions& options, const std::vector<std::int64_t>& shape) {
  const auto count = static_cast<std::size_t>(Array<T>::count(shape));
  if (options.allocate) return std::static_pointer_cast<T>(options.allocate(count * sizeof(T)));
  return std::shared_ptr<T>(new T[count], std::default_delete<T[]>());
}

class RepeatedBatch final : public BatchSource {
 public:
  explicit RepeatedBatch(const PatchLoaderOptions& options) : steps_(options.steps) {
    const BatchPart part = batch_part(options.batch_size, options.processes, options.rank, options.forced_share);
    const int foreground = options.labels.foreground_labels();
    batch_.image_shape = {part.size, options.channels + (options.previous_stage ? foreground : 0)};
    batch_.label_shape = {part.size};
    for (auto* const shape : {&batch_.image_shape, &batch_.label_shape})
      shape->insert(shape->end(), options.patch_size.begin(), options.patch_size.end());
    batch_.image = memory_for<float>(options, batch_.image_shape);
    batch_.label = memory_for<std::uint8_t>(options, batch_.label_shape);
    batch_.cases.assign(static_cast<std::size_t>(part.size), "random numbers");
    CounterRng rng(options.seed, 0, static_cast<std::uint32_t>(options.rank), 0);
    std::generate_n(batch_.image.get(), Array<float>::count(batch_.image_shape), [&] { return rng.uniform(); });
    std::generate_n(batch_.label.get(), Array<float>::count(batch_.label_shape),
                    [&] { return static_cast<std::uint8_t>(rng.integer(foreground + 1)); });
  }

  std::int64_t batches_per_epoch() const override { return steps_; }
  void start_epoch(std::int64_t, std::int64_t first_step) override { next_ = first_step; }
  bool next(Batch& batch) override {
    if (next_ >= steps_) return false;
    batch = batch_;
    batch.step = next_++;
    return true;
  }
  double wait_seconds() const override { return 0; }

 private:
  std::int64_t steps_, next_ = 0;
  Batch batch_;
};

}  // namespace

std::unique_ptr<BatchSource> repeat_random_batch(const PatchLoaderOptions& options) {
  return std::make_unique<RepeatedBatch>(options);
}

}  // namespace nnunet
