// The queue of a DICOM node: states, restarts, and what becomes of series that go on arriving.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "message_of.h"
#include "nnunet/dicom/spool.h"
#include "nnunet/io/atomic_file.h"
#include "reference/shared.h"

namespace nnunet::dicom {
namespace {

namespace fs = std::filesystem;
using nnunet::test::message_of;
using nnunet::test::TempFolder;
using Names = std::vector<std::string>;

/// A spool whose series are complete at once.
struct Queue {
  explicit Queue(SpoolOptions given = {}) : options(std::move(given)) {
    options.folder = folder / "spool";
    options.series_timeout = std::chrono::milliseconds(0);
    options.free_bytes = 0;
    restart();
  }

  void restart() {
    spool.reset();
    spool = std::make_unique<Spool>(options);
  }
  std::size_t add(const std::string& series, const std::string& instance, const std::string& content = "image") {
    const fs::path file = spool->incoming();
    std::ofstream(file) << content;
    return spool->add(file, series, instance);
  }
  fs::path operator/(const std::string& path) const { return options.folder / path; }
  std::set<std::string> names(const std::string& state) const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(options.folder / state))
      found.insert(entry.path().filename().string());
    return found;
  }
  /// A series' job with an object in it.
  Spool::Job segmented(const std::string& series) {
    add(series, "1");
    spool->promote({});
    const auto job = spool->next_waiting();
    write_text(job->folder / "1.2.3.dcm", "object");
    return *job;
  }

  TempFolder folder;
  SpoolOptions options;
  std::unique_ptr<Spool> spool;
};

TEST(Spool, ASeriesGoesFromStateToState) {
  Queue queue;
  EXPECT_EQ(queue.add("a", "1"), 1U);
  EXPECT_EQ(queue.add("a", "2"), 2U);
  EXPECT_EQ(queue.names("receiving"), std::set<std::string>{"a"});
  EXPECT_FALSE(queue.spool->next_waiting());
  EXPECT_EQ(queue.spool->promote({}).waiting, 1U);
  const auto job = queue.spool->next_waiting();
  ASSERT_TRUE(job);
  EXPECT_EQ(job->instances(), (Names{"1", "2"}));
  EXPECT_FALSE(queue.spool->next_waiting()) << "it is worked on";
  write_text(job->folder / "1.2.3.dcm", "object");
  queue.spool->segmented(*job);
  EXPECT_EQ(queue.names("segmented"), std::set<std::string>{"a"});
  const auto object = queue.spool->next_segmented({});
  ASSERT_TRUE(object);
  ASSERT_EQ(object->objects().size(), 1U);
  EXPECT_EQ(object->objects().front().filename(), "1.2.3.dcm");
  queue.spool->delivered(*object);
  EXPECT_EQ(read_text(queue / "done/a/instances.txt"), "1\n2\n");
  EXPECT_FALSE(fs::exists(queue / "done/a/images"));
  for (const char* const state : {"incoming", "receiving", "waiting", "segmented", "failed"})
    EXPECT_TRUE(queue.names(state).empty()) << state;
}

TEST(Spool, IsItsUsersAlone) {
  const Queue queue;
  EXPECT_EQ(fs::status(queue.options.folder).permissions(), fs::perms::owner_all);
  EXPECT_NE(message_of([&] { Spool second(queue.options); }).find("another node writes here"), std::string::npos);
}

TEST(Spool, ARestartGoesOnWhereItWas) {
  Queue queue;
  queue.spool->segmented(queue.segmented("sent"));
  queue.add("complete", "1");
  queue.spool->promote({});
  queue.add("half", "1");
  std::ofstream(queue.spool->incoming()) << "half an instance";
  queue.restart();
  EXPECT_TRUE(queue.names("incoming").empty());
  EXPECT_EQ(queue.spool->next_segmented({})->series, "sent");
  EXPECT_EQ(queue.spool->next_waiting()->series, "complete");
  EXPECT_EQ(queue.spool->promote({}).waiting, 2U);
  EXPECT_EQ(queue.spool->next_waiting()->series, "half");
}

TEST(Spool, KilledBetweenDeliveringAndRemovingItSendsNothingAgain) {
  Queue queue;
  queue.spool->segmented(queue.segmented("a"));
  const auto job = queue.spool->next_segmented({});
  write_text(job->folder / "instances.txt", "1\n");
  fs::rename(job->folder, queue / "done/a");  // and there it ended
  queue.restart();
  EXPECT_FALSE(queue.spool->next_segmented({}));
  EXPECT_FALSE(fs::exists(queue / "done/a/images"));
  EXPECT_FALSE(fs::exists(queue / "done/a/1.2.3.dcm"));
  EXPECT_EQ(queue.spool->delivered_before({"a", {}}), Names{"1"});
}

TEST(Spool, LateInstancesJoinTheirSeriesWhileItIsNotDelivered) {
  Queue queue;
  queue.add("a", "1");
  queue.spool->promote({});
  EXPECT_EQ(queue.add("a", "2"), 2U) << "of a series that waits";
  queue.spool->promote({});
  auto job = queue.spool->next_waiting();
  queue.add("a", "3");
  EXPECT_TRUE(queue.spool->is_overtaken(*job));
  queue.spool->promote({});
  EXPECT_FALSE(queue.spool->next_waiting()) << "while a part of it is segmented";
  write_text(job->folder / "1.2.3.dcm", "object of a part");
  queue.spool->segmented(*job);
  EXPECT_TRUE(queue.names("segmented").empty());
  queue.spool->promote({});
  job = queue.spool->next_waiting();
  ASSERT_TRUE(job);
  EXPECT_EQ(job->instances(), (Names{"1", "2", "3"}));
  EXPECT_TRUE(job->objects().empty());
  write_text(job->folder / "1.2.3.dcm", "object");
  queue.spool->segmented(*job);
  EXPECT_EQ(queue.add("a", "4"), 4U) << "of a series that is not delivered yet";
  EXPECT_TRUE(queue.names("segmented").empty());
}

TEST(Spool, WhatCameWhileAnObjectWasSentIsAnotherSeries) {
  Queue queue;
  queue.spool->segmented(queue.segmented("a"));
  const auto job = queue.spool->next_segmented({});
  queue.add("a", "2");
  queue.spool->promote({});
  EXPECT_TRUE(queue.names("waiting").empty());
  queue.spool->delivered(*job);
  queue.spool->promote({});
  const auto rest = queue.spool->next_waiting();
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->instances(), Names{"2"});
  EXPECT_EQ(queue.spool->delivered_before(*rest), Names{"1"});
}

TEST(Spool, AHeldSeriesIsNotComplete) {
  Queue queue;
  queue.add("a", "1");
  EXPECT_EQ(queue.spool->promote({"a"}).receiving, 1U);
  EXPECT_EQ(queue.spool->promote({}).waiting, 1U);
  Queue patient;
  patient.options.series_timeout = std::chrono::hours(1);
  patient.restart();
  patient.add("a", "1");
  EXPECT_EQ(patient.spool->promote({}).receiving, 1U);
}

TEST(Spool, FailuresAreKeptWithTheirReasonAndCanBeTriedAgain) {
  Queue queue;
  for (const char* const name : {"a", "a-2"}) {
    queue.add("a", "1");
    queue.spool->promote({});
    EXPECT_EQ(queue.spool->failed(*queue.spool->next_waiting(), "planes are missing"), queue / "failed" / name);
  }
  EXPECT_NE(read_text(queue / "failed/a/reason.txt").find("planes are missing"), std::string::npos);
  fs::rename(queue / "failed/a", queue / "waiting/a");
  EXPECT_EQ(queue.spool->next_waiting()->instances(), Names{"1"});
}

TEST(Spool, WithKeepImagesAndObjectsStay) {
  SpoolOptions options;
  options.keep = true;
  Queue queue(options);
  for (int i = 0; i < 2; ++i) {
    queue.spool->segmented(queue.segmented("a"));
    queue.spool->delivered(*queue.spool->next_segmented({}));
  }
  queue.restart();
  EXPECT_EQ(queue.names("done"), (std::set<std::string>{"a", "a-2"}));
  EXPECT_TRUE(fs::exists(queue / "done/a/images/1.dcm"));
  EXPECT_TRUE(fs::exists(queue / "done/a/1.2.3.dcm"));
}

TEST(Spool, HasNoRoomBeyondItsLimits) {
  SpoolOptions options;
  options.most_bytes = 10;
  Queue queue(options);
  std::string why;
  fs::remove(queue / ".lock");  // whose few bytes count, too
  queue.restart();
  const std::uint64_t room = queue.spool->room(why);
  EXPECT_LE(room, 10U);
  queue.add("a", "1", "0123456789");
  EXPECT_EQ(queue.spool->room(why), 0U);
  EXPECT_NE(why.find("holds as much as it may"), std::string::npos);
  queue.spool->promote({});
  queue.spool->drop(*queue.spool->next_waiting());
  EXPECT_EQ(queue.spool->room(why), room);
  options.most_bytes = std::uint64_t{1} << 40;
  Queue full(options);
  full.options.free_bytes = std::uint64_t{1} << 60;
  full.restart();
  EXPECT_EQ(full.spool->room(why), 0U);
  EXPECT_NE(why.find("disk is full"), std::string::npos);
}

}  // namespace
}  // namespace nnunet::dicom
