#include "nnunet/v2/b2nd.h"

#include <fmt/format.h>

#include <span>
#include <vector>

#include "b2nd_library.h"
#include "nnunet/core/error.h"
#include "nnunet/core/plugin.h"
#include "packed_shape.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

const Plugin<B2ndLibrary>& loaded() {
  static const auto once = load_plugin<B2ndLibrary>("libnnunet_blosc2.so", "nnunet_b2nd_library", kB2ndLibraryVersion);
  return once;
}

/// Calls with(type, shape), which gives the memory for the values.
template <class Place>
void read(const fs::path& file, const Place& with) {
  if (loaded().library == nullptr)
    throw Error(file.string(), fmt::format("cannot be read by this program ({})", loaded().why_not),
                "build it with blosc2 (docs/nnunet-v2.md), or preprocess the dataset with it: nnUNetv2_preprocess");
  if (std::error_code failure; !fs::is_regular_file(file, failure))
    throw Error(file.string(), "is not there", kPreprocessAgain);
  const std::string problem = loaded().library->read(file, [&](const B2ndInfo& info) {
    require_possible(info.shape, file);
    return with(info);
  });
  if (!problem.empty()) throw Error(file.string(), problem, kPreprocessAgain);
}

template <class T>
std::span<std::byte> sized(Array<T>& array, const std::vector<std::int64_t>& shape) {
  array = Array<T>(shape);
  return std::as_writable_bytes(std::span(array.values));
}

[[noreturn]] void fail_type(const fs::path& file, const std::string& type, const char* expected) {
  throw Error(file.string(), fmt::format("holds values of type {}, expected {}", type, expected), kPreprocessAgain);
}

}  // namespace

bool can_read_b2nd(std::string* why_not) {
  if (why_not != nullptr) *why_not = loaded().why_not;
  return loaded().library != nullptr;
}

Array<float> read_b2nd_floats(const fs::path& file) {
  Array<float> values;
  read(file, [&](const B2ndInfo& info) {
    if (info.type != "<f4") fail_type(file, info.type, "float32");
    return sized(values, info.shape);
  });
  return values;
}

Array<std::int16_t> read_b2nd_labels(const fs::path& file) {
  Array<std::int16_t> values;
  Array<std::int8_t> small;
  read(file, [&](const B2ndInfo& info) {
    if (info.type == "|i1") return sized(small, info.shape);
    if (info.type != "<i2") fail_type(file, info.type, "int8 or int16");
    return sized(values, info.shape);
  });
  if (small.values.empty()) return values;
  values = Array<std::int16_t>(small.shape);
  std::ranges::copy(small.values, values.values.begin());
  return values;
}

}  // namespace nnunet::v2
