#include "nnunet/io/output_record.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/digest.h"
#include "nnunet/io/earlier_digest.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Cases a and b, "segmented" into OUT/a.nii.gz, OUT/b.nii.gz.
class OutputRecords : public testing::Test {
 protected:
  OutputRecords() {
    log::set_quiet(true);
    for (const char* name : {"a", "b"}) {
      cases_.push_back({name, {in(name)}, {}});
      write_text(in(name), std::string("image ") + name);
    }
  }
  fs::path in(const std::string& name) const { return folder_ / "in" / (name + ".nii"); }
  fs::path out(const std::string& name) const { return folder_ / "out" / (name + ".nii.gz"); }

  void make(const ImageCase& c, std::vector<std::string> extras = {}) const {
    OutputRecord record{made_with_, {record_file(c.channels[0])}, {}, std::move(extras)};
    forget_output(out(c.name));
    for (const std::string& extra : record.extras) write_text(folder_ / "out" / extra, "extra");
    const std::string map = "map of " + read_text(c.channels[0]);
    write_recorded(out(c.name), std::as_bytes(std::span(map)), std::move(record));
  }
  std::string open(const json& made_with, bool overwrite = false, std::vector<std::string> extras = {}) const {
    std::string names;
    for (const ImageCase& c :
         choose_open_cases(cases_, folder_ / "out", made_with, overwrite, [&](const ImageCase&) { return extras; }))
      names += c.name;
    return names;
  }
  void expect_refused(const std::string& phrase, const json& made_with) const {
    try {
      open(made_with);
      ADD_FAILURE() << "not refused: " << phrase;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(phrase), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find("overwritten"), std::string::npos) << e.what();
    }
  }

  test::TempFolder folder_;
  std::vector<ImageCase> cases_;
  const json made_with_{{"networks", {"1234"}}, {"tta", false}};
};

TEST_F(OutputRecords, OnlyWhatFitsIsKept) {
  EXPECT_EQ(open(made_with_), "ab");
  make(cases_[0]);
  EXPECT_EQ(open(made_with_), "b");
  EXPECT_EQ(open(made_with_, true), "ab");
  make(cases_[1]);
  EXPECT_EQ(open(made_with_), "");
  EXPECT_EQ(open({{"networks", {"5678"}}, {"tta", false}}), "ab");
  EXPECT_EQ(open({{"networks", {"1234", "5678"}}, {"tta", false}}), "ab");
  EXPECT_EQ(open({{"networks", {"1234"}}, {"tta", true}}), "ab");
  EXPECT_EQ(open({{"networks", {"1234"}}}), "ab");
  EXPECT_EQ(open(json::object()), "ab") << "who does not say what it is";
  write_text(in("b"), "IMAGE b");
  fs::last_write_time(in("b"), fs::last_write_time(in("b")) + std::chrono::hours(1));
  EXPECT_EQ(open(made_with_), "b");
  cases_[0].channels.push_back(in("b"));
  EXPECT_EQ(open(made_with_), "ab");
}

/// Records as commit 539196e wrote them.
TEST_F(OutputRecords, MapsOfEarlierVersionsAreMadeAnewUnlessEdited) {
  const json now{{"networks", {digest_of(std::string_view("network"))}}, {"tta", false}};
  make(cases_[0]);
  json record = json::parse(read_text(record_path(out("a"))));
  record["made with"]["networks"] = {"0123456789abcdef"};
  const std::string map = read_text(out("a"));
  record["content"] = fmt::format("{:016x}", earlier_digest(std::as_bytes(std::span(map))));
  write_text(record_path(out("a")), record.dump());
  EXPECT_EQ(open(record["made with"]), "b") << "the same network";
  EXPECT_EQ(open(now), "ab");
  write_text(out("a"), map + " with another structure");
  expect_refused("has been edited since it was made, and cannot be kept: an earlier version made it", now);
}

TEST_F(OutputRecords, CopiedImagesAreNoted) {
  make(cases_[0]);
  make(cases_[1]);
  const auto later = fs::last_write_time(in("a")) + std::chrono::hours(1);
  fs::last_write_time(in("a"), later);
  EXPECT_EQ(open(made_with_), "");
  EXPECT_EQ(read_output_record(out("a"))->sources[0].modified, time_of_change(in("a")));
}

TEST_F(OutputRecords, FilesOfOthersAreNotReplaced) {
  write_text(out("a"), "mine");
  expect_refused("without a record", made_with_);
  EXPECT_EQ(open(made_with_, true), "ab");
  make(cases_[0]);
  write_text(out("a"), "edited by hand");
  EXPECT_EQ(open(made_with_), "b");  // the image and the network are the same
  expect_refused("has been edited since", {{"networks", {"5678"}}, {"tta", false}});
  make(cases_[0]);
  write_text(record_path(out("a")), "{");
  expect_refused("without a record", made_with_);
  write_text(record_path(out("a")), R"({"suffix": ".nii.gz", "version": 1, "made with": {}, "sources": [3]})");
  expect_refused("without a record", made_with_);
  EXPECT_FALSE(read_output_record(folder_ / "out/a.nii")) << "that of a.nii.gz";
}

TEST_F(OutputRecords, ExtrasBelongToTheirMap) {
  make(cases_[0], {"a.png", "probabilities/a.npy"});
  EXPECT_EQ(open(made_with_, false, {}), "b");
  cases_.pop_back();
  EXPECT_EQ(open(made_with_, false, {"a.png"}), "");
  fs::remove(folder_ / "out/a.png");
  EXPECT_EQ(open(made_with_, false, {"a.png"}), "a");
  write_text(folder_ / "out/other.png", "mine");
  make(cases_[0]);  // without extras: those of the former map must not stay beside it
  EXPECT_FALSE(fs::exists(folder_ / "out/probabilities/a.npy"));
  EXPECT_EQ(open(made_with_, false, {"probabilities/a.npy"}), "a");
  EXPECT_TRUE(fs::exists(folder_ / "out/other.png"));
}

TEST_F(OutputRecords, RecordsFromElsewhereRemoveNothing) {
  write_text(folder_ / "a.npy", "mine");
  write_text(folder_ / "out/a.txt", "mine");
  write_text(folder_ / "out/b.png", "mine");
  make(cases_[0]);
  OutputRecord record = *read_output_record(out("a"));
  record.extras = {"../a.npy", (folder_ / "a.npy").string(), "a.txt", "b.png"};
  write_output_record(out("a"), record);
  forget_output(out("a"));
  EXPECT_FALSE(fs::exists(out("a")));
  for (const char* name : {"a.npy", "out/a.txt", "out/b.png"}) EXPECT_TRUE(fs::exists(folder_ / name)) << name;
}

TEST_F(OutputRecords, LeftoversAreRemoved) {
  make(cases_[0]);
  const std::string before = read_text(record_path(out("a")));
  write_text(folder_ / "out/.nnunet/a.json.tmp.1.2", "half");
  write_text(folder_ / "out/.nnunet/c.json.tmp.1.2", "of another part");
  remove_record_leftovers({out("a"), out("b")});
  EXPECT_FALSE(fs::exists(folder_ / "out/.nnunet/a.json.tmp.1.2"));
  EXPECT_TRUE(fs::exists(folder_ / "out/.nnunet/c.json.tmp.1.2"));
  make(cases_[0]);
  EXPECT_EQ(read_text(record_path(out("a"))), before) << "nothing in it depends on the run";
}

TEST(FirstDifference, SaysWhat) {
  EXPECT_EQ(first_difference({{"a", 1}}, {{"a", 1}}), "");
  EXPECT_EQ(first_difference({{"a", 1}}, {{"a", 2}}), "a was 1, now 2");
  EXPECT_NE(first_difference({{"a", 1}, {"b", 1}}, {{"a", 1}}), "");
  EXPECT_NE(first_difference({{"a", 1}}, {{"a", 1}, {"b", 1}}), "");
  EXPECT_NE(first_difference(json(), json::object()), "");
}

}  // namespace
}  // namespace nnunet
