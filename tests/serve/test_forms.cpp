// Images as `curl -F` sends them, and what is said to those who tell curl the wrong thing.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "client.h"
#include "fake_model.h"
#include "images.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/image_case.h"
#include "serve/multipart.h"

using namespace nnunet;
using namespace nnunet::test;
using Json = nlohmann::json;

namespace {

Reply send_form(const FakeServer& server, const std::vector<FormField>& form, const std::string& query = {}) {
  return request(server.port(), "POST", "/v1/segment/fake" + query, {}, {}, form);
}

std::string message(const Reply& reply) {
  const Json json = Json::parse(reply.body, nullptr, false);
  return json.is_object() && json.contains("error") ? json["error"].get<std::string>() : "no message: " + reply.body;
}

/// Files of a channel each, as predict reads them.
std::string expected_of_channels(const std::vector<std::string>& files, bool compressed) {
  const TempFolder folder;
  ImageCase c{"case", {}, {}};
  for (const std::string& file : files) {
    c.channels.push_back(folder / (std::to_string(c.channels.size()) + ".nii.gz"));
    write_text(c.channels.back(), file);
  }
  return label_file(read_image_case(c), compressed);
}

serve::HeaderValue form_type(const std::string& boundary) {
  return {"multipart/form-data", {{"boundary", boundary}}};
}

/// "" where the form is taken.
std::string problem(const std::string& body, const std::string& boundary = "b") {
  try {
    serve::parse_form(form_type(boundary), body);
    return "";
  } catch (const serve::HttpError& e) {
    EXPECT_EQ(e.status(), 400);
    return e.what();
  }
}

const std::string field = "Content-Disposition: form-data; name=a\r\n\r\n";

}  // namespace

TEST(Forms, AFileIsSegmentedAsIfItWereTheBody) {
  const FakeServer server;
  for (const bool compressed : {false, true}) {
    const std::string file = nifti_file(compressed);
    const Reply reply = send_form(server, {{"file", file, "/home/me/image.nii.gz"}});
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.body, expected_labels(file, compressed));
  }
}

TEST(Forms, AFileForEachChannel) {
  const FakeServer server;
  const std::string one = nifti_file(true, 1, 0), two = nifti_file(true, 1, 1);
  const std::string first = expected_of_channels({one, two}, true), second = expected_of_channels({two, one}, true);
  ASSERT_NE(first, second);
  EXPECT_EQ(send_form(server, {{"a", one, "flair.nii.gz"}, {"b", two, "t1.nii.gz"}}).body, first);
  EXPECT_EQ(send_form(server, {{"b", two, "t1.nii.gz"}, {"a", one, "flair.nii.gz"}}).body, second);
  // Their names say which is which, whatever the order.
  EXPECT_EQ(send_form(server, {{"b", two, "case_0001.nii.gz"}, {"a", one, "case_0000.nii.gz"}}).body, first);
  for (const auto& [a, b] :
       std::vector<std::pair<std::string, std::string>>{{"case_0000.nii.gz", "t1.nii.gz"},
                                                        {"case_0001.nii.gz", "case_0002.nii.gz"},
                                                        {"case_0000.nii.gz", "case_0000.nii.gz"}}) {
    const Reply reply = send_form(server, {{"a", one, a}, {"b", two, b}});
    EXPECT_EQ(reply.status, 400) << a << " " << b;
    EXPECT_NE(message(reply).find("which channel"), std::string::npos) << message(reply);
  }
  const Reply three = send_form(server, {{"a", one, "a"}, {"b", two, "b"}, {"c", two, "c"}});
  EXPECT_EQ(three.status, 400);
  EXPECT_NE(message(three).find("3 files, but 'fake' takes 2 channels"), std::string::npos) << message(three);
  const Reply whole = send_form(server, {{"a", nifti_file(true), "4d.nii.gz"}, {"b", two, "b.nii.gz"}});
  EXPECT_EQ(whole.status, 400);
  EXPECT_NE(message(whole).find("4d.nii.gz: has several channels itself"), std::string::npos) << message(whole);
}

TEST(Forms, AFieldIsAParameter) {
  const FakeServer server;
  const std::string file = nifti_file(true);
  const Reply job = send_form(server, {{"file", file, "a.nii.gz"}, {"async", "1"}});
  ASSERT_EQ(job.status, 202) << job.body;
  const std::string path = "/v1/jobs/" + Json::parse(job.body)["id"].get<std::string>();
  EXPECT_TRUE(eventually([&] { return request(server.port(), "GET", path + "/result").status == 200; }));
  EXPECT_EQ(request(server.port(), "GET", path + "/result").body, expected_labels(file, true));
  EXPECT_EQ(send_form(server, {{"async", "0"}, {"file", file, "a.nii.gz"}}).status, 200);
  EXPECT_EQ(send_form(server, {{"async", "False"}, {"file", file, "a.nii.gz"}}).status, 200);
  EXPECT_NE(message(send_form(server, {{"file", file, "a"}, {"async", "1"}}, "?async=0")).find("twice"),
            std::string::npos);
  EXPECT_NE(message(send_form(server, {{"file", file, "a"}, {"tta", "1"}})).find("'tta' means nothing"),
            std::string::npos);
}

TEST(Forms, WhatIsNoImageIsNamed) {
  const FakeServer server;
  const Reply bad = send_form(server, {{"file", "no image", "../../etc/notes.txt"}});
  EXPECT_EQ(bad.status, 400);
  EXPECT_TRUE(message(bad).starts_with("notes.txt: ")) << message(bad);
  EXPECT_NE(message(send_form(server, {{"file", "", "empty.nii.gz"}})).find("'empty.nii.gz' in the form is empty"),
            std::string::npos);
  // curl -F file=image.nii.gz and -F 'file=<image.nii.gz'
  for (const std::string& text : {std::string("image.nii.gz"), nifti_file(false)}) {
    const Reply reply = send_form(server, {{"file", text}});
    EXPECT_EQ(reply.status, 400);
    EXPECT_NE(message(reply).find("curl -F file=@image.nii.gz"), std::string::npos) << message(reply);
  }
  EXPECT_NE(message(send_form(server, {{"async", "1"}})).find("curl -F file=@"), std::string::npos);
}

TEST(Forms, WhatCannotBeUsedIsToldHow) {
  const FakeServer server;
  const std::string path = "/v1/segment/fake", file = nifti_file(true);
  const auto post = [&](const std::string& body, const std::string& type) {
    return request(server.port(), "POST", path, body, {"Content-Type: " + type});
  };
  const std::string form = "--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n" + file + "\r\n--b--\r\n";
  EXPECT_EQ(post(form, "MULTIPART/Form-Data; BOUNDARY=\"b\"").body, expected_labels(file, true));
  struct Case {
    std::string body, type;
    long status = 400;
  };
  for (const Case& c : {Case{form, "multipart/form-data"}, Case{form, "multipart/form-data; boundary=c"},
                        Case{form.substr(0, form.size() - 9), "multipart/form-data; boundary=b"},
                        Case{form, "multipart/mixed; boundary=b", 415}}) {
    const Reply reply = post(c.body, c.type);
    EXPECT_EQ(reply.status, c.status) << c.type;
    EXPECT_NE(message(reply).find("curl --data-binary @image.nii.gz"), std::string::npos) << message(reply);
  }
  EXPECT_NE(message(post(form, "application/octet-stream")).find("Content-Type does not say so"), std::string::npos);
  // curl -d @image.nii.gz
  for (std::string stripped : {nifti_file(true), nifti_file(false)}) {
    std::erase_if(stripped, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
    const Reply reply = post(stripped, "application/x-www-form-urlencoded");
    EXPECT_EQ(reply.status, 400);
    EXPECT_NE(message(reply).find("write --data-binary @image.nii.gz -H 'Content-Type: application/octet-stream'"),
              std::string::npos)
        << message(reply);
  }
  EXPECT_EQ(post(file, "application/x-www-form-urlencoded").status, 200) << "what curl --data-binary says by itself";
  EXPECT_NE(message(post("image.nii.gz", "application/x-www-form-urlencoded")).find("@ goes before it"),
            std::string::npos);
  EXPECT_NE(message(post("", "application/octet-stream")).find("curl --data-binary @image.nii.gz"), std::string::npos);
  EXPECT_EQ(message(post("a text", "text/plain")).find("curl"), std::string::npos) << "from another client";
  EXPECT_EQ(message(post("some\nother\r\nfile" + std::string(400, '\0'), "text/plain")).find("curl"), std::string::npos)
      << "no advice that has nothing to do with it";
}

TEST(Forms, OtherPathsTakeNone) {
  const FakeServer server;
  const std::vector<FormField> form{{"file", "{}", "request.json"}};
  const Reply infer = request(server.port(), "POST", "/v2/models/fake/infer", {}, {}, form);
  EXPECT_EQ(infer.status, 415);
  EXPECT_NE(message(infer).find("curl --data-binary @request.json"), std::string::npos) << message(infer);
}

TEST(Forms, WrongMethodsAreToldTheRightOne) {
  const FakeServer server;
  const auto reply = [&](const std::string& method, const std::string& path) {
    return request(server.port(), method, path);
  };
  const Reply put = reply("PUT", "/v1/segment/fake");
  EXPECT_EQ(put.status, 405);
  EXPECT_EQ(put.headers.at("allow"), "POST");
  EXPECT_NE(message(put).find("curl --data-binary @image.nii.gz URL"), std::string::npos) << message(put);
  EXPECT_NE(message(reply("GET", "/v2/models/fake/infer")).find("@request.json"), std::string::npos);
  const Reply job = reply("POST", "/v1/jobs/7");
  EXPECT_EQ(job.headers.at("allow"), "GET, HEAD, DELETE");
  EXPECT_NE(message(job).find("curl URL, or curl -X DELETE URL"), std::string::npos) << message(job);
  EXPECT_NE(message(reply("POST", "/v1/segment")).find("/v1/segment/NAME"), std::string::npos);
}

TEST(Multipart, Parts) {
  const std::string body =
      "a preamble\r\n--b \t\r\n"
      "content-disposition: Form-Data; NAME=\"a b\"; filename=\"/x/y\\\\z.nii\"\r\n"
      "Content-Type: application/gzip\r\nContent-Transfer-Encoding: BINARY\r\n\r\n"
      "one\r\n--bc\r\n--b -\r\n-b\r\n\r\n--b\r\n" +
      field + "\r\n--b\r\n" +
      "Content-Disposition: form-data; name=c; filename*=UTF-8''up%2fimage%20one.nii\r\n\r\n2\r\n--b--\r\nan epilogue "
      "--b\r\n--b\r\n";
  const auto parts = serve::parse_form(form_type("b"), body);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].name, "a b");
  EXPECT_EQ(parts[0].filename, "z.nii");
  EXPECT_EQ(parts[0].content, "one\r\n--bc\r\n--b -\r\n-b\r\n");
  EXPECT_FALSE(parts[1].filename);
  EXPECT_EQ(parts[1].content, "");
  EXPECT_EQ(parts[2].filename, "image one.nii");
  EXPECT_EQ(parts[2].content, "2");
  EXPECT_TRUE(serve::parse_form(form_type("b"), "--b--").empty());
  const auto odd = serve::parse_form(form_type("a'b (c)"), "--a'b (c)\r\n" + field + "--a'b\r\n--a'b (c)--\t");
  ASSERT_EQ(odd.size(), 1U);
  EXPECT_EQ(odd[0].content, "--a'b");
}

TEST(Multipart, WhatIsMalformedIsRefused) {
  EXPECT_EQ(problem("--b\r\n" + field + "1\r\n--b--\r\n"), "");
  const std::string long_header(serve::max_part_header_bytes, 'x');
  std::string many = "--b\r\n";
  for (std::size_t i = 0; i <= serve::max_form_parts; ++i) many += field + "1\r\n--b\r\n";
  const std::pair<std::string, std::string> cases[] = {
      {"", "not in the body"},
      {"--c\r\n" + field, "not in the body"},
      {"--b\n" + field + "1\n--b--\n", "not in the body"},
      {"--b\r\n", "last boundary is missing"},
      {"--b\r\n" + field + "1", "last boundary is missing"},
      {"--b\r\n" + field + "1\r\n--b\r\n", "last boundary is missing"},
      {"--b\r\n" + field + "1\r\n--b--x", "last boundary is missing"},
      {"--b\r\n" + field + "1--b--\r\n", "last boundary is missing"},
      {"--b\r\n--b--\r\n", "last boundary is missing"},
      {"--b\r\n\r\n--b--\r\n", "headers of a part"},
      {"--b\r\nA: " + long_header + "\r\n" + field + "1\r\n--b--\r\n", "headers of a part"},
      {"--b\r\nA: b\r\n\r\n1\r\n--b--\r\n", "no Content-Disposition"},
      {"--b\r\nA: b\r\n c\r\n" + field + "1\r\n--b--\r\n", "malformed header"},
      {"--b\r\nA\r\n" + field + "1\r\n--b--\r\n", "malformed header"},
      {"--b\r\nA: b\nC: d\r\n" + field + "1\r\n--b--\r\n", "malformed header"},
      {"--b\r\nA: b\r\na: c\r\n" + field + "1\r\n--b--\r\n", "a twice"},
      {"--b\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--b--\r\n", "not form-data"},
      {"--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--b--\r\n", "not form-data"},
      {"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--\r\n", "no name"},
      {"--b\r\nContent-Transfer-Encoding: base64\r\n" + field + "1\r\n--b--\r\n", "encoded as base64"},
      {"--b\r\nContent-Type: Multipart/mixed\r\n" + field + "1\r\n--b--\r\n", "a form itself"},
      {many + "--b--", "more than 64 parts"},
  };
  for (const auto& [body, expected] : cases)
    EXPECT_NE(problem(body).find(expected), std::string::npos) << problem(body) << "\n" << body.substr(0, 200);
  const std::string good = "--b\r\n" + field + "1\r\n--b--\r\n";
  for (const std::string& boundary : {std::string(), std::string(71, 'b'), std::string("b "), std::string("b\r\n")})
    EXPECT_NE(problem(good, boundary).find("not valid"), std::string::npos) << boundary;
  EXPECT_THROW(serve::parse_form({"multipart/form-data", {}}, good), serve::HttpError);
}
