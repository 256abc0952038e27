// The page's files, and the sample volume.
#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>

#include "client.h"
#include "fake_model.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/gzip.h"
#include "nnunet/io/nifti.h"
#include "reference/shared.h"

using namespace nnunet;
using namespace nnunet::test;

namespace {

const std::string script = "export const words = '" + std::string(2000, 'w') + "';\n";

/// A folder with a page, and things beside it that are none of it.
struct Folder {
  Folder() {
    write_text(folder / "secret.txt", "of the folder above");
    write_text(page() / "index.html", "<!doctype html>\n");
    write_text(page() / "app.js", script);
    write_text(page() / "style.css", "body{}");
    write_text(page() / "notes.key", "of no known kind");
    write_text(page() / "inner" / "app.js", "of a folder below");
  }
  std::filesystem::path page() const { return folder / "page"; }

  TempFolder folder;
};

serve::ServiceOptions with_page(const std::filesystem::path& page) {
  serve::ServiceOptions options;
  options.page = page;
  return options;
}

/// The status of a path as it is: curl would tidy it up.
int raw_status(const FakeServer& server, const std::string& path) {
  const RawClient client(server.port());
  client.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const std::string answer = client.read_all();
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}

}  // namespace

TEST(Page, FilesAreServedWithTheirTypesAndWithoutAKey) {
  const Folder folder;
  serve::ServiceOptions options = with_page(folder.page());
  options.api_keys = {"key"};
  const FakeServer server(options);
  const auto get = [&](const std::string& path) { return request(server.port(), "GET", path); };
  const Reply index = get("/");
  EXPECT_EQ(index.status, 200);
  EXPECT_EQ(index.body, "<!doctype html>\n");
  EXPECT_EQ(index.headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(index.headers.at("x-content-type-options"), "nosniff");
  const std::string policy = index.headers.at("content-security-policy");
  EXPECT_TRUE(policy.starts_with("default-src 'self'; ")) << policy;
  EXPECT_EQ(policy.find("unsafe"), std::string::npos) << policy;
  EXPECT_EQ(policy.find("http"), std::string::npos) << policy;
  EXPECT_EQ(get("/page/app.js").body, script);
  EXPECT_EQ(get("/page/app.js").headers.at("content-type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(get("/page/style.css").headers.at("content-type"), "text/css; charset=utf-8");
  EXPECT_EQ(get("/v1/models").status, 401);
  EXPECT_EQ(get("/v1/sample/fake").status, 401);
  EXPECT_EQ(request(server.port(), "POST", "/").status, 405);
}

TEST(Page, NoPathOfARequestIsOpened) {
  const Folder folder;
  const FakeServer server(with_page(folder.page()));
  EXPECT_EQ(raw_status(server, "/page/app.js"), 200);
  for (const char* path :
       {"/page/../secret.txt", "/page/..%2fsecret.txt", "/page/%2e%2e/secret.txt", "/page/inner/app.js",
        "/page/inner%2fapp.js", "/page/notes.key", "/page/", "/page", "/page/./app.js", "/page/app.js%00",
        "/page//etc/passwd", "/page/%2fetc%2fpasswd", "//", "/index.html", "/page/APP.JS"})
    EXPECT_EQ(raw_status(server, path), 404) << path;
  // A file that comes later is not there, and one that goes stays.
  write_text(folder.page() / "late.js", "late");
  std::filesystem::remove(folder.page() / "app.js");
  EXPECT_EQ(raw_status(server, "/page/late.js"), 404);
  EXPECT_EQ(raw_status(server, "/page/app.js"), 200);
}

TEST(Page, IsCompressedForWhoTakesIt) {
  const Folder folder;
  const FakeServer server(with_page(folder.page()));
  const auto get = [&](const std::string& path, const std::string& accept) {
    return request(server.port(), "GET", path, {}, {"Accept-Encoding: " + accept});
  };
  for (const char* accept : {"gzip", "br, gzip;q=0.5", "deflate , gzip ; q=1", "GZip", "BR, X-GZIP; Q=0.5"}) {
    const Reply reply = get("/page/app.js", accept);
    ASSERT_EQ(reply.headers.count("content-encoding"), 1U) << accept;
    EXPECT_EQ(reply.headers.at("content-encoding"), "gzip");
    EXPECT_EQ(reply.headers.at("vary"), "Accept-Encoding");
    EXPECT_LT(reply.body.size(), script.size());
    const Buffer content = gunzip(std::as_bytes(std::span(reply.body)), script.size(), "app.js");
    EXPECT_TRUE(std::ranges::equal(content.bytes(), std::as_bytes(std::span(script))));
  }
  for (const char* accept : {"br", "gzip;q=0", "gzip;q=0.0", "xgzip", "GZIP;Q=0.000"}) {
    const Reply reply = get("/page/app.js", accept);
    EXPECT_EQ(reply.headers.count("content-encoding"), 0U) << accept;
    EXPECT_EQ(reply.body, script);
  }
  // Six bytes would only grow.
  EXPECT_EQ(get("/page/style.css", "gzip").body, "body{}");
}

TEST(Page, IsNotSentAgainToWhoHasIt) {
  const Folder folder;
  const FakeServer server(with_page(folder.page()));
  const auto get = [&](std::vector<std::string> headers) {
    return request(server.port(), "GET", "/page/app.js", {}, headers);
  };
  const Reply first = get({}), small = get({"Accept-Encoding: gzip"});
  const std::string tag = first.headers.at("etag");
  EXPECT_EQ(first.headers.at("cache-control"), "no-cache");
  EXPECT_NE(tag, small.headers.at("etag"));
  EXPECT_NE(tag, request(server.port(), "GET", "/").headers.at("etag"));
  for (const std::string& given : {tag, "\"other\", " + tag, "W/" + tag, std::string("*")}) {
    const Reply again = get({"If-None-Match: " + given});
    EXPECT_EQ(again.status, 304) << given;
    EXPECT_EQ(again.body, "");
    EXPECT_EQ(again.headers.at("etag"), tag);
  }
  EXPECT_EQ(get({"If-None-Match: \"other\""}).status, 200);
  EXPECT_EQ(get({"If-None-Match: " + tag, "Accept-Encoding: gzip"}).status, 200);
}

TEST(Page, AServerCanBeWithoutOne) {
  const FakeServer server;
  EXPECT_EQ(request(server.port(), "GET", "/").status, 404);
  EXPECT_EQ(request(server.port(), "GET", "/page/app.js").status, 404);
  EXPECT_THROW(FakeServer(with_page("/nowhere/at/all")), Error);
}

TEST(Page, TheSampleFitsTheModelAndIsAlwaysTheSame) {
  const FakeServer server;
  const Reply sample = request(server.port(), "GET", "/v1/sample/fake");
  ASSERT_EQ(sample.status, 200);
  EXPECT_EQ(sample.headers.at("content-type"), "application/gzip");
  const Image image = read_nifti(std::as_bytes(std::span(sample.body)), "sample");
  EXPECT_EQ(image.voxels.size(0), 2);  // the fake model's channels
  EXPECT_GT(volume(image.geometry.shape), 10000);
  const std::vector<float>& values = image.voxels.values;
  EXPECT_GT(*std::ranges::max_element(values), 100);
  EXPECT_EQ(request(server.port(), "GET", "/v1/sample/fake").body, sample.body);
  EXPECT_EQ(request(server.port(), "POST", "/v1/segment/fake", sample.body).status, 200);
  EXPECT_EQ(request(server.port(), "GET", "/v1/sample/other").status, 404);
}
