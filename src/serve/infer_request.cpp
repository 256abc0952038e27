#include "infer_request.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "nnunet/io/json_reading.h"
#include "request_json.h"

namespace nnunet::serve {
namespace {

using Json = nlohmann::json;
using Shape = std::vector<std::int64_t>;

[[noreturn]] void fail(const std::string& message) {
  throw HttpError(400, message);
}

std::string text_of(const Json& object, const char* key, const std::string& what) {
  const auto found = object.find(key);
  if (found == object.end()) fail(fmt::format("{} has no '{}'", what, key));
  if (!found->is_string()) fail(fmt::format("'{}' of {} is not a string", key, what));
  return found->get<std::string>();
}

/// A flag among an object's parameters.
std::optional<bool> parameter(const Json& object, const char* key) {
  const auto parameters = object.find("parameters");
  if (parameters == object.end()) return std::nullopt;
  if (!parameters->is_object()) fail("'parameters' is not an object");
  const auto found = parameters->find(key);
  if (found == parameters->end()) return std::nullopt;
  if (!found->is_boolean()) fail(fmt::format("parameter '{}' is not a boolean", key));
  return found->get<bool>();
}

std::optional<std::uint64_t> binary_size(const Json& tensor, const std::string& name) {
  const auto parameters = tensor.find("parameters");
  if (parameters == tensor.end()) return std::nullopt;
  if (!parameters->is_object()) fail("'parameters' is not an object");
  if (parameters->contains("shared_memory_region")) fail("shared memory is not supported");
  const auto found = parameters->find("binary_data_size");
  if (found == parameters->end()) return std::nullopt;
  if (!found->is_number_unsigned()) fail(fmt::format("'binary_data_size' of input '{}' is not a whole number", name));
  return found->get<std::uint64_t>();
}

Shape shape_of(const Json& tensor, const std::string& name) {
  const auto found = tensor.find("shape");
  if (found == tensor.end() || !found->is_array()) fail(fmt::format("input '{}' has no shape", name));
  Shape shape;
  for (const Json& size : *found) {
    if (!size.is_number_unsigned() || size.get<std::uint64_t>() > (std::uint64_t{1} << 40))
      fail(fmt::format("the shape of input '{}' holds {}, which is no valid size", name, size.dump()));
    shape.push_back(size.get<std::int64_t>());
  }
  return shape;
}

void append_values(const Json& data, std::size_t most, std::vector<float>& values, const std::string& name) {
  for (const Json& item : data) {
    if (item.is_array()) {
      append_values(item, most, values, name);
    } else {
      if (!item.is_number())
        fail(fmt::format("the data of input '{}' hold {}, which is no number", name, quoted(item)));
      if (values.size() == most)
        fail(fmt::format("unexpected number of values for input '{}': more than {}", name, most));
      const double value = item.get<double>();
      if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max()))
        fail(fmt::format("value {} of input '{}' is {}, which is beyond float32; numbers must be finite", values.size(),
                         name, quoted(item)));
      values.push_back(static_cast<float>(value));
    }
  }
}

std::vector<float> values_from_json(const Json& tensor, std::int64_t n, const std::string& name) {
  const auto data = tensor.find("data");
  if (data == tensor.end() || !data->is_array()) fail(fmt::format("input '{}' has no data", name));
  std::vector<float> values;
  append_values(*data, static_cast<std::size_t>(n), values, name);
  if (static_cast<std::int64_t>(values.size()) != n)
    fail(fmt::format("unexpected number of values for input '{}', expecting {} and got {}", name, n, values.size()));
  return values;
}

/// The bytes after the JSON, taken in the order of the inputs.
class BinaryData {
 public:
  explicit BinaryData(std::string_view rest) : rest_(rest) {}

  std::vector<float> take(std::uint64_t size, std::int64_t n, const std::string& name) {
    if (size > rest_.size())
      fail(fmt::format("unexpected end of the binary data: input '{}' has {} bytes, {} are there", name, size,
                       rest_.size()));
    auto values = values_from_bytes(rest_.substr(0, size), n, name);
    rest_.remove_prefix(size);
    return values;
  }

  void expect_end() const {
    if (!rest_.empty()) fail(fmt::format("unexpected additional input data: {} bytes", rest_.size()));
  }

 private:
  std::string_view rest_;
};

std::size_t json_size(std::string_view body, const std::string& header_length) {
  if (header_length.empty()) return body.size();
  std::size_t size = 0;
  const char* const end = header_length.data() + header_length.size();
  if (const auto [stop, failure] = std::from_chars(header_length.data(), end, size);
      failure != std::errc() || stop != end)
    fail(fmt::format("Inference-Header-Content-Length '{}' is not a number", header_length));
  if (size > body.size())
    fail(fmt::format("Inference-Header-Content-Length is {}, but the body has {} bytes", size, body.size()));
  return size;
}

void read_input(const Json& tensor, BinaryData& binary, InferRequestBuilder& request) {
  if (!tensor.is_object()) fail("an input is not an object");
  const std::string name = text_of(tensor, "name", "an input");
  const std::string datatype = text_of(tensor, "datatype", fmt::format("input '{}'", name));
  InputTensor& input = request.add_input(name, datatype, shape_of(tensor, name));
  const std::int64_t n = value_count(input.shape);
  const auto size = binary_size(tensor, name);
  input.values = size ? binary.take(*size, n, name) : values_from_json(tensor, n, name);
}

void read_outputs(const Json& json, bool binary, InferRequestBuilder& request) {
  const auto outputs = json.find("outputs");
  if (outputs == json.end()) return;
  if (!outputs->is_array()) fail("'outputs' is not a list");
  for (const Json& output : *outputs) {
    if (!output.is_object()) fail("an output is not an object");
    const std::string name = text_of(output, "name", "an output");
    request.add_output(name, parameter(output, "binary_data").value_or(binary));
    if (const auto parameters = output.find("parameters"); parameters != output.end())
      for (const char* unsupported : {"classification", "shared_memory_region"})
        if (parameters->contains(unsupported))
          fail(fmt::format("parameter '{}' of output '{}' is not supported", unsupported, name));
  }
}

std::string request_id(const Json& json) {
  const auto id = json.find("id");
  if (id == json.end()) return {};
  if (!id->is_string()) fail("'id' is not a string");
  return id->get<std::string>();
}

template <class T>
Json values_as_json(const std::string& bytes) {
  Json data = Json::array();
  for (std::size_t i = 0; i + sizeof(T) <= bytes.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + i, sizeof(T));
    data.push_back(value);
  }
  return data;
}

}  // namespace

InferRequest parse_infer_request(std::string_view body, const std::string& header_length, const EntrySpec& entry) {
  const std::size_t size = json_size(body, header_length);
  const Json json = parse_request_json(body.substr(0, size));
  BinaryData binary(body.substr(size));
  InferRequestBuilder request(entry);
  const auto inputs = json.find("inputs");
  if (inputs == json.end() || !inputs->is_array()) fail("the request has no list of 'inputs'");
  for (const Json& tensor : *inputs) read_input(tensor, binary, request);
  const bool binary_outputs = parameter(json, "binary_data_output").value_or(false);
  read_outputs(json, binary_outputs, request);
  auto finished = request.finish(request_id(json), binary_outputs);
  binary.expect_end();
  return finished;
}

HttpResponse infer_response(const EntrySpec& entry, const InferRequest& request,
                            const std::vector<OutputTensor>& outputs) {
  nlohmann::ordered_json json{{"model_name", entry.name}, {"model_version", "1"}};
  if (!request.id.empty()) json["id"] = request.id;
  json["outputs"] = Json::array();
  std::vector<const std::string*> binary;
  std::size_t binary_bytes = 0;
  for (const RequestedOutput& requested : request.outputs) {
    const std::size_t i = requested.index;
    nlohmann::ordered_json tensor{
        {"name", entry.outputs[i].name}, {"datatype", entry.outputs[i].datatype}, {"shape", outputs[i].shape}};
    if (requested.binary) {
      tensor["parameters"]["binary_data_size"] = outputs[i].bytes.size();
      binary.push_back(&outputs[i].bytes);
      binary_bytes += outputs[i].bytes.size();
    } else {
      tensor["data"] = entry.outputs[i].datatype == "UINT8" ? values_as_json<std::uint8_t>(outputs[i].bytes)
                                                            : values_as_json<float>(outputs[i].bytes);
    }
    json["outputs"].push_back(std::move(tensor));
  }
  HttpResponse response;
  response.body = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (!binary.empty()) {
    response.content_type = "application/octet-stream";
    response.headers.emplace_back("Inference-Header-Content-Length", std::to_string(response.body.size()));
    response.body.reserve(response.body.size() + binary_bytes);
    for (const std::string* bytes : binary) response.body += *bytes;
  }
  return response;
}

}  // namespace nnunet::serve
