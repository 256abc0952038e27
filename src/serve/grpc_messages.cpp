#include "grpc_messages.h"

#include <fmt/format.h>

#include "nnunet/serve/http.h"

namespace nnunet::serve {
namespace {

[[noreturn]] void fail(const std::string& message) {
  throw HttpError(400, message);
}

inference::DataType data_type(const std::string& name) {
  return name == "UINT8" ? inference::TYPE_UINT8 : inference::TYPE_FP32;
}

void write_duration(const Duration& from, inference::StatisticDuration& to) {
  to.set_count(from.count);
  to.set_ns(from.ns);
}

template <class Parameters>
void refuse_parameters(const Parameters& parameters, const std::string& tensor) {
  for (const char* unsupported : {"classification", "shared_memory_region"})
    if (parameters.contains(unsupported))
      fail(fmt::format("parameter '{}' of '{}' is not supported", unsupported, tensor));
}

std::vector<float> typed_values(const inference::ModelInferRequest::InferInputTensor& tensor, std::int64_t n) {
  const auto& values = tensor.contents().fp32_contents();
  if (values.size() != n)
    fail(fmt::format("unexpected number of values for input '{}', expecting {} and got {}", tensor.name(), n,
                     values.size()));
  return {values.begin(), values.end()};
}

}  // namespace

void write_metadata(const EntrySpec& entry, inference::ModelMetadataResponse& message) {
  const auto write = [](const TensorSpec& from, inference::ModelMetadataResponse::TensorMetadata& to) {
    to.set_name(from.name);
    to.set_datatype(from.datatype);
    to.mutable_shape()->Assign(from.shape.begin(), from.shape.end());
  };
  message.set_name(entry.name);
  message.add_versions(std::string("1"));  // from a literal g++ 12 warns of an overlap
  message.set_platform("nnunet");
  for (const TensorSpec& spec : entry.inputs) write(spec, *message.add_inputs());
  for (const TensorSpec& spec : entry.outputs) write(spec, *message.add_outputs());
}

void write_config(const EntrySpec& entry, const ServiceOptions& options, inference::ModelConfig& message) {
  const bool batched = entry.max_batch > 0;
  const auto write = [batched](const TensorSpec& from, auto& to) {
    to.set_name(from.name);
    to.set_data_type(data_type(from.datatype));
    to.mutable_dims()->Assign(from.shape.begin() + (batched ? 1 : 0), from.shape.end());
  };
  message.set_name(entry.name);
  message.set_platform("nnunet");
  message.set_backend("nnunet");
  message.mutable_version_policy()->mutable_latest()->set_num_versions(1);
  message.set_max_batch_size(static_cast<std::int32_t>(entry.max_batch));
  for (const TensorSpec& spec : entry.inputs) write(spec, *message.add_input());
  for (const TensorSpec& spec : entry.outputs) write(spec, *message.add_output());
  if (batched)
    message.mutable_dynamic_batching()->set_max_queue_delay_microseconds(
        static_cast<std::uint64_t>(options.batch_delay.count()));
}

void write_statistics(const std::string& name, const StatisticsNumbers& numbers, inference::ModelStatistics& message) {
  message.set_name(name);
  message.set_version("1");
  message.set_last_inference(numbers.last_ms);
  message.set_inference_count(numbers.inferences);
  message.set_execution_count(numbers.executions);
  auto& sums = *message.mutable_inference_stats();
  write_duration(numbers.success, *sums.mutable_success());
  write_duration(numbers.fail, *sums.mutable_fail());
  write_duration(numbers.queue, *sums.mutable_queue());
  write_duration(numbers.input, *sums.mutable_compute_input());
  write_duration(numbers.infer, *sums.mutable_compute_infer());
  write_duration(numbers.output, *sums.mutable_compute_output());
  for (const auto& [size, b] : numbers.batches) {
    auto& batch = *message.add_batch_stats();
    batch.set_batch_size(static_cast<std::uint64_t>(size));
    write_duration(b.input, *batch.mutable_compute_input());
    write_duration(b.infer, *batch.mutable_compute_infer());
    write_duration(b.output, *batch.mutable_compute_output());
  }
}

InferRequest read_infer_request(const inference::ModelInferRequest& message, const EntrySpec& entry) {
  InferRequestBuilder request(entry);
  const bool raw = message.raw_input_contents_size() > 0;
  if (raw && message.raw_input_contents_size() != message.inputs_size())
    fail(fmt::format("the request has {} inputs, but {} raw_input_contents", message.inputs_size(),
                     message.raw_input_contents_size()));
  for (int i = 0; i < message.inputs_size(); ++i) {
    const auto& tensor = message.inputs(i);
    refuse_parameters(tensor.parameters(), tensor.name());
    InputTensor& input =
        request.add_input(tensor.name(), tensor.datatype(), {tensor.shape().begin(), tensor.shape().end()});
    const std::int64_t n = value_count(input.shape);
    if (raw && tensor.has_contents())
      fail(fmt::format("contents field must not be specified when using raw_input_contents for '{}' for model '{}'",
                       tensor.name(), entry.name));
    input.values = raw ? values_from_bytes(message.raw_input_contents(i), n, tensor.name()) : typed_values(tensor, n);
  }
  for (const auto& output : message.outputs()) {
    refuse_parameters(output.parameters(), output.name());
    request.add_output(output.name(), true);
  }
  return request.finish(message.id(), true);
}

void write_infer_response(const EntrySpec& entry, const InferRequest& request, std::vector<OutputTensor>& outputs,
                          inference::ModelInferResponse& message) {
  message.set_model_name(entry.name);
  message.set_model_version("1");
  message.set_id(request.id);
  for (const RequestedOutput& requested : request.outputs) {
    const TensorSpec& spec = entry.outputs[requested.index];
    OutputTensor& output = outputs[requested.index];
    auto& tensor = *message.add_outputs();
    tensor.set_name(spec.name);
    tensor.set_datatype(spec.datatype);
    tensor.mutable_shape()->Assign(output.shape.begin(), output.shape.end());
    message.add_raw_output_contents(std::move(output.bytes));
  }
}

}  // namespace nnunet::serve
