#include "folder_batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

void check(const LoaderOptions& o, const std::vector<std::int64_t>& cases, const PreprocessedFolder& folder) {
  const auto fail = [](std::string_view option, const std::string& problem, std::string_view remedy) {
    throw Error(option, problem, remedy);
  };
  const std::size_t dim = o.patch_size.size();
  if (dim != 2 && dim != 3) fail("patch_size", fmt::format("{} axes", dim), "give (d,h,w) or (h,w)");
  for (const std::int64_t n : o.patch_size) {
    if (n < 1) fail("patch_size", fmt::format("{} is not a size", n), "give positive sizes");
  }
  if (o.batch_size < 1) fail("--batch_size", fmt::format("{} samples", o.batch_size), "use at least 1");
  if (o.data2d_dim != 2 && o.data2d_dim != 3) {
    fail("--data2d_dim", fmt::format("{} is neither 2 nor 3", o.data2d_dim), "use 3 for volumes, 2 for single images");
  }
  if (dim == 2 && (o.nvol < 1 || o.nvol > o.batch_size)) {
    fail("--nvol", fmt::format("{} volumes cannot share a batch of {} slices", o.nvol, o.batch_size),
         "use 1 to --batch_size");
  }
  if (o.num_workers < 0) fail("--num_workers", fmt::format("{} threads", o.num_workers), "use 0 or more");
  if (o.prefetch < 1) fail("prefetch", fmt::format("{} batches", o.prefetch), "use at least 1");
  if (o.processes < 1 || o.rank < 0 || o.rank >= o.processes) {
    fail("rank", fmt::format("{} of {} processes", o.rank, o.processes), "count from 0");
  }
  check_augmentation(o.augmentation);
  if (o.recipes && !fits_recipe(o.augmentation)) {
    fail("augmentation", "the GPU cannot do this list of operators", "load without recipes");
  }
  if (cases.empty()) fail(folder.path().string(), "no case to load", "check the folds and the folder");
  for (const std::int64_t i : cases) {
    if (i < 0 || i >= static_cast<std::int64_t>(folder.cases().size())) {
      fail(folder.path().string(), fmt::format("there is no case number {}", i), "check the folds and the folder");
    }
  }
}

}  // namespace

FolderBatches::FolderBatches(const PreprocessedFolder& folder, std::shared_ptr<const Sampler> sampler,
                             LoaderOptions options)
    : folder_(folder),
      sampler_(std::move(sampler)),
      options_(std::move(options)),
      passes_(fused_passes(options_.augmentation)),
      cases_(folder),
      memory_(options_.allocate) {
  check(options_, sampler_->cases(), folder_);
}

std::int64_t FolderBatches::batches_per_epoch() const {
  return sampler_->steps(cases_per_step());
}

BatchMaker::Make FolderBatches::maker() {
  return [this, scratch = std::make_shared<AugmentScratch>()](std::uint32_t epoch, std::int64_t step) {
    return make(epoch, step, *scratch);
  };
}

std::shared_ptr<const FolderBatches::Order> FolderBatches::order(std::uint32_t epoch) {
  const std::lock_guard lock(mutex_);
  if (!order_ || ordered_epoch_ != epoch) {
    order_ = std::make_shared<const Order>(sampler_->order(epoch));
    ordered_epoch_ = epoch;
  }
  return order_;
}

std::int64_t FolderBatches::case_at(const Order& order, std::int64_t position) {
  const auto count = static_cast<std::int64_t>(order.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t index = order[static_cast<std::size_t>((position + i) % count)];
    if (!options_.bad_cases) return index;
    try {
      cases_.get(index);
      return index;
    } catch (const Error& error) {
      options_.bad_cases->add(folder_.cases()[static_cast<std::size_t>(index)], error);
    }
  }
  throw Error(folder_.path().string(), "none of the training cases can be read", "preprocess them again");
}

std::vector<FolderBatches::Part> FolderBatches::plan(const Order& order, std::int64_t step) {
  const std::int64_t start = step * cases_per_step() + options_.rank * own_cases();
  const auto nth = [&](std::int64_t i) { return case_at(order, start + i); };
  std::vector<Part> parts;
  if (!slices_of_volumes()) {
    const std::int64_t depth = flat() ? 1 : options_.patch_size[0];
    for (std::int64_t i = 0; i < options_.batch_size; ++i) parts.push_back({nth(i), i, depth});
    return parts;
  }
  // Volume i ends at its share of the batch; a shallow one leaves the rest to the next.
  for (std::int64_t i = 0, filled = 0; filled < options_.batch_size; ++i) {
    const std::int64_t end = std::min(options_.batch_size, (i + 1) * options_.batch_size / options_.nvol);
    const std::int64_t depth = std::min(end - filled, cases_.get(nth(i)).view.size[0]);
    parts.push_back({nth(i), filled, depth});
    filled += depth;
  }
  return parts;
}

Batch FolderBatches::allocate(std::int64_t step) const {
  Batch batch;
  batch.step = step;
  batch.image_shape = {options_.batch_size, folder_.config().in_channels};
  batch.label_shape = {options_.batch_size};
  for (const std::int64_t n : options_.patch_size) {
    batch.image_shape.push_back(n);
    batch.label_shape.push_back(n);
  }
  batch.image = memory_.take<float>(Array<float>::count(batch.image_shape));
  batch.label = memory_.take<std::uint8_t>(Array<std::uint8_t>::count(batch.label_shape));
  if (options_.recipes && !passes_.empty()) batch.recipes = memory_.take<Recipe>(options_.batch_size);
  return batch;
}

PatchView FolderBatches::place(const Batch& batch, const Part& part, std::int64_t channels) const {
  const std::int64_t h = options_.patch_size[flat() ? 0 : 1], w = options_.patch_size[flat() ? 1 : 2], plane = h * w;
  const std::int64_t unit = flat() ? plane : part.depth * plane;  // one label map of the batch
  PatchView view{.channels = channels, .size = {part.depth, h, w}};
  view.image = batch.image.get() + part.first * channels * unit;
  view.label = batch.label.get() + part.first * unit;
  view.channel_stride = unit;
  view.plane_stride = flat() ? channels * plane : plane;
  return view;
}

void FolderBatches::fill(const Batch& batch, const Part& part, const SampleKey& key, AugmentScratch& scratch) {
  const PatchView to = place(batch, part, folder_.config().in_channels);
  const OpenCase& open = cases_.get(part.index);
  const CaseView& view = open.view;
  if (flat() && options_.data2d_dim == 2 && view.size[0] != 1) {
    throw Error("case " + name(part), fmt::format("{} slices where a single image is expected", view.size[0]),
                "use --data2d_dim 3");
  }
  const Axes axes = flat() ? Axes::InPlane : Axes::Volume;
  const Shape3 start = sampler_->patch_start({part.index, open.foreground, view.size}, to.size, key);
  const NoiseKey noise{key.seed, key.epoch, key.sample, static_cast<std::uint32_t>(Stream::Noise)};
  CounterRng coins = key.rng(Stream::Coins);
  std::vector<Augmentation> how;
  for (const AugmentationList& pass : passes_) how.push_back(draw_augmentation(pass, coins, axes));
  if (!batch.recipes) {
    augment_in_passes(view, start, how, axes, noise, to, scratch);
    return;
  }
  augment(view, start, {}, axes, {}, to, scratch);
  const std::int64_t images = flat() ? part.depth : 1;
  const Shape3 size = {flat() ? 1 : part.depth, to.size[1], to.size[2]};
  std::fill_n(batch.recipes.get() + part.first, images,
              make_recipe(how.front(), noise, size, axes, part.first, images));
}

Batch FolderBatches::make(std::uint32_t epoch, std::int64_t step, AugmentScratch& scratch) {
  Batch batch = allocate(step);
  const std::int64_t first = (step * options_.processes + options_.rank) * options_.batch_size;
  auto sample = static_cast<std::uint32_t>(first);
  for (const Part& part : plan(*order(epoch), step)) {
    fill(batch, part, {options_.seed, epoch, sample++}, scratch);
    batch.cases.push_back(name(part));
  }
  return batch;
}

}  // namespace nnunet
