#include "nnunet/io/file_record.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Other content under the same name, with the same time of modification (cp -p).
void replace_quietly(const fs::path& path, const std::string& content) {
  const auto time = fs::last_write_time(path);
  write_text(path, content);
  fs::last_write_time(path, time);
}

class FileRecordTest : public testing::Test {
 protected:
  fs::path file() const { return folder_ / "image.nii"; }
  /// As if something had been made from it just now, in the same tick of the clock.
  std::optional<FileRecord> check(const FileRecord& record) const { return unchanged(file(), record, made_); }

  test::TempFolder folder_;
  std::int64_t made_ = 0;
};

TEST_F(FileRecordTest, TextAndBack) {
  write_text(file(), "voxels");
  const FileRecord record = record_file(file());
  EXPECT_EQ(record.size, 6U);
  EXPECT_EQ(parse_file_record(record_text(record)), record);
  for (const char* text : {"", "6", "6 7 8", "6 7 00000000000000080000000000000009", "a b c d", " 6 7 8 9"})
    EXPECT_FALSE(parse_file_record(text)) << text;
  EXPECT_FALSE(parse_file_record(record_text(record) + " "));
  const FileRecord old{std::numeric_limits<std::uint64_t>::max(), -5, "0123456789abcdef", "00000000000000ff"};
  EXPECT_EQ(parse_file_record(record_text(old)), old);  // before 1970
}

TEST_F(FileRecordTest, SeesWhatChanged) {
  write_text(file(), std::string(100, 'a'));
  const FileRecord record = record_file(file());
  EXPECT_EQ(check(record), record);
  write_text(file(), std::string(99, 'a'));
  EXPECT_FALSE(check(record)) << "another size";
  write_text(file(), std::string(100, 'b'));
  fs::last_write_time(file(), fs::last_write_time(file()) + 1s);
  EXPECT_FALSE(check(record)) << "the same size, written later";
  fs::remove(file());
  EXPECT_FALSE(check(record)) << "gone";
  fs::create_directory(file());
  EXPECT_FALSE(check(record)) << "a folder";
}

TEST_F(FileRecordTest, ACopyWithAnotherTimeIsTheSame) {
  write_text(file(), std::string(3 << 20, 'a') + "end");
  const FileRecord record = record_file(file());
  fs::last_write_time(file(), fs::last_write_time(file()) + 1h);
  const auto now = check(record);
  ASSERT_TRUE(now);
  EXPECT_NE(now->modified, record.modified);
  EXPECT_EQ(now->modified, time_of_change(file()));
  EXPECT_EQ(now->content, record.content);
  // A single byte in between that no sample sees.
  std::string content = std::string(3 << 20, 'a') + "end";
  content[1000000] = 'b';
  write_text(file(), content);
  EXPECT_EQ(record_file(file()).sample, record.sample);
  EXPECT_FALSE(check(record));
}

TEST_F(FileRecordTest, AnotherFileWithTheSameTimeIsSampled) {
  std::string content(100000, 'a');
  write_text(file(), content);
  const FileRecord record = record_file(file());
  for (const std::size_t place : {std::size_t{0}, content.size() / 7 * 3, content.size() - 1}) {
    content[place] = 'b';
    replace_quietly(file(), content);
    EXPECT_FALSE(check(record)) << place;
    content[place] = 'a';
  }
  replace_quietly(file(), content);
  EXPECT_EQ(check(record), record);
  // Nobody has touched it since something was made from it: it is not even read.
  content[0] = 'b';
  replace_quietly(file(), content);
  made_ = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(check(record), record);
}

// "size modified sample content" as commit 539196e wrote them.
TEST_F(FileRecordTest, EarlierRecordsAreUnderstood) {
  struct Earlier {
    std::size_t size;
    std::string sample, content;
  };
  for (const auto& [size, sample, content] : {Earlier{4097, "fc041fd0fdfd646e", "4e306198bd20c935"},
                                              Earlier{(3U << 20U) + 5, "3767d033ef785aca", "21ad4e21c16b467c"}}) {
    std::string text(size, 'a');
    for (std::size_t i = 0; i < size; i += 7) text[i] = static_cast<char>('a' + i % 26);
    write_text(file(), text);
    const auto record = parse_file_record(std::to_string(size) + " " + std::to_string(time_of_change(file())) + " " +
                                          sample + " " + content);
    ASSERT_TRUE(record);
    EXPECT_EQ(check(*record), record) << "the sample";
    fs::last_write_time(file(), fs::last_write_time(file()) + 1s);
    EXPECT_TRUE(check(*record)) << "the content";
    text.back() ^= 1;
    replace_quietly(file(), text);
    EXPECT_FALSE(check(*record));
  }
}

TEST_F(FileRecordTest, OfAnySize) {
  for (const std::size_t size : {1, 4095, 4097, 4103, 32768, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 5}) {
    std::string content(size, 'a');
    for (std::size_t i = 0; i < size; i += 7) content[i] = static_cast<char>(i);
    write_text(file(), content);
    const FileRecord record = record_file(file());
    EXPECT_EQ(check(record), record) << size;  // the sample
    fs::last_write_time(file(), fs::last_write_time(file()) + 1s);
    ASSERT_TRUE(check(record)) << size;  // the content
    content.back() ^= 1;
    replace_quietly(file(), content);
    EXPECT_FALSE(check(record)) << size;
  }
}

TEST_F(FileRecordTest, EmptyFilesAndNone) {
  EXPECT_THROW(record_file(file()), Error);
  EXPECT_EQ(time_of_change(file()), 0);
  write_text(file(), "");
  const FileRecord record = record_file(file());
  EXPECT_EQ(check(record), record);
}

}  // namespace
}  // namespace nnunet
