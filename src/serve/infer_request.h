#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "infer_tensors.h"
#include "nnunet/serve/http.h"

/// The body of an infer request: JSON, and after it the bytes of binary tensors (the "binary tensor data" extension of
/// the KServe v2 protocol).
namespace nnunet::serve {

/// Throws as InferRequestBuilder does. header_length: the value of Inference-Header-Content-Length, empty without
/// binary tensors.
InferRequest parse_infer_request(std::string_view body, const std::string& header_length, const EntrySpec& entry);

/// outputs: in the order of the entry's.
HttpResponse infer_response(const EntrySpec& entry, const InferRequest& request,
                            const std::vector<OutputTensor>& outputs);

}  // namespace nnunet::serve
