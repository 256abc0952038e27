#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Inference requests whatever protocol they came by.
namespace nnunet::serve {

/// One input or output of an entry as its metadata give it.
struct TensorSpec {
  std::string name, datatype;         ///< "FP32", "UINT8"
  std::vector<std::int64_t> shape{};  ///< -1: any; with the batch where there is one
};

/// What can be asked for by name.
struct EntrySpec {
  std::string name;
  std::vector<TensorSpec> inputs, outputs;
  std::int64_t max_batch = 0;   ///< 0: no batch axis
  std::int64_t max_values = 0;  ///< of all inputs together
};

struct InputTensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

struct RequestedOutput {
  std::size_t index = 0;  ///< among the entry's
  bool binary = false;
};

struct InferRequest {
  std::string id;
  std::vector<InputTensor> inputs;  ///< in the order of the entry's
  std::vector<RequestedOutput> outputs;
};

/// A finished output; its bytes are little endian values of its type.
struct OutputTensor {
  std::vector<std::int64_t> shape;
  std::string bytes;
};

/// Puts a request together from the parts that the reader of a protocol finds. All inputs must be FP32 and finite. What
/// does not fit the entry throws HttpError(400), or 413 for too many values, with Triton's wording where it has one.
class InferRequestBuilder {
 public:
  explicit InferRequestBuilder(const EntrySpec& entry);

  /// Its values are the caller's to set, value_count(shape) of them.
  InputTensor& add_input(const std::string& name, const std::string& datatype, std::vector<std::int64_t> shape);
  void add_output(const std::string& name, bool binary);
  /// Without outputs all of the entry's are meant.
  InferRequest finish(std::string id, bool all_outputs_binary);

 private:
  const EntrySpec& entry_;
  InferRequest request_;
  std::size_t inputs_ = 0;
};

std::int64_t value_count(const std::vector<std::int64_t>& shape);

/// Throws HttpError(400) unless there are n of them.
std::vector<float> values_from_bytes(std::string_view bytes, std::int64_t n, const std::string& input);

}  // namespace nnunet::serve
