#pragma once
#include <memory>
#include <optional>
#include <string>

#include "nnunet/core/array.h"
#include "nnunet/preprocess/image_view.h"
#include "objects.h"

namespace nnunet::c_api {

/// A caller's image on the axes that the networks' preprocessing begins with.
struct GivenImage {
  std::string name;                              ///< in messages
  Shape3 shape{};                                ///< of the caller's array
  ImageView view;                                ///< of that array
  std::optional<Reorientation> turned;           ///< what leads from the one to the other
  std::optional<Array<std::uint16_t>> previous;  ///< labels of a cascade's previous stage
};
/// Throws InvalidCall; Error for labels that are none, and directions without meaning.
GivenImage given_image(const nnunet_model& model, const nnunet_image* image);

/// An image as the model's networks take it. Throws Error.
std::unique_ptr<nnunet_prepared> prepared_from(const nnunet_model& model, const GivenImage& image, int threads);

/// (D,H,W) of the caller's array.
Shape3 caller_shape(const nnunet_model& model, const nnunet_prepared& prepared);

}  // namespace nnunet::c_api
