// Tokens of headers in any letters, at the server and taken apart alone. What curl would write itself is sent raw.
#include <gtest/gtest.h>

#include "client.h"
#include "fake_model.h"
#include "images.h"
#include "serve/header_tokens.h"

using namespace nnunet;
using namespace nnunet::test;
using namespace std::chrono_literals;

namespace {

/// A POST of an image without its body.
std::string head(const std::string& file, const std::string& headers, const std::string& version = "1.1") {
  return "POST /v1/segment/fake HTTP/" + version + "\r\nHost: a\r\nContent-Length: " + std::to_string(file.size()) +
         "\r\n" + headers + "\r\n";
}

/// The answer of a connection that the server shall close.
std::string answer(const FakeServer& server, const std::string& bytes) {
  const RawClient client(server.port());
  client.send(bytes);
  return client.read_all();
}

std::string get(const std::string& headers, const std::string& version = "1.1") {
  return "GET /v2/health/live HTTP/" + version + "\r\nHost: a\r\n" + headers + "\r\n";
}

}  // namespace

TEST(Headers, AnInterimAnswerIsGivenAtOnce) {
  const FakeServer server;
  const std::string file = nifti_file(true);
  for (const std::string expect : {"100-continue", "100-Continue", "100-CONTINUE", " 100-continue , 100-Continue"}) {
    const RawClient client(server.port());
    client.send(head(file, "eXPECT: " + expect + "\r\nConnection: close\r\n"));
    EXPECT_EQ(client.read_some(), "HTTP/1.1 100 Continue\r\n\r\n") << expect;  // or the test would wait for 20 s
    client.send(file);
    const std::string rest = client.read_all();
    EXPECT_TRUE(rest.starts_with("HTTP/1.1 200")) << rest.substr(0, 200);
    EXPECT_TRUE(rest.ends_with(expected_labels(file, true))) << expect;
  }
}

TEST(Headers, OtherExpectationsAreRefused) {
  const FakeServer server;
  for (const std::string expect : {"200-ok", "100-continue, 200-ok", "100-continue;a=b", "100"}) {
    const std::string refused = answer(server, head("a", "Expect: " + expect + "\r\n"));
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 417")) << expect << "\n" << refused;
    EXPECT_NE(refused.find("curl -H 'Expect:'"), std::string::npos) << refused;
  }
  // What is refused anyway needs no body.
  EXPECT_TRUE(answer(server, "POST /nowhere HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-Continue\r\n\r\n")
                  .starts_with("HTTP/1.1 404"));
}

TEST(Headers, OldClientsGetNoInterimAnswer) {
  const FakeServer server;
  const std::string file = nifti_file(true);
  const std::string all = answer(server, head(file, "Expect: 100-continue\r\n", "1.0") + file);
  EXPECT_TRUE(all.starts_with("HTTP/1.1 200")) << all.substr(0, 200);
}

TEST(Headers, ConnectionsAreKeptOrClosedAsAsked) {
  const FakeServer server;
  for (const std::string close : {"close", "Close", "CLOSE", "foo, Close"}) {
    const auto start = std::chrono::steady_clock::now();
    const std::string one = answer(server, get("Connection: " + close + "\r\n"));
    EXPECT_TRUE(one.starts_with("HTTP/1.1 200")) << one;
    EXPECT_LT(std::chrono::steady_clock::now() - start, 10s) << close;
  }
  for (const std::string keep : {"keep-alive", "Keep-Alive", "KEEP-ALIVE"}) {
    const std::string two = answer(server, get("Connection: " + keep + "\r\n", "1.0") + get("", "1.0"));
    EXPECT_NE(two.find("HTTP/1.1 200", 1), std::string::npos) << keep << "\n" << two;
  }
}

TEST(Headers, BodiesInPieces) {
  const FakeServer server;
  const std::string file = nifti_file(true);
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", file.size());
  const std::string start = "POST /v1/segment/fake HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
  const std::string chunks = size + file + "\r\n0\r\n\r\n";
  for (const std::string coding : {"chunked", "Chunked", "CHUNKED"}) {
    const std::string all = answer(server, start + "Transfer-Encoding: " + coding + "\r\n\r\n" + chunks);
    EXPECT_TRUE(all.starts_with("HTTP/1.1 200")) << coding << "\n" << all.substr(0, 300);
    EXPECT_TRUE(all.ends_with(expected_labels(file, true))) << coding;
  }
  for (const std::string coding : {"gzip, chunked", "GZip", "identity"})
    EXPECT_TRUE(
        answer(server, start + "Transfer-Encoding: " + coding + "\r\n\r\n" + chunks).starts_with("HTTP/1.1 501"))
        << coding;
}

TEST(Headers, ContentEncoding) {
  const FakeServer server;
  const std::string file = nifti_file(true);
  const auto send = [&](const std::string& coding) {
    return request(server.port(), "POST", "/v1/segment/fake", file, {"Content-Encoding: " + coding});
  };
  EXPECT_EQ(send("identity").status, 200);
  EXPECT_EQ(send("Identity").status, 200);
  EXPECT_EQ(send("GZIP").status, 415);
  EXPECT_EQ(send("identity, gzip").status, 415);
  EXPECT_NE(send("gzip").body.find("sent without that header"), std::string::npos);
}

TEST(Headers, OriginsAreComparedWithoutCase) {
  const FakeServer server;
  const std::string port = std::to_string(server.port());
  const auto status = [&](const std::string& host, const std::string& origin) {
    return request(server.port(), "GET", "/v2", {}, {"Host: " + host + ":" + port, "Origin: " + origin}).status;
  };
  EXPECT_EQ(status("LocalHost", "http://localhost:" + port), 200);
  EXPECT_EQ(status("localhost", "HTTP://LOCALHOST:" + port), 200);
  EXPECT_EQ(status("localhost", "http://elsewhere:" + port), 403);
}

TEST(Headers, Values) {
  using serve::parse_header_value;
  const auto plain = parse_header_value(" Multipart/Form-Data ; Boundary=aB ; charset = \"utf \\\"8\\\\\" ;");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->value, "multipart/form-data");
  EXPECT_EQ(plain->parameters, (std::map<std::string, std::string>{{"boundary", "aB"}, {"charset", "utf \"8\\"}}));
  const auto windows = parse_header_value(R"(form-data; name="a;b=c"; filename="C:\data\case.nii")");
  ASSERT_TRUE(windows);
  EXPECT_EQ(windows->parameters.at("name"), "a;b=c");
  EXPECT_EQ(windows->parameters.at("filename"), R"(C:\data\case.nii)");
  EXPECT_TRUE(parse_header_value(""));
  for (const char* const bad :
       {"a; b", "a; b; c=d", "a; =b", "a; b=\"c", "a; b=\"c\" d", "a; b=c; B=d", "a; b=\"c\\\""})
    EXPECT_FALSE(parse_header_value(bad)) << bad;
  EXPECT_EQ(serve::header_list(" a,, b c ,\t,d"), (std::vector<std::string_view>{"a", "b c", "d"}));
  EXPECT_TRUE(serve::same_token("cHUNKED", "Chunked"));
  EXPECT_FALSE(serve::same_token("chunked", "chunke"));
  EXPECT_FALSE(serve::same_token("a[", "a{"));
}
