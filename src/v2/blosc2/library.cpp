#include <b2nd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "v2/b2nd_library.h"

namespace nnunet::v2 {
namespace {

struct Freed {
  void operator()(b2nd_array_t* array) const { b2nd_free(array); }
};
using Array = std::unique_ptr<b2nd_array_t, Freed>;

/// Blosc's own codecs and filters. Others are extensions, which it would look for in Python's folders and run.
bool is_own_codec(const blosc2_schunk& chunks) {
  return chunks.compcode <= BLOSC_ZSTD;
}
bool has_own_filters(const blosc2_schunk& chunks) {
  return std::ranges::all_of(chunks.filters, [](std::uint8_t filter) { return filter < BLOSC_LAST_FILTER; });
}

class Blosc2 final : public B2ndLibrary {
 public:
  Blosc2() { blosc2_init(); }

  std::string read(const std::filesystem::path& file,
                   const std::function<std::span<std::byte>(const B2ndInfo&)>& place) const override {
    b2nd_array_t* opened = nullptr;
    if (b2nd_open(file.c_str(), &opened) != BLOSC2_ERROR_SUCCESS || opened == nullptr)
      return "is no array of blosc2, or is damaged";
    const Array array(opened);
    if (array->dtype_format != DTYPE_NUMPY_FORMAT || array->dtype == nullptr)
      return "holds values that are not numpy's";
    if (!is_own_codec(*array->sc) || !has_own_filters(*array->sc)) return "is packed in a way that is not blosc2's own";
    const std::span<std::byte> bytes = place({array->dtype, {array->shape, array->shape + array->ndim}});
    const auto size = static_cast<std::int64_t>(bytes.size());
    if (array->nitems * array->sc->typesize != size) return "contradicts itself about its size";
    if (b2nd_to_cbuffer(array.get(), bytes.data(), size) != BLOSC2_ERROR_SUCCESS) return "is damaged";
    return {};
  }
};

}  // namespace
}  // namespace nnunet::v2

extern "C" __attribute__((visibility("default"))) const nnunet::v2::B2ndLibrary* nnunet_b2nd_library(int version) {
  static const nnunet::v2::Blosc2 library;
  return version == nnunet::v2::kB2ndLibraryVersion ? &library : nullptr;
}
