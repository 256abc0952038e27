#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nnunet/serve/http.h"

/// The body of an infer request: JSON, and after it the bytes of binary tensors (the "binary tensor data" extension of
/// the KServe v2 protocol).
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
  std::string name;
  bool binary = false;
};

struct InferRequest {
  std::string id;
  std::vector<InputTensor> inputs;  ///< in the order of the entry's
  std::vector<RequestedOutput> outputs;
};

/// All inputs must be FP32. Throws HttpError(400) with Triton's wording where it has one. header_length: the value of
/// Inference-Header-Content-Length, empty without binary tensors.
InferRequest parse_infer_request(std::string_view body, const std::string& header_length, const EntrySpec& entry);

/// A finished output; its bytes are little endian values of its type.
struct OutputTensor {
  std::vector<std::int64_t> shape;
  std::string bytes;
};

/// outputs: in the order of the entry's.
HttpResponse infer_response(const EntrySpec& entry, const InferRequest& request,
                            const std::vector<OutputTensor>& outputs);

}  // namespace nnunet::serve
