#pragma once
#include <string>
#include <vector>

#include "infer_tensors.h"
#include "kserve.pb.h"
#include "nnunet/serve/service.h"
#include "statistics.h"

/// The core's structs as messages of the gRPC protocol, and back.
namespace nnunet::serve {

void write_metadata(const EntrySpec& entry, inference::ModelMetadataResponse& message);
void write_config(const EntrySpec& entry, const ServiceOptions& options, inference::ModelConfig& message);
void write_statistics(const std::string& name, const StatisticsNumbers& numbers, inference::ModelStatistics& message);

/// Throws as InferRequestBuilder does. Tensors may be raw or typed contents.
InferRequest read_infer_request(const inference::ModelInferRequest& message, const EntrySpec& entry);
/// outputs: in the order of the entry's; their bytes are moved into the message.
void write_infer_response(const EntrySpec& entry, const InferRequest& request, std::vector<OutputTensor>& outputs,
                          inference::ModelInferResponse& message);

}  // namespace nnunet::serve
