#include "nnunet/data/recipe.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/data/augmentation.h"
#include "operators.h"

namespace nnunet {

Recipe make_recipe(const Augmentation& how, const NoiseKey& noise, const Shape3& size, Axes axes, std::int64_t first,
                   std::int64_t images) {
  Recipe recipe;
  recipe.first = first;
  recipe.images = images;
  const ZoomBox box = zoom_box(size, how.zoom, axes);
  std::copy(box.offset.begin(), box.offset.end(), recipe.offset);
  std::copy(box.size.begin(), box.size.end(), recipe.box);
  std::copy(how.flip.begin(), how.flip.end(), recipe.flip);
  recipe.zoomed = box.size != size;
  recipe.noise_std = how.noise_std;
  recipe.noise = noise;
  if (how.blur_sigma > 0) {
    const std::vector<float> weights = gaussian_weights(how.blur_sigma);
    recipe.blur_radius = static_cast<int>(weights.size()) - 1;
    if (recipe.blur_radius > Recipe::kMostBlurRadius)
      throw Error("", fmt::format("a blur of sigma {} is wider than recipes hold", how.blur_sigma), "blur less");
    std::copy(weights.begin(), weights.end(), recipe.blur_weights);
  }
  recipe.brightness = how.brightness;
  recipe.contrast = how.contrast;
  return recipe;
}

bool fits_recipe(const AugmentationList& list) {
  const auto fits = [](const AugmentationOperator& op) {
    const auto* const blur = std::get_if<BlurOperator>(&op);
    return blur == nullptr || blur->high <= 0 ||
           static_cast<int>(gaussian_weights(blur->high).size()) - 1 <= Recipe::kMostBlurRadius;
  };
  return fused_passes(list).size() <= 1 && std::ranges::all_of(list, fits);
}

}  // namespace nnunet
