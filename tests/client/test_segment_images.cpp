// nnunet client's work against a server with a fake network.
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "client/client_folders.h"
#include "http/fake_proxy.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/nifti.h"

using namespace nnunet;
using namespace nnunet::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

Image make_image(std::int64_t channels, float first) {
  Image image;
  image.voxels = Array<float>({channels, 3, 4, 5});
  for (std::size_t i = 0; i < image.voxels.values.size(); ++i)
    image.voxels.values[i] = first + static_cast<float>(i % 7) / 7;
  image.geometry.shape = {3, 4, 5};
  image.geometry.spacing = {3, 2, 1};
  image.geometry.affine = {{{1, 0, 0, 5}, {0, 2, 0, 6}, {0, 0, 3, 7}, {0, 0, 0, 1}}};
  return image;
}

/// What FakeModel makes of it, as a file.
std::string expected(const fs::path& first_channel) {
  const Image image = read_nifti(first_channel);
  LabelMap map;
  map.voxels = Array<std::uint8_t>({3, 4, 5});
  for (std::size_t i = 0; i < map.voxels.values.size(); ++i) map.voxels.values[i] = image.voxels.values[i] > 0.5F;
  map.geometry = image.geometry;
  const auto bytes = encode_label_map(map, true);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

using Client = ClientFolders;

/// "fake" jobs at the server in that state.
std::string jobs(const FakeServer& server, const std::string& state) {
  ModelServer connection({.url = "http://127.0.0.1:" + std::to_string(server.port()), .api_key = {}, .trust = {}});
  const std::string text = connection.send("GET", "/metrics").body;
  const std::string line = "nnunet_jobs{state=\"" + state + "\"} ";
  const std::size_t at = text.find(line);
  return at == std::string::npos ? "none" : text.substr(at + line.size(), text.find('\n', at) - at - line.size());
}

TEST_F(Client, SavesWhatPredictWould) {
  FakeServer server;
  write_image(in("whole.nii.gz"), make_image(2, 0));
  write_image(in("plain.nii"), make_image(2, 0.25F));
  write_image(in("parts_0000.nii.gz"), make_image(1, 0.125F));
  write_image(in("parts_0001.nii.gz"), make_image(1, 0.5F));
  write_image(in("one_0000.nii.gz"), make_image(1, 0));  // its second channel is missing
  write_text(in("broken.nii.gz"), "no image");
  RemoteSegmentationOptions o = options(server);
  o.jobs = 3;
  const auto result = segment_images(o);
  EXPECT_EQ(result.segmented, 3);
  EXPECT_EQ(result.failed, 2);
  EXPECT_FALSE(result.stopped);
  EXPECT_EQ(read_text(out("whole.nii.gz")), expected(in("whole.nii.gz")));
  EXPECT_EQ(read_text(out("plain.nii.gz")), expected(in("plain.nii")));
  EXPECT_EQ(read_text(out("parts.nii.gz")), expected(in("parts_0000.nii.gz")));
  EXPECT_EQ(std::distance(fs::directory_iterator(out()), {}), 4);  // and .nnunet: nothing unfinished
  EXPECT_EQ(jobs(server, "done"), "0") << "the server keeps results that were fetched";

  const auto again = segment_images(o);
  EXPECT_EQ(again.kept, 3);
  EXPECT_EQ(again.segmented, 0);
  o.overwrite = true;
  o.cases = {"whole", "absent"};
  const auto some = segment_images(o);
  EXPECT_EQ(some.segmented, 1);
  EXPECT_EQ(some.failed, 1);

  o = options(server);
  o.input = in("plain.nii");
  o.output = folder_ / "file.nii";
  EXPECT_EQ(segment_images(o).segmented, 1);
  EXPECT_EQ(read_label_map(folder_ / "file.nii").voxels.values, read_label_map(out("plain.nii.gz")).voxels.values);
}

TEST_F(Client, MapsOfAnotherNetworkOrImageAreMadeAnew) {
  FakeServer server;
  write_image(in("a.nii"), make_image(2, 0));
  write_image(in("b_0000.nii"), make_image(1, 0));
  write_image(in("b_0001.nii"), make_image(1, 0));
  const RemoteSegmentationOptions o = options(server);
  const auto run = [&] {
    const auto result = segment_images(o);
    EXPECT_EQ(result.failed, 0);
    return std::to_string(result.segmented) + " made, " + std::to_string(result.kept) + " kept";
  };
  const auto say = [&](const std::string& made_with) {
    const std::lock_guard lock(server.control->mutex);
    server.control->made_with = made_with;
  };
  EXPECT_EQ(run(), "2 made, 0 kept");
  EXPECT_EQ(run(), "0 made, 2 kept");
  say(R"({"networks":["5678"]})");
  EXPECT_EQ(run(), "2 made, 0 kept");
  say(R"({"networks":["5678"],"tta":true})");
  EXPECT_EQ(run(), "2 made, 0 kept");
  write_image(in("a.nii"), make_image(2, 0.25F));
  EXPECT_EQ(run(), "1 made, 1 kept");
  EXPECT_EQ(read_text(out("a.nii.gz")), expected(in("a.nii")));
  write_image(in("b_0001.nii"), make_image(1, 0.25F));
  EXPECT_EQ(run(), "1 made, 1 kept");
  say("");  // a server of an earlier version
  EXPECT_EQ(run(), "2 made, 0 kept");
  EXPECT_EQ(run(), "2 made, 0 kept");
  write_text(out("a.nii.gz"), "edited by hand");
  EXPECT_THROW(segment_images(o), Error);
  write_text(out("a.nii.gz"), "mine");
  fs::remove_all(out(".nnunet"));
  EXPECT_THROW(segment_images(o), Error);
  EXPECT_EQ(read_text(out("a.nii.gz")), "mine");
}

TEST_F(Client, ANetworkThatIsExchangedMeanwhileCostsTheCase) {
  FakeServer server;
  write_image(in("a.nii"), make_image(2, 0));
  server.control->hold = true;
  const RemoteSegmentationOptions o = options(server);
  auto run = std::async(std::launch::async, [&] { return segment_images(o); });
  for (int i = 0; i < 2000 && server.control->inside == 0; ++i) std::this_thread::sleep_for(5ms);
  {
    const std::lock_guard lock(server.control->mutex);
    server.control->made_with = R"({"networks":["5678"]})";
  }
  server.control->hold = false;
  EXPECT_EQ(run.get().failed, 1);
  EXPECT_FALSE(fs::exists(out("a.nii.gz")));
  EXPECT_EQ(segment_images(o).segmented, 1);
}

TEST_F(Client, WaitsForABusyServer) {
  FakeServer server({.max_volumes = 1});
  for (int i = 0; i < 5; ++i) write_image(in(std::to_string(i) + ".nii.gz"), make_image(2, 0));
  server.control->hold = true;
  RemoteSegmentationOptions o = options(server);
  o.jobs = 5;
  auto run = std::async(std::launch::async, [&] { return segment_images(o); });
  ModelServer connection(o.server);
  const auto refused = [&] {
    return connection.send("GET", "/metrics").body.find("nnunet_http_responses_total{code=\"429\"}") !=
           std::string::npos;
  };
  for (int i = 0; i < 2000 && !refused(); ++i) std::this_thread::sleep_for(5ms);
  EXPECT_TRUE(refused());
  server.control->hold = false;
  EXPECT_EQ(run.get().segmented, 5);
}

TEST_F(Client, StopsAndCancelsTheServersJob) {
  FakeServer server;
  for (int i = 0; i < 3; ++i) write_image(in(std::to_string(i) + ".nii.gz"), make_image(2, 0));
  server.control->hold = true;
  RemoteSegmentationOptions o = options(server);
  o.stop = [&] { return server.control->inside > 0; };
  const auto result = segment_images(o);
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(result.segmented + result.failed, 0);
  EXPECT_FALSE(fs::exists(out("0.nii.gz")));
  for (int i = 0; i < 2000 && server.control->inside > 0; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(server.control->inside, 0);
}

TEST_F(Client, GivesUpAfterItsTime) {
  FakeServer server;
  write_image(in("slow.nii.gz"), make_image(2, 0));
  server.control->hold = true;
  RemoteSegmentationOptions o = options(server);
  o.timeout = 1s;
  EXPECT_EQ(segment_images(o).failed, 1);
  EXPECT_EQ(jobs(server, "running"), "0");
}

TEST_F(Client, NamesTheProxy) {
  write_image(in("a.nii.gz"), make_image(2, 0));
  FakeServer server;
  const auto message = [](const RemoteSegmentationOptions& o) {
    try {
      segment_images(o);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  RemoteSegmentationOptions elsewhere = options(server);
  elsewhere.server.url = "http://models.invalid:8000";
  const auto says_so = [&](const std::string& proxy) {
    const std::string text = message(elsewhere);
    EXPECT_NE(text.find("through the proxy http://" + proxy + " that http_proxy names"), std::string::npos) << text;
    EXPECT_NE(text.find("no_proxy=models.invalid leaves it out"), std::string::npos) << text;
    EXPECT_EQ(text.find("word"), std::string::npos) << text;
  };
  // One that answers for the server, one that answers something else, and none.
  std::string closed;
  for (const std::string answer : {"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n<p>no such host",
                                   "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<p>log in first"}) {
    FakeProxy proxy(answer);
    const ProxyVariables environment({{"http_proxy", "http://user:word@" + proxy.address()}});
    says_so(proxy.address());
    EXPECT_EQ(proxy.requests(), std::vector<std::string>{"GET http://models.invalid:8000/v1/models HTTP/1.1"});
    EXPECT_EQ(segment_images(options(server)).failed, 0) << "a server on this machine is asked directly";
    EXPECT_EQ(proxy.requests().size(), 1U);
    closed = proxy.address();
  }
  const ProxyVariables environment({{"http_proxy", "http://user:word@" + closed}});
  says_so(closed);
}

TEST_F(Client, SaysWhatIsWrong) {
  serve::ServiceOptions secret;
  secret.api_keys = {"key"};
  FakeServer server(secret);
  write_image(in("a.nii.gz"), make_image(2, 0));
  const auto message = [](const RemoteSegmentationOptions& o) {
    try {
      segment_images(o);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  RemoteSegmentationOptions o = options(server);
  EXPECT_NE(message(o).find("API key"), std::string::npos) << message(o);
  write_text(folder_ / "key", "# ours\n\nkey\n");
  o.server.api_key = read_api_key(folder_ / "key");
  o.model = "other";
  EXPECT_NE(message(o).find("It has: fake"), std::string::npos) << message(o);
  o.model = "fake";
  EXPECT_EQ(segment_images(o).segmented, 1);
  o.output = in("out");
  EXPECT_NE(message(o).find("inside the input folder"), std::string::npos) << message(o);
  o.server.url = "127.0.0.1:1";
  EXPECT_NE(message(o).find("no http or https address"), std::string::npos) << message(o);
  o.server.url = "http://127.0.0.1:1";
  EXPECT_NE(message(o).find("that the server runs"), std::string::npos) << message(o);
  write_text(folder_ / "key", "# none\n");
  EXPECT_THROW(read_api_key(folder_ / "key"), Error);
}

}  // namespace
