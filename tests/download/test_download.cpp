#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>

#include "download/server.h"
#include "nnunet/core/error.h"
#include "nnunet/download/download.h"
#include "nnunet/io/digest.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using test::HttpServer;
using test::TempFolder;

std::string read_all(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_all(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t x = 1;
  for (char& c : bytes) c = static_cast<char>((x = x * 1664525U + 1013904223U) >> 24U);
  return bytes;
}

struct Entry {
  std::string name, content;
  unsigned type = AE_IFREG;
  std::string link = {}, hard_link = {};
};

void write_tar(const fs::path& path, const std::vector<Entry>& entries, bool gzip = false) {
  archive* writer = archive_write_new();
  archive_write_set_format_pax_restricted(writer);
  if (gzip) archive_write_add_filter_gzip(writer);
  ASSERT_EQ(archive_write_open_filename(writer, path.c_str()), ARCHIVE_OK);
  for (const Entry& e : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, e.name.c_str());
    archive_entry_set_filetype(entry, e.type);
    archive_entry_set_perm(entry, 04755);
    archive_entry_set_size(entry, static_cast<la_int64_t>(e.content.size()));
    if (!e.link.empty()) archive_entry_set_symlink(entry, e.link.c_str());
    if (!e.hard_link.empty()) archive_entry_set_hardlink(entry, e.hard_link.c_str());
    archive_write_header(writer, entry);
    archive_write_data(writer, e.content.data(), e.content.size());
    archive_entry_free(entry);
  }
  archive_write_free(writer);
}

std::vector<Entry> dataset(const std::string& folder) {
  return {{folder + "/", "", AE_IFDIR},
          {folder + "/dataset.json", "{}"},
          {"./" + folder + "/imagesTr/a.nii.gz", noise(300000)},
          {folder + "/imagesTr/._a.nii.gz", "AppleDouble"}};
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(Download, TasksHaveDefaultAddresses) {
  EXPECT_EQ(msd_archive("04").url, "https://msd-for-monai.s3-us-west-2.amazonaws.com/Task04_Hippocampus.tar");
  EXPECT_EQ(msd_archive("4").name, "Task04_Hippocampus");
  EXPECT_EQ(msd_archive("10").name, "Task10_Colon");
  for (const char* task : {"0", "11", "", "x", "4x", "-1"}) EXPECT_THROW(msd_archive(task), Error) << task;
}

TEST(Fetch, WholeFilesAndRedirections) {
  const TempFolder folder, results;
  const std::string content = noise(350000);
  write_all(folder / "file", content);
  write_all(folder / "empty", "");
  const HttpServer server(folder.path());
  for (const char* mode : {"ranges", "noranges", "redirect", "busy"}) {
    fetch(server.url(std::string("/") + mode + "/file"), results / mode);
    EXPECT_EQ(read_all(results / mode), content) << mode;
  }
  fetch(server.url("/ranges/empty"), results / "new" / "empty");
  EXPECT_EQ(fs::file_size(results / "new" / "empty"), 0U);
  EXPECT_EQ(files_in(results.path()), 5U);  // no .part, no .tag
}

TEST(Fetch, BrokenConnectionsAreContinued) {
  const TempFolder folder, results;
  const std::string content = noise(350000);
  write_all(folder / "file", content);
  const HttpServer server(folder.path());
  fetch(server.url("/drop/file"), results / "drop");
  EXPECT_EQ(read_all(results / "drop"), content);
  EXPECT_NE(read_all(folder / "requests").find("bytes=300000- \"v1\""), std::string::npos)
      << read_all(folder / "requests");
  fetch(server.url("/dropnoranges/file"), results / "noranges");
  EXPECT_EQ(read_all(results / "noranges"), content);
  EXPECT_EQ(files_in(results.path()), 2U);
}

TEST(Fetch, LaterCallsContinueWhatFitsAndNothingElse) {
  const TempFolder folder, results;
  const std::string content = noise(350000);
  write_all(folder / "file", content);
  const HttpServer server(folder.path());
  const std::string url = server.url("/ranges/file");
  const auto part = results / "out.part", tag = results / "out.part.tag";
  const auto attempt = [&](const std::string& part_content, const std::string& tag_content) {
    write_all(part, part_content);
    write_all(tag, tag_content);
    fs::remove(results / "out");
    fetch(url, results / "out");
    EXPECT_EQ(read_all(results / "out"), content);
    std::string requests = read_all(folder / "requests");
    requests.pop_back();
    return requests.substr(requests.rfind('\n') + 1);
  };
  EXPECT_EQ(attempt(content.substr(0, 1234), url + "\n\"v1\"\n"), "ranges bytes=1234- \"v1\"");
  EXPECT_EQ(attempt(noise(10), url + "\n\"v0\"\n"),
            "ranges bytes=10- \"v0\"");  // the remote file has changed: sent anew
  EXPECT_EQ(attempt("other", "http://elsewhere/file\n\"v1\"\n"), "ranges None None");  // the part is of another file
  EXPECT_EQ(attempt(content, url + "\n\"v1\"\n"), "ranges bytes=350000- \"v1\"");      // whole already
  EXPECT_EQ(attempt(content + "more", url + "\n\"v1\"\n"), "ranges None None");        // too long: starts again
}

TEST(Fetch, FailuresAreErrors) {
  const TempFolder folder, results;
  write_all(folder / "file", noise(350000));
  write_all(folder / "plain", "x");
  const HttpServer server(folder.path());
  const auto failure = [&](const std::string& url) { return refusal([&] { fetch(url, results / "out"); }); };
  EXPECT_NE(failure(server.url("/ranges/absent")).find("404"), std::string::npos);
  EXPECT_NE(failure("file://" + (folder / "plain").string()), "");
  EXPECT_NE(failure("no address"), "");
  EXPECT_NE(failure(server.url("/liar/file")).find("range"), std::string::npos);
  EXPECT_NE(refusal([&] { fetch(server.url("/ranges/file"), folder / "plain" / "out"); }), "");
  EXPECT_FALSE(fs::exists(results / "out"));
}

TEST(Fetch, GivesUpOnShortAnswersAndKeepsThePart) {
  const TempFolder folder, results;
  write_all(folder / "file", noise(1000));
  const HttpServer server(folder.path());
  EXPECT_NE(
      refusal([&] { fetch(server.url("/short/file"), results / "out", std::chrono::milliseconds(1)); }).find("again"),
      std::string::npos);
  EXPECT_FALSE(fs::exists(results / "out"));
  EXPECT_EQ(read_all(results / "out.part"), noise(1000));
  EXPECT_NE(refusal([&] { fetch("http://127.0.0.1:1/file", results / "nobody", std::chrono::milliseconds(1)); }), "");
}

TEST(Unpack, PlainAndCompressed) {
  for (const bool gzip : {false, true}) {
    const TempFolder folder;
    write_tar(folder / "a.tar", dataset("Task99_Test"), gzip);
    fs::create_directory(folder / "out");
    unpack(folder / "a.tar", folder / "out");
    EXPECT_EQ(read_all(folder / "out" / "Task99_Test" / "imagesTr" / "a.nii.gz"), noise(300000));
    EXPECT_EQ(files_in(folder / "out" / "Task99_Test" / "imagesTr"), 1U);
    EXPECT_EQ(fs::status(folder / "out" / "Task99_Test" / "dataset.json").permissions() & fs::perms::set_uid,
              fs::perms::none);
  }
}

TEST(Unpack, LinksInside) {
  const TempFolder folder;
  write_tar(folder / "a.tar",
            {{"d/file", "content"}, {"d/link", "", AE_IFLNK, "file"}, {"hard", "", AE_IFREG, "", "d/file"}});
  fs::create_directory(folder / "out");
  unpack(folder / "a.tar", folder / "out");
  EXPECT_EQ(read_all(folder / "out" / "d" / "link"), "content");
  EXPECT_EQ(read_all(folder / "out" / "hard"), "content");
}

TEST(Unpack, NothingLeavesTheFolder) {
  const std::vector<std::vector<Entry>> evil{
      {{"../escaped", "x"}},
      {{"a/../../escaped", "x"}},
      {{"/tmp/nnunet_escaped", "x"}},
      {{"link", "", AE_IFLNK, ".."}, {"link/escaped", "x"}},
      {{"link", "", AE_IFLNK, "/tmp"}, {"link/nnunet_escaped", "x"}},
      {{"a/b", "", AE_IFLNK, "../../escaped"}},
      {{"hard", "", AE_IFREG, "", "../secret"}},
      {{"hard", "", AE_IFREG, "", "/etc/passwd"}},
      {{"hard", "", AE_IFREG, "", "absent"}},
      {{"pipe", "", AE_IFIFO}},
      {{"device", "", AE_IFCHR}},
  };
  for (const auto& entries : evil) {
    const TempFolder folder;
    write_all(folder / "secret", "secret");
    write_tar(folder / "evil.tar", entries);
    fs::create_directory(folder / "out");
    EXPECT_NE(refusal([&] { unpack(folder / "evil.tar", folder / "out"); }), "") << entries[0].name;
    EXPECT_FALSE(fs::exists(folder / "escaped"));
    EXPECT_FALSE(fs::exists("/tmp/nnunet_escaped"));
  }
}

TEST(Unpack, LinksDoNotLeadOut) {
  const TempFolder folder;
  // Each of these is harmless by itself, and what is written through them stays inside.
  write_tar(folder / "a.tar", {{"d/", "", AE_IFDIR},
                               {"link", "", AE_IFLNK, "d"},
                               {"link/file", "content"},
                               {"d/loop", "", AE_IFLNK, "."},
                               {"d/loop/loop/loop/deep", "content"},
                               {"file", "", AE_IFLNK, "d/file"},
                               {"file", "replaced, not written through"}});
  fs::create_directory(folder / "out");
  unpack(folder / "a.tar", folder / "out");
  EXPECT_EQ(read_all(folder / "out" / "d" / "file"), "content");
  EXPECT_EQ(read_all(folder / "out" / "d" / "deep"), "content");
  EXPECT_EQ(read_all(folder / "out" / "file"), "replaced, not written through");
}

TEST(Unpack, Bombs) {
  const TempFolder folder;
  std::vector<Entry> many;
  for (int i = 0; i < 20; ++i) many.push_back({"d/" + std::to_string(i), std::string(50000, '\0')});
  write_tar(folder / "a.tar.gz", many, true);
  const auto size = fs::file_size(folder / "a.tar.gz");
  ASSERT_LT(size, 10000U);
  const auto attempt = [&](const UnpackLimits& most) {
    const TempFolder out;
    return refusal([&] { unpack(folder / "a.tar.gz", out.path(), most); });
  };
  EXPECT_EQ(attempt({}), "");
  EXPECT_EQ(attempt({20, 0, 1000000}), "");
  EXPECT_NE(attempt({19, 0, 1000000}).find("more than 19 entries"), std::string::npos);
  EXPECT_NE(attempt({20, 0, 999999}).find("unpacks to far more than it holds"), std::string::npos);
  EXPECT_EQ(attempt({20, 1000000 / size + 1, 0}), "");
  EXPECT_NE(attempt({20, 10, 0}), "");
}

TEST(Unpack, FiltersThatStartOtherProgramsAreOff) {
  const TempFolder folder;
  const std::string lzop_magic("\x89LZO\0\r\n\x1a\n", 9);
  write_all(folder / "a.tar.lzo", lzop_magic + noise(5000));
  fs::create_directory(folder / "out");
  EXPECT_NE(refusal([&] { unpack(folder / "a.tar.lzo", folder / "out"); }).find("no tar archive"), std::string::npos);
}

TEST(Unpack, DamagedArchives) {
  const TempFolder folder;
  fs::create_directory(folder / "out");
  const auto refused = [&](const std::string& content) {
    write_all(folder / "bad.tar", content);
    return !refusal([&] { unpack(folder / "bad.tar", folder / "out"); }).empty();
  };
  EXPECT_TRUE(refused("this is a text file, not an archive"));
  EXPECT_TRUE(refused(noise(5000)));
  EXPECT_FALSE(refusal([&] { unpack(folder / "absent.tar", folder / "out"); }).empty());
  write_tar(folder / "a.tar", dataset("T"));
  const std::string plain = read_all(folder / "a.tar");
  EXPECT_TRUE(refused(plain.substr(0, plain.size() / 2)));
  write_tar(folder / "a.tgz", dataset("T"), true);
  const std::string packed = read_all(folder / "a.tgz");
  EXPECT_TRUE(refused(packed.substr(0, packed.size() / 2)));
  EXPECT_TRUE(refused(packed.substr(0, packed.size() - 5)));
  std::string flipped = packed;
  flipped[packed.size() - 6] = static_cast<char>(flipped[packed.size() - 6] ^ 1);  // the checksum
  EXPECT_TRUE(refused(flipped));
}

TEST(Download, FetchesChecksAndUnpacks) {
  const TempFolder folder, results;
  write_tar(folder / "Task99_Test.tar.gz", dataset("Task99_Test"), true);
  const HttpServer server(folder.path());
  DownloadOptions options;
  options.results = results.path();
  options.url = server.url("/ranges/Task99_Test.tar.gz?download=1");
  options.sha256 = std::string(64, '0');
  EXPECT_NE(refusal([&] { download_dataset(options); }).find("SHA-256"), std::string::npos);
  EXPECT_EQ(files_in(results.path()), 0U);
  options.sha256 = "short";
  EXPECT_NE(refusal([&] { download_dataset(options); }), "");

  options.sha256 = digest_of_file(folder / "Task99_Test.tar.gz", DigestKind::sha256);
  EXPECT_EQ(download_dataset(options), results / "Task99_Test");
  EXPECT_TRUE(fs::exists(results / "Task99_Test" / "imagesTr" / "a.nii.gz"));
  EXPECT_EQ(files_in(results.path()), 1U);
  options.url = server.url("/ranges/absent/Task99_Test.tar.gz");  // there already: asks nobody
  EXPECT_EQ(download_dataset(options), results / "Task99_Test");
}

TEST(Download, DatasetsThatNameFilesElsewhereAreRefused) {
  const TempFolder folder, results;
  const auto json = [](const std::string& image) {
    return R"({"training": [{"image": ")" + image + R"(", "label": "labelsTr/a.nii.gz"}]})";
  };
  write_tar(folder / "absolute.tar", {{"T/dataset.json", json("/etc/a.nii.gz")}});
  write_tar(folder / "above.tar", {{"T/dataset.json", json("imagesTr/../../a.nii.gz")}});
  write_tar(folder / "inside.tar", {{"T/dataset.json", json("imagesTr/../b.nii.gz")}});
  const HttpServer server(folder.path());
  DownloadOptions options;
  options.results = results.path();
  for (const char* name : {"absolute.tar", "above.tar"}) {
    options.url = server.url(std::string("/ranges/") + name);
    const std::string message = refusal([&] { download_dataset(options); });
    EXPECT_NE(message.find("training[0] has a path that leaves the dataset's folder"), std::string::npos) << message;
    fs::remove(results / name);
  }
  EXPECT_EQ(files_in(results.path()), 0U);
  options.url = server.url("/ranges/inside.tar");
  EXPECT_EQ(download_dataset(options), results / "T");
}

TEST(Download, ArchivesWithoutDatasetLeaveNothingUnderAFinalName) {
  const TempFolder folder, results;
  write_tar(folder / "other.tar", {{"readme", "x"}});
  write_tar(folder / "evil.tar", {{"Task01_X/dataset.json", "{}"}, {"../escaped", "x"}});
  const HttpServer server(folder.path());
  DownloadOptions options;
  options.results = results.path();
  for (const char* name : {"other.tar", "evil.tar"}) {
    options.url = server.url(std::string("/ranges/") + name);
    EXPECT_NE(refusal([&] { download_dataset(options); }), "") << name;
    fs::remove(results / name);
  }
  EXPECT_EQ(files_in(results.path()), 0U);
  options.url = server.url("/ranges/");
  EXPECT_NE(refusal([&] { download_dataset(options); }), "");
}

}  // namespace
}  // namespace nnunet
