#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "arrays.h"
#include "functions.h"
#include "nnunet/eval/score_folder.h"
#include "objects.h"

namespace nnunet::c_api {
namespace {

Array<std::uint8_t> class_map(const ImageView& view, const char* name) {
  const Array<std::uint16_t> labels = labels_in(view, name, 255);
  Array<std::uint8_t> classes({labels.shape[0], labels.shape[1], labels.shape[2]});
  std::ranges::transform(labels.values, classes.values.begin(),
                         [](std::uint16_t label) { return static_cast<std::uint8_t>(label); });
  return classes;
}

}  // namespace

nnunet_status* score(const nnunet_array* labels, const nnunet_array* reference, const double spacing[3],
                     nnunet_text** json) {
  return guarded(NNUNET_FAILED, [&] {
    require(labels, "labels");
    require(reference, "reference");
    require(spacing, "spacing");
    require(json, "json");
    const ImageView first = view_of(*labels, "labels"), second = view_of(*reference, "reference");
    if (first.shape[0] != 1 || first.shape != second.shape)
      throw InvalidCall(fmt::format("labels and reference: have the shapes {} and {}", shape_text(first.shape),
                                    shape_text(second.shape)));
    for (std::size_t axis = 0; axis < 3; ++axis)
      if (!(spacing[axis] > 0) || !std::isfinite(spacing[axis]))
        throw InvalidCall(fmt::format("spacing: is {} along axis {}", spacing[axis], axis));
    const Array<std::uint8_t> given = class_map(first, "labels"), wanted = class_map(second, "reference");
    const int classes = 1 + std::max(*std::ranges::max_element(given.values), *std::ranges::max_element(wanted.values));
    *json = make_text(
        score_json(score_of({{"image", score_case(given, wanted, {spacing[0], spacing[1], spacing[2]}, classes)}})));
  });
}

}  // namespace nnunet::c_api
