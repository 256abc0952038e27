#include "nnunet/data/patch_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "batch_queue.h"
#include "case_error.h"
#include "host_pool.h"
#include "nnunet/core/error.h"
#include "patch_recipe_writer.h"

namespace nnunet {
namespace {

void check(const PatchLoaderOptions& o) {
  const auto fail = [](std::string_view option, const std::string& problem, std::string_view remedy) {
    throw Error(option, problem, remedy);
  };
  const std::size_t dim = o.patch_size.size();
  if (dim != 2 && dim != 3) fail("patch_size", fmt::format("{} axes", dim), "give (d,h,w) or (h,w)");
  for (const std::int64_t n : o.patch_size)
    if (n < 1) fail("patch_size", fmt::format("{} is not a size", n), "give positive sizes");
  if (o.steps < 1) fail("steps", fmt::format("an epoch of {}", o.steps), "use at least 1");
  if (o.batch_size < 1) fail("batch_size", fmt::format("{} patches", o.batch_size), "use at least 1");
  if (o.steps > std::numeric_limits<std::uint32_t>::max() / o.batch_size)
    fail("steps", fmt::format("an epoch of {}", o.steps), "use shorter epochs");
  if (!(o.forced_share >= 0 && o.forced_share <= 1))
    fail("oversampling", fmt::format("{} is not a share", o.forced_share), "use 0 to 1");
  if (o.num_workers < 0) fail("num_workers", fmt::format("{} threads", o.num_workers), "use 0 or more");
  if (o.prefetch < 1) fail("prefetch", fmt::format("{} batches", o.prefetch), "use at least 1");
  if (o.recipes && o.previous_stage)
    fail("augmentation", "the GPU cannot make a cascade's patches", "load without recipes");
  check_patch_augmentation(o.augmentation, patch_box(o.patch_size));
}

PatchLoaderOptions checked(PatchLoaderOptions options) {
  check(options);
  return options;
}

class PatchBatches final : public BatchMaker {
 public:
  PatchBatches(std::shared_ptr<const TrainingCases> from, std::vector<std::string> cases, PatchLoaderOptions options)
      : from_(std::move(from)),
        cases_(std::move(cases)),
        options_(checked(std::move(options))),
        labels_(options_.labels),
        patch_(patch_box(options_.patch_size)),
        memory_(options_.allocate) {
    part_ = batch_part(options_.batch_size, options_.processes, options_.rank, options_.forced_share);
    placing_ = {options_.augmentation.initial.value_or(patch_), patch_, options_.labels.ignore.has_value()};
    check_cases();
  }

  std::int64_t batches_per_epoch() const override { return options_.steps; }

  Make maker() override {
    return [this, buffers = std::make_shared<PatchBuffers>()](std::uint32_t epoch, std::int64_t step) {
      return options_.recipes ? make_recipes(epoch, step) : make(epoch, step, *buffers);
    };
  }

 private:
  void check_cases() const {
    if (cases_.empty()) throw Error(from_->place(), "no case to load", "check the folds and the folder");
    const std::vector<std::string> there = from_->names();
    for (const std::string& name : cases_) {
      if (!std::binary_search(there.begin(), there.end(), name))
        throw Error(from_->place(), fmt::format("there is no case {}", name), "check the folds and the folder");
    }
  }

  std::int64_t image_channels() const {
    return options_.channels + (options_.previous_stage ? static_cast<std::int64_t>(labels_.foreground.size()) : 0);
  }

  /// Without memory.
  Batch described(std::int64_t step) const {
    Batch batch;
    batch.step = step;
    batch.image_shape = {part_.size, image_channels()};
    batch.label_shape = {part_.size};
    for (const std::int64_t n : options_.patch_size) {
      batch.image_shape.push_back(n);
      batch.label_shape.push_back(n);
    }
    return batch;
  }

  PatchKey key_of(std::uint32_t epoch, std::int64_t step, std::int64_t element) const {
    const std::int64_t sample = step * options_.batch_size + part_.first + element;
    return {options_.seed, epoch, static_cast<std::uint32_t>(sample), options_.validation};
  }

  Batch make(std::uint32_t epoch, std::int64_t step, PatchBuffers& buffers) const {
    Batch batch = described(step);
    batch.image = memory_.take<float>(Array<float>::count(batch.image_shape));
    batch.label = memory_.take<std::uint8_t>(Array<std::uint8_t>::count(batch.label_shape));
    for (std::int64_t i = 0; i < part_.size; ++i) {
      const PatchKey key = key_of(epoch, step, i);
      const PatchOutput to{batch.image.get() + i * image_channels() * volume(patch_),
                           batch.label.get() + i * volume(patch_)};
      batch.cases.push_back(fill(i, key, [&](const TrainingCase& from, const Shape3& start) {
        augment_patch(from, start, options_.augmentation, patch_, labels_, key, to, buffers);
      }));
    }
    return batch;
  }

  Batch make_recipes(std::uint32_t epoch, std::int64_t step) const {
    Batch batch = described(step);
    PatchRecipeWriter writer(options_.augmentation, patch_, options_.channels, memory_);
    for (std::int64_t i = 0; i < part_.size; ++i) {
      const PatchKey key = key_of(epoch, step, i);
      const PatchDraws draws = draw_patch(options_.augmentation, options_.channels, patch_, key);
      batch.cases.push_back(fill(
          i, key, [&](const TrainingCase& from, const Shape3& start) { writer.add(from, start, draws, labels_); }));
    }
    batch.patches = std::make_shared<const PatchRecipes>(writer.take());
    return batch;
  }

  using UseCase = std::function<void(const TrainingCase& from, const Shape3& start)>;

  /// Draws a case and where the patch lies, and uses them; returns its name. A case that cannot be read is drawn once
  /// only.
  std::string fill(std::int64_t element, const PatchKey& key, const UseCase& use) const {
    CounterRng rng = key.rng(PatchKey::Purpose::element);
    const bool forced = options_.probabilistic ? rng.coin(static_cast<float>(options_.forced_share))
                                               : is_forced(element, part_.size, part_.forced_share);
    std::vector<std::string> left;  // after a bad one
    for (const std::vector<std::string>* among = &cases_; !among->empty(); among = &left) {
      const auto place = static_cast<std::size_t>(rng.integer(static_cast<std::int64_t>(among->size())));
      const std::string name = (*among)[place];
      try {
        place_patch(name, forced, key, use);
        return name;
      } catch (const Error& error) {
        const Error named = error_of_case(name, error);
        if (!options_.bad_cases) throw named;
        options_.bad_cases->add(name, named);
      }
      if (among == &cases_) left = cases_;
      std::erase(left, name);
    }
    throw Error(from_->place(), "none of the training cases can be read", "preprocess them again");
  }

  void place_patch(const std::string& name, bool forced, const PatchKey& key, const UseCase& use) const {
    const TrainingCase from = from_->open(name);
    if (from.channels != options_.channels) {
      throw Error("", fmt::format("its image has {} channels, not {}", from.channels, options_.channels),
                  "preprocess the case again");
    }
    if (from.labels.size() != (options_.previous_stage ? 2U : 1U)) {
      throw Error("", fmt::format("{} label maps, not {}", from.labels.size(), options_.previous_stage ? 2 : 1),
                  "train the previous stage first");
    }
    CounterRng rng = key.rng(PatchKey::Purpose::place);
    use(from, draw_patch_start(from, placing_, forced, rng));
  }

  const std::shared_ptr<const TrainingCases> from_;
  const std::vector<std::string> cases_;
  const PatchLoaderOptions options_;
  const PatchLabels labels_;
  const Shape3 patch_;
  BatchPart part_;
  PatchPlacing placing_;
  BatchMemory memory_;
};

}  // namespace

PatchLoaderOptions patch_loader_options(const ModelPlan& plan, PatchAugmentation augmentation) {
  PatchLoaderOptions options;
  options.patch_size = plan.window.patch;
  options.channels = plan.channels();
  options.labels = plan.labels;
  options.previous_stage = plan.previous_stage;
  options.augmentation = std::move(augmentation);
  return options;
}

std::unique_ptr<BatchSource> load_patches(std::shared_ptr<const TrainingCases> from, std::vector<std::string> cases,
                                          PatchLoaderOptions options) {
  const int workers = options.num_workers, prefetch = options.prefetch;
  auto maker = std::make_unique<PatchBatches>(std::move(from), std::move(cases), std::move(options));
  return std::make_unique<BatchQueue>(std::move(maker), workers, prefetch);
}

}  // namespace nnunet
