// DICOM studies that are sent to be segmented.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "client.h"
#include "dicom/dicom_bytes.h"
#include "dicom/needs_dicom.h"
#include "fake_model.h"
#include "images.h"
#include "nnunet/dicom/object.h"
#include "nnunet/dicom/read_series.h"
#include "nnunet/io/atomic_file.h"
#include "serve/multipart.h"
#include "small_files.h"

using namespace nnunet;
using namespace nnunet::test;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// Skips where objects cannot be written.
#define NNUNET_NEEDS_DICOM_OBJECTS()                                \
  if (std::string why; !nnunet::dicom::can_write_objects(&why)) {   \
    std::cerr << "SKIPPED: no DICOM objects: " << why << std::endl; \
    GTEST_SKIP() << "no DICOM objects: " << why;                    \
  }

using Files = std::vector<std::pair<std::string, std::string>>;

/// A series of five planes in files of names that tell on the patient.
Files study(const std::string& uid = "1.2.3.4", int shift = 0) {
  Files files;
  for (int z : {3, 0, 4, 1, 2}) {
    DicomSlice slice = dicom_slice(z);
    slice.series = uid;
    slice.instance = fmt::format("{}.{}", uid, z + 1);
    for (std::int16_t& value : slice.values) value = static_cast<std::int16_t>(value + shift);
    files.emplace_back(fmt::format("SmithJane/{}_{}.dcm", uid, z), slice.file());
  }
  return files;
}

Files joined(Files a, const Files& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// The series' image as the library reads it.
Image image_of(const Files& files) {
  const TempFolder folder;
  for (std::size_t i = 0; i < files.size(); ++i) write_bytes(folder / std::to_string(i), files[i].second);
  return dicom::read_series(dicom::find_series(folder / "").series.at(0));
}

std::string expected_of(const Files& files) {
  return label_file(image_of(files), true);
}

std::string related(const Files& files) {
  std::string body;
  for (const auto& [name, content] : files)
    body += "--limit\r\nContent-Type: application/dicom\r\n\r\n" + content + "\r\n";
  return body + "--limit--\r\n";
}
const std::string related_type = "Content-Type: multipart/related; type=\"application/dicom\"; boundary=limit";

std::vector<FormField> form_of(const Files& files) {
  std::vector<FormField> form;
  for (const auto& [name, content] : files) form.push_back({"file", content, name});
  return form;
}

std::string message(const Reply& reply) {
  const Json json = Json::parse(reply.body, nullptr, false);
  return json.is_object() && json.contains("error") ? json["error"].get<std::string>() : "no message: " + reply.body;
}

/// One channel, and a folder for temporary files that has to be empty in the end.
class Dicom : public testing::Test {
 protected:
  Dicom() {
    if (const char* const before = std::getenv("TMPDIR")) before_ = before;
    fs::create_directory(tmp());
    unpack_in(tmp());
  }
  ~Dicom() override {
    EXPECT_TRUE(eventually([&] { return fs::is_empty(tmp()); })) << "something of the study is left";
    if (before_.empty())
      unsetenv("TMPDIR");
    else
      setenv("TMPDIR", before_.c_str(), 1);
  }

  fs::path tmp() const { return folder_ / "tmp"; }
  static void unpack_in(const fs::path& folder) { setenv("TMPDIR", folder.c_str(), 1); }

  Reply send(const std::string& body, const std::string& query = {}, const std::vector<std::string>& headers = {},
             const FakeServer& server = server_of(1)) {
    return request(server.port(), "POST", "/v1/segment/fake" + query, body, headers);
  }
  Reply send(const Files& files, const std::string& query = {}, const std::vector<std::string>& headers = {}) {
    return send(stored_zip(files), query, headers);
  }
  /// 400, and says so, without a path or a name.
  void refused(const Reply& reply, const std::string& reason, int status = 400) {
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_NE(message(reply).find(reason), std::string::npos) << message(reply);
    for (const std::string secret : {"Smith", "Jane", "4711", "nnunet-", "/tmp"})
      EXPECT_EQ(message(reply).find(secret), std::string::npos) << message(reply);
  }

  static FakeServer& server_of(int channels) {
    static FakeServer one({}, {}, 1), two({}, {}, 2);
    return channels == 1 ? one : two;
  }

 private:
  TempFolder folder_;
  std::string before_;
};

TEST_F(Dicom, AStudyIsSegmentedHoweverItIsSent) {
  NNUNET_NEEDS_DICOM();
  const Files files = study();
  const std::string expected = expected_of(files);
  const auto same = [&](const Reply& reply) {
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.body, expected);
    EXPECT_EQ(reply.headers.at("content-type"), "application/gzip");
    EXPECT_FALSE(reply.headers.contains("nnunet-warnings")) << reply.headers.at("nnunet-warnings");
  };
  same(send(files));
  same(send(files, "", {"Content-Type: application/zip"}));
  same(send(related(files), "", {related_type}));
  const std::uint16_t port = server_of(1).port();
  same(request(port, "POST", "/v1/segment/fake", {}, {}, {{"file", stored_zip(files), "Smith.zip"}}));
  same(request(port, "POST", "/v1/segment/fake", {}, {}, form_of(files)));
}

TEST_F(Dicom, OneFileIsAStudy) {
  NNUNET_NEEDS_DICOM();
  const Files files{study().front()};
  const Reply reply = send(files.front().second);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.body, expected_of(files));
}

TEST_F(Dicom, TheAnswerIsAnObjectWhereOneIsWanted) {
  NNUNET_NEEDS_DICOM();
  NNUNET_NEEDS_DICOM_OBJECTS();
  const Files files = study();
  const auto check = [&](const Reply& reply, const std::string& sop_class, bool named) {
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.headers.at("content-type"), "application/dicom");
    EXPECT_EQ(reply.body.substr(128, 4), "DICM");
    for (const std::string& part : {sop_class, std::string("1.2.3.4.1"), std::string("not a medical device")})
      EXPECT_NE(reply.body.find(part), std::string::npos) << part;
    EXPECT_EQ(reply.body.find("Jane") != std::string::npos, named);
  };
  const std::string segmentation = "1.2.840.10008.5.1.4.1.1.66.4";
  check(send(files, "?dicom_seg=binary"), segmentation, true);
  check(send(files, "", {"Accept: application/dicom"}), segmentation, true);
  check(send(files, "?dicom_seg=labelmap"), "1.2.840.10008.5.1.4.1.1.66.7", true);
  check(send(files, "?dicom_seg=rtstruct"), "1.2.840.10008.5.1.4.1.1.481.3", true);
  check(send(files, "?dicom_seg=binary&anonymous=1"), segmentation, false);
  std::vector<FormField> form = form_of(files);
  form.push_back({"dicom_seg", "binary"});
  check(request(server_of(1).port(), "POST", "/v1/segment/fake", {}, {}, form), segmentation, true);
  refused(send(files, "?dicom_seg=yes"), "binary, labelmap and rtstruct are");
}

TEST_F(Dicom, LabelsHaveTheNamesThatTheServerWasGiven) {
  NNUNET_NEEDS_DICOM();
  NNUNET_NEEDS_DICOM_OBJECTS();
  const Reply own = send(study(), "?dicom_seg=binary");
  EXPECT_NE(own.body.find("one"), std::string::npos);
  const FakeServer named({}, {}, 1, {{1, "Nidus of Nowhere"}, {2, "Rim of Nowhere"}});
  const Reply given = send(stored_zip(study()), "?dicom_seg=binary", {}, named);
  EXPECT_NE(given.body.find("Nidus of Nowhere"), std::string::npos);
  EXPECT_EQ(own.body.find("Nidus of Nowhere"), std::string::npos);
}

TEST_F(Dicom, AJobKeepsTheObjectAndTheLabelMap) {
  NNUNET_NEEDS_DICOM();
  NNUNET_NEEDS_DICOM_OBJECTS();
  const std::uint16_t port = server_of(1).port();
  const auto run = [&](const std::string& query) {
    const Reply started = send(study(), "?async=1" + query);
    EXPECT_EQ(started.status, 202) << started.body;
    const std::string path = "/v1/jobs/" + Json::parse(started.body)["id"].get<std::string>();
    EXPECT_TRUE(eventually([&] { return request(port, "GET", path + "/result").status != 409; }));
    return path;
  };
  const std::string both = run("&dicom_seg=binary");
  EXPECT_EQ(request(port, "GET", both + "/result").body.substr(128, 4), "DICM");
  EXPECT_EQ(request(port, "GET", both + "/label_map").body, expected_of(study()));
  EXPECT_EQ(Json::parse(request(port, "GET", both).body)["label_map"], both + "/label_map");
  const std::string one = run("");
  EXPECT_EQ(request(port, "GET", one + "/result").body, expected_of(study()));
  EXPECT_EQ(request(port, "GET", one + "/label_map").status, 404);
  EXPECT_FALSE(Json::parse(request(port, "GET", one).body).contains("label_map"));
  const std::string failed = run("&dicom_series=1.9");
  EXPECT_EQ(request(port, "GET", failed + "/label_map").status, 400);
  for (const std::string& path : {both, one, failed}) EXPECT_EQ(request(port, "DELETE", path).status, 200);
}

TEST_F(Dicom, OfSeveralSeriesOneIsNamed) {
  NNUNET_NEEDS_DICOM();
  const Files first = study("1.2.3.4"), second = study("1.2.3.5", 20), both = joined(first, second);
  ASSERT_NE(expected_of(first), expected_of(second));
  const Reply unnamed = send(both);
  refused(unnamed, "2 series: 1.2.3.4 (CT, 5x4x6), 1.2.3.5 (CT, 5x4x6)");
  refused(unnamed, "dicom_series=UID");
  EXPECT_EQ(Json::parse(unnamed.body)["series"],
            Json::parse(R"([{"uid": "1.2.3.4", "modality": "CT", "shape": [5, 4, 6], "apart": ""},
                            {"uid": "1.2.3.5", "modality": "CT", "shape": [5, 4, 6], "apart": ""}])"));
  EXPECT_EQ(send(both, "?dicom_series=1.2.3.4").body, expected_of(first));
  EXPECT_EQ(send(both, "?dicom_series=1.2.3.5").body, expected_of(second));
  refused(send(both, "?dicom_series=1.2.3.6"), "is not in the study");
  refused(send(both, "?dicom_series=all"), "a request segments one series");
  refused(send(both, "?dicom_series="), "names no series");
  refused(send(both, "?dicom_series=1.2.3.4,1.2.3.5"), "2 series are chosen, but one is wanted");
}

TEST_F(Dicom, ASeriesForEachChannel) {
  NNUNET_NEEDS_DICOM();
  const Files first = study("1.2.3.4"), second = study("1.2.3.5", 20);
  Image one = image_of(first), two = image_of(second);
  const auto stacked = [](Image a, const Image& b) {
    a.voxels.values.insert(a.voxels.values.end(), b.voxels.values.begin(), b.voxels.values.end());
    a.voxels.shape[0] = 2;
    return label_file(std::move(a), true);
  };
  const std::string both = stored_zip(joined(first, second));
  FakeServer& server = server_of(2);
  EXPECT_EQ(send(both, "?dicom_series=1.2.3.4,1.2.3.5", {}, server).body, stacked(one, two));
  EXPECT_EQ(send(both, "?dicom_series=1.2.3.5,1.2.3.4", {}, server).body, stacked(two, one));
  refused(send(both, "", {}, server), "Name those of the 2 channels, in their order: dicom_series=UID,UID");
  refused(send(both, "?dicom_series=1.2.3.4", {}, server), "1 series are chosen, but 2 are wanted");
  refused(send(stored_zip(first), "", {}, server), "1 series are chosen, but 2 are wanted");
}

TEST_F(Dicom, WhatIsNoSeriesIsRefusedWithTheReason) {
  NNUNET_NEEDS_DICOM();
  Files gap = study();
  gap.erase(gap.begin() + 3);
  refused(send(gap), "series 1.2.3.4");
  refused(send(gap), "missing");
  Files truncated = study();
  truncated[1].second.resize(truncated[1].second.size() - 20);
  refused(send(truncated), "study.zip: entry 2");
  const std::uint16_t port = server_of(1).port();
  refused(request(port, "POST", "/v1/segment/fake", {}, {}, form_of(truncated)), "file 2");
  refused(send(Files{{"notes of Jane.txt", "no image"}}), "no DICOM series of images: 1 files are not DICOM");
  DicomSlice localizer = dicom_slice(0);
  localizer.image_type = "ORIGINAL\\PRIMARY\\LOCALIZER";
  refused(send(Files{{"Smith.dcm", localizer.file()}}), "is a localizer");
  refused(send(localizer.file()), "is a localizer");
}

TEST_F(Dicom, BadZipsAreRefused) {
  NNUNET_NEEDS_DICOM();
  const std::string zip = stored_zip(study());
  refused(send(stored_zip({})), "no DICOM series");
  refused(send(zip.substr(0, zip.size() / 2)), "study.zip");
  refused(send("PK\x03\x04 and then nothing"), "study.zip");
  refused(send("no zip", "", {"Content-Type: application/zip"}), "no zip, though Content-Type says so");
  std::string damaged = zip;
  damaged[zip.size() / 3] ^= 1;  // somewhere in an entry: its checksum
  EXPECT_EQ(send(damaged).status, 400);
  const std::vector<FormField> two{{"a", zip, "Smith.zip"}, {"b", zip, "Jane.zip"}};
  refused(request(server_of(1).port(), "POST", "/v1/segment/fake", {}, {}, two), "2 files, of which one is a zip");
}

TEST_F(Dicom, ZipsThatUnpackToFarMoreAreRefused) {
  NNUNET_NEEDS_DICOM();
  std::string bomb = stored_zip(study());
  const std::size_t directory = bomb.find("PK\x01\x02");
  bomb[directory + 10] = 8;     // deflated,
  bomb[directory + 27] = 0x40;  // to 1 GiB
  refused(send(bomb), "unpacks to more than 256 MiB", 413);
}

TEST_F(Dicom, PartsOfAnotherKindAreRefused) {
  std::string other = related(study());
  other.replace(other.find("application/dicom"), 17, "application/plain");
  refused(send(other, "", {related_type}), "must be application/dicom", 415);
  refused(send("--limit--\r\n", "", {related_type}), "holds no file");
  refused(send("--limit\r\n", "", {related_type}), "last boundary is missing");
}

TEST_F(Dicom, WhatIsLeftOutIsSaid) {
  NNUNET_NEEDS_DICOM();
  DicomSlice localizer = dicom_slice(0);
  localizer.image_type = "ORIGINAL\\PRIMARY\\LOCALIZER";
  localizer.series = "1.2.3.9";
  Files files = joined(study(), {{"Smith.dcm", localizer.file()}, {"Jane.txt", "text"}, {"empty.txt", ""}});
  const Reply reply = request(server_of(1).port(), "POST", "/v1/segment/fake", {}, {}, form_of(files));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.body, expected_of(study()));
  const std::string& warnings = reply.headers.at("nnunet-warnings");
  EXPECT_EQ(warnings, "2 files are not DICOM; file 6 is left out: it is a localizer");
}

TEST_F(Dicom, ParametersOfDicomAreForDicom) {
  FakeServer& server = server_of(2);
  const std::string nifti = nifti_file(true);
  for (const std::string query : {"?dicom_seg=binary", "?dicom_series=1.2", "?anonymous=1"})
    refused(send(nifti, query, {}, server), "are for DICOM images");
  refused(send(nifti, "", {"Accept: application/dicom"}, server), "are for DICOM images");
  EXPECT_EQ(send(nifti, "", {}, server).body, expected_labels(nifti, true));
}

TEST_F(Dicom, VolumesHaveLimits) {
  NNUNET_NEEDS_DICOM();
  const FakeServer small({.volume_voxels = 100}, {}, 1), little({.volume_bytes = 100}, {}, 1);
  refused(send(stored_zip(study()), "", {}, small), "the series has 120 voxels; at most 100 are taken", 413);
  refused(send(stored_zip(study()), "", {}, little), "--max_volume_gib", 413);
}

TEST_F(Dicom, AStudysImageIsGivenAsNifti) {
  NNUNET_NEEDS_DICOM();
  const Files first = study("1.2.3.4"), second = study("1.2.3.5", 20);
  const auto convert = [](const std::string& body, const std::string& query = {}) {
    return request(server_of(1).port(), "POST", "/v1/image" + query, body);
  };
  const auto bytes_of = [](const Image& image) {
    const auto bytes = encode_image(image, true);
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  const Reply reply = convert(stored_zip(first));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.body, bytes_of(image_of(first)));
  const std::string both = stored_zip(joined(first, second));
  refused(convert(both), "dicom_series=UID");
  EXPECT_EQ(convert(both, "?dicom_series=1.2.3.5").body, bytes_of(image_of(second)));
  const Reply stacked = convert(both, "?dicom_series=1.2.3.5,1.2.3.4");
  ASSERT_EQ(stacked.status, 200) << stacked.body;
  EXPECT_EQ(read_nifti(std::as_bytes(std::span(stacked.body)), "image").voxels.size(0), 2);
  refused(convert(nifti_file(true)), "is not of DICOM");
  const FakeServer small({.volume_voxels = 100}, {}, 1);
  refused(request(small.port(), "POST", "/v1/image", stored_zip(first)), "at most 100", 413);
}

TEST_F(Dicom, WithoutSpaceTheServerIsAtFault) {
  NNUNET_NEEDS_DICOM();
  const char* const no_space = "the server has no space to keep the study";
  const Files files = study();
  const std::string zip = stored_zip(files);
  Reply reply;
  {
    const SmallFiles disk(2 * files.front().second.size());
    ASSERT_LT(2 * files.front().second.size(), zip.size());
    reply = send(zip);
  }
  refused(reply, no_space, 503);
  {
    const SmallFiles disk(files.front().second.size() / 2);
    reply = request(server_of(1).port(), "POST", "/v1/segment/fake", {}, {}, form_of(files));
  }
  refused(reply, no_space, 503);
  unpack_in("/dev/null");  // which is no folder, not even root's
  refused(send(zip), no_space, 503);
  unpack_in(tmp());
  refused(send(zip, "?dicom_series=TMPDIR"), "is not in the study");  // the client's fault, whatever he says
  EXPECT_EQ(send(zip).status, 200);
}

TEST_F(Dicom, WithoutSpaceForTheObjectTheServerIsAtFault) {
  NNUNET_NEEDS_DICOM();
  NNUNET_NEEDS_DICOM_OBJECTS();
  const Files files = study();
  const auto object = [&] {
    return request(server_of(1).port(), "POST", "/v1/segment/fake?dicom_seg=binary", {}, {}, form_of(files));
  };
  Reply reply = object();
  ASSERT_EQ(reply.status, 200) << reply.body;
  const std::size_t room = files.front().second.size() + 256;
  ASSERT_LT(room, reply.body.size());
  {
    const SmallFiles disk(room);
    reply = object();
  }
  refused(reply, "the server has no space to keep the study", 503);
}

TEST_F(Dicom, TheLogHoldsNoNames) {
  NNUNET_NEEDS_DICOM();
  std::mutex mutex;
  std::string lines;
  const FakeServer server({.access_log =
                               [&](std::string_view line) {
                                 const std::lock_guard lock(mutex);
                                 lines += line;
                               }},
                          {}, 1);
  const auto send_named = [&](const std::string& query) {
    return request(server.port(), "POST", "/v1/segment/fake" + query, {}, {}, form_of(study())).status;
  };
  EXPECT_EQ(send_named("?dicom_series=1.2.3.4"), 200);
  EXPECT_EQ(send_named("?dicom_series=1.2.3.7"), 400);
  const auto logged = [&] {
    const std::lock_guard lock(mutex);
    return lines.find("400") != std::string::npos;
  };
  EXPECT_TRUE(eventually(logged));
  const std::lock_guard lock(mutex);
  for (const std::string secret : {"Smith", "Jane", "1.2.3.4", "1.2.3.7"})
    EXPECT_EQ(lines.find(secret), std::string::npos) << lines;
}

TEST_F(Dicom, StoredInstancesAreAnsweredWithTheObject) {
  NNUNET_NEEDS_DICOM();
  NNUNET_NEEDS_DICOM_OBJECTS();
  const auto store = [](const std::string& body, const std::string& type, const std::string& rest = {}) {
    return request(server_of(1).port(), "POST", "/dicom-web/fake/studies" + rest, body, {type});
  };
  for (const auto& [rest, sop_class] : Files{{"", "1.2.840.10008.5.1.4.1.1.66.4"},
                                             {"/1.2.3", "1.2.840.10008.5.1.4.1.1.66.4"},
                                             {"?dicom_seg=rtstruct", "1.2.840.10008.5.1.4.1.1.481.3"}}) {
    const Reply reply = store(related(study()), related_type, rest);
    ASSERT_EQ(reply.status, 200) << reply.body;
    const auto type = serve::parse_header_value(reply.headers.at("content-type"));
    ASSERT_TRUE(type);
    EXPECT_EQ(type->value, "multipart/related");
    EXPECT_EQ(type->parameters.at("type"), "application/dicom");
    const auto parts = serve::parse_related(*type, reply.body, 1);
    ASSERT_EQ(parts.size(), 1U);
    EXPECT_EQ(parts[0].type, "application/dicom");
    EXPECT_EQ(parts[0].content.substr(128, 4), "DICM");
    EXPECT_NE(parts[0].content.find(sop_class), std::string_view::npos);
  }
  refused(store(related(study("1.2.3.4")), related_type, "?dicom_series=1.2.3.5"), "is not in the study");
  refused(store(stored_zip(study()), "Content-Type: application/zip"), "multipart/related", 415);
  refused(store(related(study()), related_type, "/1.2.30"), "of another study than the path names", 409);
  refused(store(related(study()), related_type, "?async=1"), "/v1/segment/NAME?async=1");
}

TEST_F(Dicom, WithoutTheLibraryTheServerSaysSo) {
  std::string why;
  if (dicom::is_available(&why)) GTEST_SKIP() << "DICOM can be read here";
  refused(send(study()), "this server cannot read DICOM", 501);
}

TEST(Multipart, FilesThatBelongTogether) {
  const std::string body =
      "--b\r\nContent-Type: Application/DICOM; transfer-syntax=1.2\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--";
  const auto parts = serve::parse_related({"multipart/related", {{"boundary", "b"}}}, body, 2);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].type, "application/dicom");
  EXPECT_EQ(parts[0].content, "one");
  EXPECT_EQ(parts[1].type, "");
  EXPECT_EQ(parts[1].content, "two");
  EXPECT_THROW(serve::parse_related({"multipart/related", {{"boundary", "b"}}}, body, 1), serve::HttpError);
  EXPECT_THROW(serve::parse_related({"multipart/related", {}}, body, 2), serve::HttpError);
}

}  // namespace
