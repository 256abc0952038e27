// What several clients at a time, long jobs and bad clients meet.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>

#include "client.h"
#include "fake_model.h"
#include "images.h"
#include "nnunet/io/nifti.h"
#include "reference/shared.h"
#include "serve/batcher.h"

using namespace nnunet;
using namespace nnunet::test;
using namespace std::chrono_literals;
using Json = nlohmann::json;

namespace {

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

bool metric_is(const FakeServer& server, const std::string& line) {
  return request(server.port(), "GET", "/metrics").body.find(line + "\n") != std::string::npos;
}

Reply infer(const FakeServer& server, float value) {
  const std::vector<float> x(2 * fake_voxels, value);
  const Json tensor{{"name", "INPUT__0"},
                    {"datatype", "FP32"},
                    {"shape", {1, 2, 4, 6}},
                    {"parameters", {{"binary_data_size", x.size() * sizeof(float)}}}};
  std::string body = Json{{"inputs", {tensor}}}.dump();
  const std::string size = std::to_string(body.size());
  body.append(reinterpret_cast<const char*>(x.data()), x.size() * sizeof(float));
  return request(server.port(), "POST", "/v2/models/fake/infer", body, {"Inference-Header-Content-Length: " + size});
}

float last_logit(const Reply& reply) {
  return Json::parse(reply.body)["outputs"][0]["data"].back().get<float>();
}

}  // namespace

TEST(Service, RequestsOfSeveralClientsAreBatchedAndAnsweredRight) {
  serve::ServiceOptions options;
  options.max_batch = 4;
  const FakeServer server(options);
  server.control->hold = true;
  std::vector<std::future<Reply>> replies;
  replies.push_back(std::async(std::launch::async, [&] { return infer(server, 0); }));
  ASSERT_TRUE(eventually([&] { return server.control->inside == 1; }));
  for (int i = 1; i <= 8; ++i)
    replies.push_back(std::async(std::launch::async, [&, i] { return infer(server, static_cast<float>(i)); }));
  const auto waiting = [&] { return request(server.port(), "GET", "/metrics").body; };
  ASSERT_TRUE(
      eventually([&] { return waiting().find("nnunet_queue_length{model=\"fake\"} 8\n") != std::string::npos; }));
  server.control->hold = false;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const Reply reply = replies[i].get();
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(last_logit(reply), 2 * static_cast<float>(i));
  }
  // Two to warm up; the one that was held; two full batches.
  EXPECT_EQ(server.control->batches, (std::vector<std::int64_t>{1, 4, 1, 4, 4}));
}

TEST(Service, ALoneClientDoesNotWaitForOthers) {
  FakeServer server({.max_batch = 2, .batch_delay = 10min});
  const Json both{{"name", "INPUT__0"},
                  {"datatype", "FP32"},
                  {"shape", {2, 2, 4, 6}},
                  {"data", std::vector<float>(4 * fake_voxels)}};
  EXPECT_EQ(request(server.port(), "POST", "/v2/models/fake/infer", Json{{"inputs", {both}}}.dump()).status, 200);
  EXPECT_EQ(infer(server, 1).status, 200);
  EXPECT_EQ(infer(server, 1).status, 200);
}

/// As above, with the client's next request there before the thread that answers is done with the last.
TEST(Service, ALoneClientThatAsksAtOnceDoesNotWaitEither) {
  const auto control = std::make_shared<FakeControl>();
  FakeModel model(control);
  serve::Statistics statistics;
  std::promise<void> end;
  std::function<void(std::int64_t, int)> ask;  // the batcher calls it to its end
  {
    serve::Batcher batcher(model, {.max_batch = 2, .delay = 10min}, statistics);
    ask = [&](std::int64_t n, int more) {
      serve::PatchTask task;
      task.n = n;
      task.x.resize(static_cast<std::size_t>(n * 2 * fake_voxels));
      task.watch = std::make_shared<serve::SegmentWatch>();
      task.done = [&, more](const std::vector<float>&, const std::exception_ptr& failure) {
        EXPECT_FALSE(failure);
        more > 0 ? ask(1, more - 1) : end.set_value();
      };
      EXPECT_TRUE(batcher.submit(std::move(task)));
    };
    ask(2, 3);
    EXPECT_EQ(end.get_future().wait_for(20s), std::future_status::ready);
  }
  EXPECT_EQ(control->batches, (std::vector<std::int64_t>{2, 1, 1, 1}));
}

TEST(Service, AFullQueueAnswers429) {
  serve::ServiceOptions options;
  options.max_batch = 1;
  options.max_queue = 2;
  options.max_volumes = 1;
  const FakeServer server(options);
  server.control->hold = true;
  auto first = std::async(std::launch::async, [&] { return infer(server, 1); });
  ASSERT_TRUE(eventually([&] { return server.control->inside == 1; }));
  std::vector<std::future<Reply>> more;
  for (int i = 0; i < 6; ++i) more.push_back(std::async(std::launch::async, [&] { return infer(server, 2); }));
  const auto refused = [&] { return request(server.port(), "GET", "/metrics").body; };
  EXPECT_TRUE(eventually(
      [&] { return refused().find("nnunet_request_refused{model=\"fake\",version=\"1\"} 4\n") != std::string::npos; }));
  server.control->hold = false;
  EXPECT_EQ(first.get().status, 200);
  std::multiset<long> statuses;
  for (auto& reply : more) {
    const Reply r = reply.get();
    statuses.insert(r.status);
    if (r.status == 429) {
      EXPECT_EQ(r.headers.at("retry-after"), "1");
    }
  }
  EXPECT_EQ(statuses.count(200), 2U);
  EXPECT_EQ(statuses.count(429), 4U);
}

TEST(Service, SegmentsNiftiFiles) {
  const FakeServer server;
  for (const bool compressed : {false, true}) {
    const std::string file = nifti_file(compressed);
    const Reply reply = request(server.port(), "POST", "/v1/segment/fake", file);
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.body, expected_labels(file, compressed));
  }
  EXPECT_EQ(request(server.port(), "POST", "/v1/segment/fake", "no image").status, 400);
  EXPECT_EQ(request(server.port(), "POST", "/v1/segment/fake", "").status, 400);
  EXPECT_EQ(request(server.port(), "POST", "/v1/segment/fake", nifti_file(true).substr(0, 60)).status, 400);
  EXPECT_EQ(request(server.port(), "POST", "/v1/segment/other", nifti_file(true)).status, 404);
}

TEST(Service, JobsReportProgressAndCanBeCancelled) {
  const FakeServer server;
  server.control->hold = true;
  const std::string file = nifti_file(true);
  const auto start = [&] {
    const Reply reply = request(server.port(), "POST", "/v1/segment/fake?async=1", file);
    EXPECT_EQ(reply.status, 202) << reply.body;
    return "/v1/jobs/" + Json::parse(reply.body)["id"].get<std::string>();
  };
  const auto state = [&](const std::string& job) {
    return Json::parse(request(server.port(), "GET", job).body)["state"].get<std::string>();
  };
  const std::string first = start(), second = start(), third = start();
  ASSERT_TRUE(eventually([&] { return state(first) == "running"; }));
  ASSERT_TRUE(eventually(
      [&] { return Json::parse(request(server.port(), "GET", first).body)["progress"].get<double>() == 0.5; }));
  EXPECT_EQ(state(second), "queued");
  EXPECT_EQ(request(server.port(), "GET", first + "/result").status, 409);
  EXPECT_EQ(Json::parse(request(server.port(), "DELETE", first).body)["state"], "cancelled");
  EXPECT_EQ(Json::parse(request(server.port(), "DELETE", third).body)["state"], "cancelled");
  ASSERT_TRUE(eventually([&] { return state(second) == "running"; }));
  server.control->hold = false;
  ASSERT_TRUE(eventually([&] { return state(second) == "done"; }));
  EXPECT_EQ(request(server.port(), "GET", second + "/result").body, expected_labels(file, true));
  EXPECT_EQ(state(first), "cancelled");
  EXPECT_EQ(state(third), "cancelled");
  EXPECT_EQ(request(server.port(), "DELETE", second).status, 200);
  EXPECT_EQ(request(server.port(), "GET", second).status, 404);
}

TEST(Service, MetricsStandBelowTheirNameAndType) {
  const FakeServer server;
  ASSERT_EQ(infer(server, 1).status, 200);
  std::string metrics;
  ASSERT_TRUE(eventually([&] {  // an answer counts when it has been sent
    metrics = request(server.port(), "GET", "/metrics").body;
    return metrics.find("nnunet_http_responses_total{code=\"200\"}") != std::string::npos;
  }));
  std::istringstream text(metrics);
  std::string name;
  std::set<std::string> names;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("# TYPE ")) name = line.substr(7, line.find(' ', 7) - 7);
    if (line.starts_with("#")) continue;
    EXPECT_TRUE(!name.empty() && line.starts_with(name)) << line;
    names.insert(line.substr(0, line.find_first_of("{ ")));
  }
  for (const char* const expected : {"nv_inference_request_success", "nnunet_request_seconds_bucket",
                                     "nnunet_queue_length", "nnunet_jobs", "nnunet_http_responses_total"})
    EXPECT_TRUE(names.contains(expected)) << expected;
}

TEST(Service, WhoLeavesCancelsWhatHeAskedFor) {
  const FakeServer server;
  server.control->hold = true;
  auto first = std::make_unique<RawClient>(server.port());
  first->send(post("/v1/segment/fake", nifti_file(true)));
  ASSERT_TRUE(eventually([&] { return server.control->inside == 1; }));
  auto second = std::make_unique<RawClient>(server.port());
  second->send(post("/v1/segment/fake", nifti_file(true)));
  ASSERT_TRUE(eventually([&] { return metric_is(server, "nnunet_queue_length{model=\"fake_volume\"} 1"); }));
  second.reset();
  first.reset();
  EXPECT_TRUE(eventually([&] { return server.control->inside == 0; }));
  EXPECT_TRUE(eventually([&] { return metric_is(server, "nnunet_http_responses_total{code=\"499\"} 2"); }));
  server.control->hold = false;
  EXPECT_EQ(request(server.port(), "POST", "/v1/segment/fake", nifti_file(true)).status, 200);
}

TEST(Service, WhoSendsTheNextRequestEarlyHasNotLeft) {
  const FakeServer server;
  server.control->hold = true;
  const RawClient client(server.port());
  client.send(post("/v1/segment/fake", nifti_file(false)));
  ASSERT_TRUE(eventually([&] { return server.control->inside == 1; }));
  client.send("GET /v2/health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(server.control->inside, 1);
  server.control->hold = false;
  const std::string answers = client.read_all();
  EXPECT_TRUE(answers.starts_with("HTTP/1.1 200")) << answers;
  EXPECT_NE(answers.find("HTTP/1.1 200", 1), std::string::npos) << answers;
}

TEST(Service, VolumesThatTakeTooLongAreGivenUp) {
  serve::ServiceOptions options;
  options.timeout = 50ms;
  const FakeServer server(options);
  server.control->hold = true;
  EXPECT_EQ(request(server.port(), "POST", "/v1/segment/fake", nifti_file(true)).status, 504);
}

TEST(Service, KeysAndOrigins) {
  serve::ServiceOptions options;
  options.api_keys = {"first", "second"};
  const FakeServer server(options);
  const auto get = [&](const std::vector<std::string>& headers) {
    return request(server.port(), "GET", "/v2", {}, headers).status;
  };
  EXPECT_EQ(get({}), 401);
  EXPECT_EQ(get({"Authorization: Bearer third"}), 401);
  EXPECT_EQ(get({"Authorization: Bearer secon"}), 401);
  EXPECT_EQ(get({"Authorization: Bearer second"}), 200);
  EXPECT_EQ(get({"Authorization: bearer second"}), 200);
  EXPECT_EQ(get({"Authorization: BEARER   second"}), 200);
  EXPECT_EQ(get({"Authorization: Basic second"}), 401);
  EXPECT_EQ(get({"Authorization: Bearer SECOND"}), 401);
  EXPECT_EQ(get({"X-API-Key: first"}), 200);
  EXPECT_EQ(get({"X-API-Key: first", "Origin: http://elsewhere.example"}), 403);
  EXPECT_EQ(get({"X-API-Key: first", "Origin: http://127.0.0.1:" + std::to_string(server.port())}), 200);
  EXPECT_EQ(request(server.port(), "GET", "/v2/health/live").status, 200);
  EXPECT_EQ(request(server.port(), "POST", "/v1/segment/fake", nifti_file(true)).status, 401);
}

TEST(Service, KeysFromAFile) {
  const TempFolder folder;
  const auto write = [&](const std::string& text) { std::ofstream(folder / "keys") << text; };
  write("# keys\n\nalpha\r\n beta \n");
  EXPECT_EQ(serve::read_api_keys(folder / "keys"), (std::vector<std::string>{"alpha", " beta"}));
  write("\n# none\n");
  EXPECT_THROW(serve::read_api_keys(folder / "keys"), Error);
}

TEST(Service, BadClientsDoNotHarmOthers) {
  serve::HttpOptions http;
  http.idle = 1s;
  http.max_request_bytes = 100000;
  const FakeServer server({}, http);
  const std::string post = "POST /v2/models/fake/infer HTTP/1.1\r\nHost: a\r\n";
  const std::vector<std::string> bad{
      "\x16\x03\x01 no http at all\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "GET /%zz HTTP/1.1\r\n\r\n",
      "GET /v2/health/live HTTP/1.1\r\nA: " + std::string(100000, 'a') + "\r\n\r\n",
      post + "Content-Length: -1\r\n\r\n",
      post + "Content-Length: 99999999999999999999999\r\n\r\n",
      post + "Content-Length: 100001\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
      post + "Content-Length: 1000\r\n\r\nhalf",  // and then nothing
      post,
      "",
  };
  std::vector<std::unique_ptr<RawClient>> clients;
  for (const std::string& bytes : bad) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(bytes);
  }
  for (int i = 0; i < 5; ++i) {
    const Reply reply = infer(server, 3);
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(last_logit(reply), 6);
  }
  for (std::size_t i = 0; i < bad.size(); ++i) {  // each is answered or given up
    const std::string answer = clients[i]->read_all();
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 4")) << bad[i].substr(0, 80) << "\n" << answer;
  }
  EXPECT_EQ(request(server.port(), "POST", "/v1/segment/fake", std::string(100001, 'a')).status, 413);
}

TEST(Service, DrainAnswersWhatIsThereAndTakesNothingNew) {
  FakeServer server;
  const RawClient idle(server.port());
  server.control->hold = true;
  auto reply = std::async(std::launch::async, [&] { return infer(server, 4); });
  ASSERT_TRUE(eventually([&] { return server.control->inside == 1; }));
  server.service.set_draining();
  EXPECT_EQ(request(server.port(), "GET", "/v2/health/ready").status, 400);
  auto drained = std::async(std::launch::async, [&] { return server.server.drain(20s); });
  EXPECT_TRUE(eventually([&] { return !RawClient(server.port()).connected(); }));
  EXPECT_TRUE(idle.read_all().empty());
  server.control->hold = false;
  EXPECT_TRUE(drained.get());
  const Reply answer = reply.get();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(last_logit(answer), 8);
}

TEST(Service, LogsALineARequest) {
  std::mutex mutex;
  std::vector<std::string> lines;
  serve::ServiceOptions options;
  options.access_log = [&](std::string_view line) {
    const std::lock_guard lock(mutex);
    lines.emplace_back(line);
  };
  {
    const FakeServer server(options);
    const auto logged = [&](std::size_t n) {  // which is after the client has its answer
      return eventually([&] {
        const std::lock_guard lock(mutex);
        return lines.size() == n;
      });
    };
    request(server.port(), "GET", "/v2/health/live");
    EXPECT_TRUE(logged(1));
    request(server.port(), "GET", "/no%ff%22where");
    EXPECT_TRUE(logged(2));
  }
  ASSERT_EQ(lines.size(), 2U);
  const Json line = Json::parse(lines[0]);
  EXPECT_EQ(line["path"], "/v2/health/live");
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(Json::parse(lines[1])["status"], 404);
}
