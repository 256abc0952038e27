// The KServe v2 protocol with binary tensors, over loopback, against a model that computes something simple.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "client.h"
#include "fake_model.h"

using namespace nnunet;
using namespace nnunet::test;
using Json = nlohmann::json;

namespace {

std::vector<float> patches(std::size_t n, float first = 0) {
  std::vector<float> x(n * 2 * fake_voxels);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = first + 0.25F * static_cast<float>(i % 97);
  return x;
}

Json input(const std::vector<std::int64_t>& shape) {
  return {{"name", "INPUT__0"}, {"datatype", "FP32"}, {"shape", shape}};
}

std::string bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

Reply infer(const FakeServer& server, const std::string& body, const std::vector<std::string>& headers = {},
            const std::string& model = "fake") {
  return request(server.port(), "POST", "/v2/models/" + model + "/infer", body, headers);
}

std::string message(const Reply& reply) {
  const Json json = Json::parse(reply.body, nullptr, false);
  return json.is_object() && json.contains("error") ? json["error"].get<std::string>() : "no message: " + reply.body;
}

}  // namespace

TEST(Protocol, HealthAndMetadata) {
  const FakeServer server;
  EXPECT_EQ(request(server.port(), "GET", "/v2/health/live").status, 200);
  EXPECT_EQ(request(server.port(), "GET", "/v2/health/ready").status, 200);
  EXPECT_EQ(request(server.port(), "GET", "/v2/models/fake/ready").status, 200);
  EXPECT_EQ(request(server.port(), "GET", "/v2/models/fake/versions/1/ready").status, 200);
  EXPECT_EQ(request(server.port(), "GET", "/v2/models/fake/versions/2/ready").status, 404);
  const Json all = Json::parse(request(server.port(), "GET", "/v2").body);
  EXPECT_EQ(all["name"], "nnunet");
  const Json patch = Json::parse(request(server.port(), "GET", "/v2/models/fake").body);
  EXPECT_EQ(patch["inputs"][0], Json({{"name", "INPUT__0"}, {"datatype", "FP32"}, {"shape", {-1, 2, 4, 6}}}));
  EXPECT_EQ(patch["versions"], Json::array({"1"}));
  EXPECT_EQ(patch["outputs"][0]["shape"], Json({-1, 3, 4, 6}));
  const Json volume = Json::parse(request(server.port(), "GET", "/v2/models/fake_volume").body);
  EXPECT_EQ(volume["outputs"][0]["datatype"], "UINT8");
  const Json config = Json::parse(request(server.port(), "GET", "/v2/models/fake/config").body);
  EXPECT_EQ(config["max_batch_size"], 8);
  EXPECT_EQ(config["input"][0]["data_type"], "TYPE_FP32");
  EXPECT_EQ(config["input"][0]["dims"], Json({2, 4, 6}));
  EXPECT_EQ(request(server.port(), "GET", "/v2/models/other").status, 404);
  EXPECT_EQ(request(server.port(), "GET", "/nowhere").status, 404);
  EXPECT_EQ(request(server.port(), "DELETE", "/v2").status, 405);
}

TEST(Protocol, HeadIsGetWithoutTheBody) {
  const FakeServer server;
  const auto answer = [&](const std::string& path) {
    const RawClient client(server.port());
    client.send("HEAD " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    return client.read_all();
  };
  const std::string models = answer("/v1/models");
  EXPECT_TRUE(models.starts_with("HTTP/1.1 200")) << models;
  EXPECT_TRUE(models.ends_with("\r\n\r\n")) << models;
  const std::string length = std::to_string(request(server.port(), "GET", "/v1/models").body.size());
  EXPECT_NE(models.find("Content-Length: " + length + "\r\n"), std::string::npos) << models;
  EXPECT_TRUE(answer("/nowhere").starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(answer("/v2/models/fake/infer").starts_with("HTTP/1.1 405"));
}

TEST(Protocol, InferAsJsonAndAsBinaryData) {
  const FakeServer server;
  const auto x = patches(2);
  const auto expected = FakeModel::logits(x);
  Json tensor = input({2, 2, 4, 6});
  tensor["data"] = x;
  const Reply json = infer(server, Json{{"id", "seven"}, {"inputs", {tensor}}}.dump());
  ASSERT_EQ(json.status, 200) << json.body;
  const Json answer = Json::parse(json.body);
  EXPECT_EQ(answer["id"], "seven");
  EXPECT_EQ(answer["outputs"][0]["shape"], Json({2, 3, 4, 6}));
  EXPECT_EQ(answer["outputs"][0]["data"].get<std::vector<float>>(), expected);

  tensor.erase("data");
  tensor["parameters"]["binary_data_size"] = x.size() * sizeof(float);
  const Json output{{"name", "OUTPUT__0"}, {"parameters", {{"binary_data", true}}}};
  const std::string header = Json{{"inputs", {tensor}}, {"outputs", {output}}}.dump();
  const Reply binary =
      infer(server, header + bytes_of(x), {"Inference-Header-Content-Length: " + std::to_string(header.size())});
  ASSERT_EQ(binary.status, 200) << binary.body;
  const auto size = std::stoul(binary.headers.at("inference-header-content-length"));
  const Json head = Json::parse(binary.body.substr(0, size));
  EXPECT_EQ(head["outputs"][0]["parameters"]["binary_data_size"], expected.size() * sizeof(float));
  EXPECT_EQ(binary.body.substr(size), bytes_of(expected));

  const Json stats = Json::parse(request(server.port(), "GET", "/v2/models/fake/stats").body)["model_stats"][0];
  EXPECT_EQ(stats["inference_count"], 4);
  EXPECT_EQ(stats["execution_count"], 2);
  EXPECT_EQ(stats["inference_stats"]["success"]["count"], 2);
}

TEST(Protocol, WrongRequestsGetAMessage) {
  const FakeServer server;
  const auto with = [](Json tensor, const std::string& key, const Json& value) {
    tensor["data"] = patches(1);
    tensor[key] = value;
    return Json{{"inputs", {tensor}}}.dump();
  };
  const Json good = input({1, 2, 4, 6});
  struct Case {
    std::string body, message;
    long status = 400;
  };
  const Case cases[] = {
      {"", "invalid JSON"},
      {"{\"inputs\"", "invalid JSON"},
      {"[]", "not an object"},
      {std::string(100000, '['), "nested too deeply"},
      {"{\n \"inputs\": [1,]}", "line 2, column 15"},
      {"{}", "no list of 'inputs'"},
      {R"({"inputs":[]})", "expected 1 inputs but got 0 inputs for model 'fake'"},
      {R"({"inputs":[7]})", "not an object"},
      {with(good, "name", "other"), "unexpected inference input 'other' for model 'fake'"},
      {with(good, "datatype", "INT32"), "data-type is 'INT32', but model 'fake' expects 'FP32'"},
      {with(good, "shape", {1, 2, 4}), "Expected [-1,2,4,6], got [1,2,4]"},
      {with(good, "shape", {1, 2, 4, 5}), "Expected [-1,2,4,6], got [1,2,4,5]"},
      {with(good, "shape", {0, 2, 4, 6}), "unexpected shape"},
      {with(good, "shape", {-1, 2, 4, 6}), "no valid size"},
      {with(good, "shape", {9, 2, 4, 6}), "batch-size must be <= 8"},
      {with(good, "data", {1, 2}), "expecting 48 and got 2"},
      {with(good, "data", std::vector<float>(49)), "more than 48"},
      {with(good, "data", {"a"}), "no number"},
      {with(good, "parameters", {{"shared_memory_region", "a"}}), "shared memory"},
      {Json{{"inputs", {good, good}}}.dump(), "has no data"},
  };
  for (const Case& c : cases) {
    const Reply reply = infer(server, c.body);
    EXPECT_EQ(reply.status, c.status) << c.body.substr(0, 200);
    EXPECT_NE(message(reply).find(c.message), std::string::npos) << message(reply) << "\n" << c.body.substr(0, 200);
  }
  EXPECT_EQ(message(infer(server, "{}", {}, "other")), "Request for unknown model: 'other' is not found");
  Json tensor = good;
  tensor["data"] = patches(1);
  EXPECT_NE(message(infer(server, Json{{"inputs", {tensor}}, {"outputs", {{{"name", "x"}}}}}.dump())).find("'x'"),
            std::string::npos);
}

TEST(Protocol, NumbersMustBeFinite) {
  const FakeServer server;
  const auto with = [](const std::string& number) {
    std::string values = "0";
    for (int i = 1; i < 48; ++i) values += i == 17 ? ", " + number : ", 0";
    return R"({"inputs":[{"name":"INPUT__0","datatype":"FP32","shape":[1,2,4,6],)"
           "\n\"data\": [" +
           values + "]}]}";
  };
  ASSERT_EQ(infer(server, with("1e38")).status, 200);
  for (const char* const number : {"NaN", "nan", "-NaN", "Infinity", "-Infinity", "inf", "1e999", "-1E+400"}) {
    const Reply reply = infer(server, with(number));
    EXPECT_EQ(reply.status, 400) << number;
    EXPECT_NE(message(reply).find("line 2, column 61: "), std::string::npos) << number << ": " << message(reply);
    EXPECT_NE(message(reply).find(number), std::string::npos) << number << ": " << message(reply);
    const bool word = std::string(number).find_first_of("0123456789") == std::string::npos;
    EXPECT_NE(message(reply).find(word ? "finite" : "too large"), std::string::npos) << message(reply);
  }
  for (const char* const number : {"1e39", "-3.5e38"}) {  // in float64, not in float32
    const Reply reply = infer(server, with(number));
    EXPECT_EQ(reply.status, 400) << number;
    EXPECT_NE(message(reply).find("value 17 of input 'INPUT__0'"), std::string::npos) << message(reply);
  }
  EXPECT_EQ(infer(server, with("\"NaN\"")).status, 400);
  EXPECT_EQ(infer(server, with("null")).status, 400);
  EXPECT_EQ(request(server.port(), "POST", "/v2/repository/index", "{\"ready\": NaN}").status, 400);
}

TEST(Protocol, BinaryNumbersMustBeFinite) {
  const FakeServer server;
  const auto send = [&](float value) {
    std::vector<float> x = patches(1);
    x[17] = value;
    Json tensor = input({1, 2, 4, 6});
    tensor["parameters"]["binary_data_size"] = x.size() * sizeof(float);
    const std::string header = Json{{"inputs", {tensor}}}.dump();
    return infer(server, header + bytes_of(x), {"Inference-Header-Content-Length: " + std::to_string(header.size())});
  };
  using Limits = std::numeric_limits<float>;
  EXPECT_EQ(send(Limits::max()).status, 200);
  EXPECT_EQ(send(Limits::denorm_min()).status, 200);
  for (const float value : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()}) {
    const Reply reply = send(value);
    EXPECT_EQ(reply.status, 400) << value;
    EXPECT_NE(message(reply).find("value 17 of input 'INPUT__0'"), std::string::npos) << message(reply);
  }
}

TEST(Protocol, BinaryDataThatDoNotFit) {
  const FakeServer server;
  const auto send = [&](std::size_t claimed, std::size_t sent, const std::string& length = {}) {
    Json tensor = input({1, 2, 4, 6});
    tensor["parameters"]["binary_data_size"] = claimed;
    const std::string header = Json{{"inputs", {tensor}}}.dump();
    return infer(server, header + std::string(sent, '\0'),
                 {"Inference-Header-Content-Length: " + (length.empty() ? std::to_string(header.size()) : length)});
  };
  EXPECT_EQ(send(192, 192).status, 200);
  EXPECT_NE(message(send(192, 100)).find("unexpected end"), std::string::npos);
  EXPECT_NE(message(send(192, 200)).find("additional input data"), std::string::npos);
  EXPECT_NE(message(send(191, 191)).find("unexpected total byte size"), std::string::npos);
  EXPECT_NE(message(send(192, 192, "99999999")).find("the body has"), std::string::npos);
  EXPECT_NE(message(send(192, 192, "12x")).find("not a number"), std::string::npos);
}

TEST(Protocol, VolumeEntry) {
  const FakeServer server;
  Json volume{{"name", "INPUT__0"}, {"datatype", "FP32"}, {"shape", {2, 2, 3, 1}}};
  volume["data"] = {0, 1, 0, 0.6, 0, 1, 0, 0, 0, 0, 0, 0};
  Json spacing{{"name", "INPUT__1"}, {"datatype", "FP32"}, {"shape", {3}}, {"data", {1, 2, 3}}};
  const Reply reply = infer(server, Json{{"inputs", {volume, spacing}}}.dump(), {}, "fake_volume");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json output = Json::parse(reply.body)["outputs"][0];
  EXPECT_EQ(output["shape"], Json({2, 3, 1}));
  EXPECT_EQ(output["data"], Json({0, 1, 0, 1, 0, 1}));
  spacing["data"] = {1, 0, 3};
  EXPECT_EQ(infer(server, Json{{"inputs", {volume, spacing}}}.dump(), {}, "fake_volume").status, 400);
  spacing["data"] = {1e6, 1e3, 3};  // resampled it would fill all memory
  EXPECT_EQ(infer(server, Json{{"inputs", {volume, spacing}}}.dump(), {}, "fake_volume").status, 413);
}

TEST(Protocol, RepositoryLoadsAndUnloads) {
  const FakeServer server;
  const auto index = [&](const std::string& body) {
    return Json::parse(request(server.port(), "POST", "/v2/repository/index", body).body);
  };
  EXPECT_EQ(index("")[0], Json({{"name", "fake"}, {"version", "1"}, {"state", "READY"}}));
  EXPECT_EQ(request(server.port(), "POST", "/v2/repository/models/fake/unload", "{}").status, 200);
  EXPECT_EQ(index("{}")[1]["state"], "UNAVAILABLE");
  EXPECT_EQ(index(R"({"ready":true})").size(), 0U);
  EXPECT_EQ(request(server.port(), "GET", "/v2/models/fake/ready").status, 400);
  EXPECT_EQ(infer(server, "{}").status, 503);
  EXPECT_EQ(
      request(server.port(), "POST", "/v2/repository/models/fake/load", R"({"parameters":{"config":"{}"}})").status,
      400);
  EXPECT_EQ(request(server.port(), "POST", "/v2/repository/models/fake/load", "").status, 200);
  EXPECT_EQ(request(server.port(), "GET", "/v2/models/fake/ready").status, 200);
  EXPECT_EQ(request(server.port(), "POST", "/v2/repository/models/..%2Fetc/load", "{}").status, 404);
}
