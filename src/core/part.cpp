#include "nnunet/core/part.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"

namespace nnunet {

Part choose_part(int num_parts, int part_id, const JobPlace& place) {
  constexpr int most = 1 << 20;
  if (num_parts < 1 || num_parts > most)
    throw Error("--num_parts", fmt::format("{} is not a number of parts", num_parts), "give 1 or more");
  if (part_id < 0 || part_id >= num_parts)
    throw Error("--part_id", fmt::format("there is no part {} of {}", part_id, num_parts),
                "parts are counted from 0 to --num_parts - 1");
  if (place.size > most / num_parts)
    throw Error("--num_parts", fmt::format("{} parts of {} processes each are too many", num_parts, place.size));
  return {part_id * place.size + place.rank, num_parts * place.size};
}

}  // namespace nnunet
