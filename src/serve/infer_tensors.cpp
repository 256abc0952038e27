#include "infer_tensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

#include "nnunet/serve/http.h"

namespace nnunet::serve {
namespace {

using Shape = std::vector<std::int64_t>;

static_assert(std::endian::native == std::endian::little, "tensors are sent as they lie in memory");

[[noreturn]] void fail(const std::string& message) {
  throw HttpError(400, message);
}

std::size_t index_of(const std::string& name, const std::vector<TensorSpec>& specs, const char* kind,
                     const EntrySpec& entry) {
  for (std::size_t i = 0; i < specs.size(); ++i)
    if (specs[i].name == name) return i;
  fail(fmt::format("unexpected inference {} '{}' for model '{}'", kind, name, entry.name));
}

bool fits(const Shape& shape, const Shape& expected) {
  if (shape.size() != expected.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] < 1 || (expected[i] >= 0 && shape[i] != expected[i])) return false;
  return true;
}

std::string list(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

void check_shape(const Shape& shape, const TensorSpec& spec, const EntrySpec& entry) {
  if (!fits(shape, spec.shape))
    fail(fmt::format("unexpected shape for input '{}' for model '{}'. Expected {}, got {}", spec.name, entry.name,
                     list(spec.shape), list(shape)));
  if (entry.max_batch > 0 && shape[0] > entry.max_batch)
    fail(fmt::format("inference request batch-size must be <= {} for '{}'", entry.max_batch, entry.name));
  std::int64_t n = 1;
  for (const std::int64_t size : shape) {
    if (size > entry.max_values / n)
      throw HttpError(413, fmt::format("input '{}' has more than {} values", spec.name, entry.max_values));
    n *= size;
  }
}

/// All exponent bits set: NaN or Inf. Written with integers so that it vectorises.
void check_finite(const std::vector<float>& values, const std::string& input) {
  constexpr std::uint32_t exponent = 0x7F800000;
  std::uint32_t largest = 0;
  for (const float value : values) largest = std::max(largest, std::bit_cast<std::uint32_t>(value) & exponent);
  if (largest != exponent) return;
  const auto first = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  fail(fmt::format("value {} of input '{}' is {}; numbers must be finite", first - values.begin(), input, *first));
}

}  // namespace

InferRequestBuilder::InferRequestBuilder(const EntrySpec& entry) : entry_(entry) {
  request_.inputs.resize(entry.inputs.size());
}

InputTensor& InferRequestBuilder::add_input(const std::string& name, const std::string& datatype, Shape shape) {
  const std::size_t i = index_of(name, entry_.inputs, "input", entry_);
  const TensorSpec& spec = entry_.inputs[i];
  InputTensor& input = request_.inputs[i];
  if (!input.shape.empty()) fail(fmt::format("input '{}' already exists in request", name));
  if (datatype != spec.datatype)
    fail(fmt::format("inference input '{}' data-type is '{}', but model '{}' expects '{}'", name, datatype, entry_.name,
                     spec.datatype));
  check_shape(shape, spec, entry_);
  input.shape = std::move(shape);
  ++inputs_;
  return input;
}

void InferRequestBuilder::add_output(const std::string& name, bool binary) {
  const std::size_t i = index_of(name, entry_.outputs, "output", entry_);
  for (const RequestedOutput& earlier : request_.outputs)
    if (earlier.index == i) fail(fmt::format("output '{}' already requested", name));
  request_.outputs.push_back({i, binary});
}

InferRequest InferRequestBuilder::finish(std::string id, bool all_outputs_binary) {
  if (inputs_ != entry_.inputs.size())
    fail(
        fmt::format("expected {} inputs but got {} inputs for model '{}'", entry_.inputs.size(), inputs_, entry_.name));
  for (std::size_t i = 0; i < request_.inputs.size(); ++i)
    check_finite(request_.inputs[i].values, entry_.inputs[i].name);
  if (request_.outputs.empty())
    for (std::size_t i = 0; i < entry_.outputs.size(); ++i) request_.outputs.push_back({i, all_outputs_binary});
  request_.id = std::move(id);
  return std::move(request_);
}

std::int64_t value_count(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::vector<float> values_from_bytes(std::string_view bytes, std::int64_t n, const std::string& input) {
  const std::size_t expected = static_cast<std::size_t>(n) * sizeof(float);
  if (bytes.size() != expected)
    fail(fmt::format("unexpected total byte size {} for input '{}', expecting {}", bytes.size(), input, expected));
  std::vector<float> values(static_cast<std::size_t>(n));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace nnunet::serve
