// A DICOM node: what it takes, from whom, and what becomes of it. tests/slow/dicom_node.sh has other programs call it.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <mutex>
#include <thread>

#include "certificate.h"
#include "dicom/dcmtk/dcmtk.h"
#include "dicom/dicom_bytes.h"
#include "dicom/incoming_instances.h"
#include "dicom/needs_dicom.h"
#include "dicom/objects/source_series.h"
#include "message_of.h"
#include "nnunet/core/cancelled.h"
#include "nnunet/core/error.h"
#include "nnunet/dicom/node.h"
#include "nnunet/dicom/send.h"
#include "nnunet/io/atomic_file.h"
#include "reference/shared.h"

namespace nnunet::dicom {
namespace {

namespace fs = std::filesystem;
using nnunet::test::dicom_file;
using nnunet::test::dicom_slice;
using nnunet::test::DicomSlice;
using nnunet::test::message_of;
using nnunet::test::TempFolder;
using nnunet::test::write_certificate;
using nnunet::test::write_series;
using test::bytes_of;

constexpr const char* kSeries = "1.2.3.4";

/// The files of a folder, in order of their names.
std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

/// A node whose network is a function, and whose archive is a list.
class TestNode {
 public:
  TestNode() {
    options.network.port = 0;
    options.network.timeout = std::chrono::seconds(20);
    options.spool.folder = folder / "spool";
    options.spool.series_timeout = std::chrono::milliseconds(0);
    options.spool.free_bytes = 0;
    options.first_wait = std::chrono::milliseconds(1);
  }

  void start() {
    node.reset();
    node = std::make_unique<Node>(options, [this](const fs::path& object) {
      const std::lock_guard lock(mutex);
      ++attempts;
      if (refusals > 0) {
        --refusals;
        throw Error("archive", "is not there", "wait");
      }
      delivered.push_back(read_text(object));
    });
  }
  void send(const std::vector<fs::path>& files, SendOptions send_options = {}) const {
    send_objects(files, {{}, called, "127.0.0.1", node->port()}, send_options);
  }
  std::string refusal(const std::vector<fs::path>& files, const SendOptions& send_options = {}) const {
    return message_of([&] { send(files, send_options); });
  }
  /// Segments what waits. The object says what it was made of.
  bool segment() {
    return node->segment_next(
        [&](const std::vector<FoundSeries>& volumes, const fs::path& to, const std::function<bool()>& stop) {
          if (during) during();
          if (stop()) throw Cancelled();
          for (const FoundSeries& volume : volumes) {
            const std::string part = volume.part > 0 ? fmt::format(" of part {}", volume.part) : "";
            write_text(to / (volume.name() + ".dcm"), fmt::format("{} planes{}", volume.series.frames.size(), part));
          }
        },
        [] { return false; });
  }
  /// What was delivered, when there are so many; a minute at most.
  std::vector<std::string> objects(std::size_t count) {
    for (int i = 0; i < 6000; ++i) {
      {
        const std::lock_guard lock(mutex);
        if (delivered.size() >= count) return delivered;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "nothing was delivered";
    return delivered;
  }
  std::vector<fs::path> in_spool(const std::string& state) const { return files_in(options.spool.folder / state); }
  bool is_empty() const {
    return in_spool("receiving").empty() && in_spool("waiting").empty() && in_spool("segmented").empty() &&
           in_spool("failed").empty() && in_spool("incoming").empty();
  }
  /// A minute at most.
  static bool eventually(const std::function<bool()>& is_so) {
    for (int i = 0; i < 6000; ++i) {
      if (is_so()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  TempFolder folder;
  NodeOptions options;
  std::string called = "NNUNET";
  std::function<void()> during;
  std::mutex mutex;
  std::vector<std::string> delivered;
  std::atomic<int> refusals{0}, attempts{0};
  std::unique_ptr<Node> node;
};

TEST(Node, WhatIsSentIsSegmentedAndDelivered) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  write_series(test.folder / "ct", 5);
  test.options.output = test.folder / "objects";
  fs::create_directory(test.options.output);
  test.start();
  EXPECT_FALSE(test.segment());
  test.send(files_in(test.folder / "ct"));
  EXPECT_TRUE(test.segment());
  EXPECT_EQ(test.objects(1), std::vector<std::string>{"5 planes"});
  EXPECT_TRUE(TestNode::eventually([&] { return test.is_empty(); }));
  EXPECT_EQ(read_text(test.options.output / (std::string(kSeries) + ".dcm")), "5 planes");
  test.send(files_in(test.folder / "ct"));  // once more, as senders do that lost the answer
  EXPECT_TRUE(test.segment());
  EXPECT_EQ(test.objects(2).size(), 2U);
  EXPECT_EQ(files_in(test.options.output).size(), 1U) << "the same content is not written twice";
}

TEST(Node, FileNamesTellNothing) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  write_series(test.folder / "ct", 3);
  test.start();
  test.send(files_in(test.folder / "ct"));
  for (const auto& entry : fs::recursive_directory_iterator(test.options.spool.folder)) {
    const std::string path = entry.path().filename().string();
    for (const char* const secret : {"Jane", "4711", "1.2.3"}) EXPECT_EQ(path.find(secret), std::string::npos) << path;
  }
}

/// An association that only asks for echoes.
class Echo {
 public:
  explicit Echo(std::uint16_t port) {
    OFList<OFString> syntaxes;
    syntaxes.push_back(UID_LittleEndianImplicitTransferSyntax);
    node_.setAETitle("TESTER");
    node_.setPeerAETitle("NNUNET");
    node_.setPeerHostName("127.0.0.1");
    node_.setPeerPort(port);
    node_.addPresentationContext(UID_VerificationSOPClass, syntaxes);
    is_open_ = node_.initNetwork().good() && node_.negotiateAssociation().good();
  }
  bool is_open() const { return is_open_; }
  bool is_answered() { return node_.sendECHORequest(0).good(); }
  void release() { node_.releaseAssociation(); }

 private:
  DcmSCU node_;
  bool is_open_ = false;
};

TEST(Node, AnswersAnEcho) {
  TestNode test;
  test.start();
  Echo echo(test.node->port());
  ASSERT_TRUE(echo.is_open());
  EXPECT_TRUE(echo.is_answered());
  echo.release();
}

TEST(Node, WhenItEndsIdleAssociationsAreClosedAndTheQueueStays) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  write_series(test.folder / "ct", 3);
  test.start();
  test.send(files_in(test.folder / "ct"));
  const std::uint16_t port = test.node->port();
  Echo idle(port);
  ASSERT_TRUE(idle.is_open());
  EXPECT_TRUE(test.node->drain(std::chrono::minutes(1)));
  EXPECT_FALSE(idle.is_answered());
  EXPECT_FALSE(Echo(port).is_open());
  test.start();
  EXPECT_TRUE(test.segment());
  EXPECT_EQ(test.objects(1), std::vector<std::string>{"3 planes"});
}

TEST(Node, TakesWhatItIsSentFromAllowedCallersOnly) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  write_series(test.folder / "ct", 1);
  const auto files = files_in(test.folder / "ct");
  const auto from = [](const std::string& title) {
    SendOptions o;
    o.calling_ae = title;
    return o;
  };
  test.options.network.allowed = {{"CT1", "127.0.0.1"}, {"CT2", "192.0.2.1"}, {"CT3", "localhost"}, {"CT4", ""}};
  test.start();
  for (const char* const title : {"CT1", "CT3", "CT4"}) EXPECT_EQ(test.refusal(files, from(title)), "") << title;
  for (const char* const title : {"CT2", "NNUNET"}) EXPECT_NE(test.refusal(files, from(title)), "") << title;
  test.called = "OTHER";
  EXPECT_NE(test.refusal(files, from("CT1")), "") << "another title is asked for";
}

TEST(Node, BeyondThisMachineCallersHaveToBeNamed) {
  TestNode test;
  test.options.network.host = "0.0.0.0";
  EXPECT_NE(message_of([&] { test.start(); }).find("--allow"), std::string::npos);
  test.options.network.allowed = {parse_allowed_caller("any", "--allow")};
  EXPECT_EQ(message_of([&] { test.start(); }), "");
}

TEST(Node, CallersAreATitleAtAHost) {
  EXPECT_EQ(parse_allowed_caller("CT1", "--allow").ae_title, "CT1");
  EXPECT_EQ(parse_allowed_caller("CT1@10.0.0.5", "--allow").host, "10.0.0.5");
  EXPECT_EQ(parse_allowed_caller("any", "--allow").ae_title, "");
  for (const char* const text : {"", "@host", "CT1@", "SEVENTEEN_LETTERS", "A\\B"})
    EXPECT_NE(message_of([&] { parse_allowed_caller(text, "--allow"); }).find("--allow"), std::string::npos) << text;
}

TEST(Node, AddressesThatCannotBeHadAreSaid) {
  TestNode test, second;
  test.start();
  second.options.network.port = test.node->port();
  EXPECT_NE(message_of([&] { second.start(); }).find("cannot be listened at"), std::string::npos);
  second.options.network.host = "127.0.0.1.invalid";
  EXPECT_NE(message_of([&] { second.start(); }).find("--host"), std::string::npos);
  second.options.network.host = "127.0.0.1";
  second.options.network.ae_title = "SEVENTEEN_LETTERS";
  EXPECT_NE(message_of([&] { second.start(); }).find("AE title"), std::string::npos);
}

TEST(Node, OverTlsCallersNeedItAndACertificateWhereOneIsAskedFor) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  write_series(test.folder / "ct", 1);
  const auto files = files_in(test.folder / "ct");
  for (const char* const who : {"node", "caller", "stranger"})
    write_certificate(test.folder / (std::string(who) + ".pem"), test.folder / (std::string(who) + ".key"));
  test.options.network.certificate = test.folder / "node.pem";
  test.options.network.key = test.folder / "node.key";
  test.options.network.timeout = std::chrono::seconds(5);
  test.start();
  SendOptions over_tls;
  over_tls.trust = test.folder / "node.pem";
  EXPECT_EQ(test.refusal(files, over_tls), "");
  SendOptions plain;
  plain.timeout = std::chrono::seconds(10);
  EXPECT_NE(test.refusal(files, plain), "") << "without TLS";

  test.options.network.trust = test.folder / "caller.pem";
  test.start();
  EXPECT_NE(test.refusal(files, over_tls), "") << "without a certificate";
  over_tls.certificate = test.folder / "stranger.pem";
  over_tls.key = test.folder / "stranger.key";
  EXPECT_NE(test.refusal(files, over_tls), "") << "with one that is not trusted";
  over_tls.certificate = test.folder / "caller.pem";
  over_tls.key = test.folder / "caller.key";
  EXPECT_EQ(test.refusal(files, over_tls), "");
}

TEST(Node, CertificatesThatCannotBeUsedAreSaid) {
  TestNode test;
  write_certificate(test.folder / "a.pem", test.folder / "a.key");
  write_certificate(test.folder / "b.pem", test.folder / "b.key");
  write_text(test.folder / "no.pem", "nothing");
  auto& o = test.options.network;
  o.certificate = test.folder / "a.pem";
  EXPECT_NE(message_of([&] { test.start(); }).find("--tls_key"), std::string::npos);
  o.key = test.folder / "b.key";
  EXPECT_NE(message_of([&] { test.start(); }).find("is not the key"), std::string::npos);
  o.key = test.folder / "a.key";
  o.certificate = test.folder / "no.pem";
  EXPECT_NE(message_of([&] { test.start(); }).find("no.pem"), std::string::npos);
  o.certificate = test.folder / "a.pem";
  o.trust = test.folder / "no.pem";
  EXPECT_NE(message_of([&] { test.start(); }).find("no.pem"), std::string::npos);
}

/// Says something on the port; whether it is closed afterwards.
bool is_hung_up_on(std::uint16_t port, const std::string& words) {
  const int s = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{60, 0};
  ::setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  char answer = 0;
  bool hung_up = false;
  if (::connect(s, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
    const ssize_t sent = ::send(s, words.data(), words.size(), MSG_NOSIGNAL);
    ssize_t n = sent < 0 ? sent : 1;
    while (n > 0) n = ::recv(s, &answer, 1, 0);  // an abort may come first
    hung_up = n == 0 || errno == ECONNRESET || errno == EPIPE;
  }
  ::close(s);
  return hung_up;
}

TEST(Node, GarbageOnThePortHurtsNobody) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  test.options.network.timeout = std::chrono::seconds(2);
  write_series(test.folder / "ct", 2);
  test.start();
  const std::string huge("\x01\x00\xff\xff\xff\xff", 6), data("\x04\x00\x00\x00\x00\x04\x00\x00", 8);
  const std::string request("\x01\x00\x00\x00\x00\x10\x00\x01\x00\x00", 10), nonsense(200000, '\x07');
  for (const std::string& words : {std::string("GET / HTTP/1.1\r\n\r\n"), huge, data, request, nonsense,
                                   std::string("\x01\x00", 2), std::string()})
    EXPECT_TRUE(is_hung_up_on(test.node->port(), words)) << words.substr(0, 20);
  test.send(files_in(test.folder / "ct"));
  EXPECT_TRUE(test.segment());
  EXPECT_EQ(test.objects(1), std::vector<std::string>{"2 planes"});
}

TEST(Node, BeyondTheLimitAssociationsAreRefused) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  test.options.network.max_associations = 1;
  write_series(test.folder / "ct", 1);
  test.start();
  Echo first(test.node->port());
  ASSERT_TRUE(first.is_open());
  EXPECT_NE(test.refusal(files_in(test.folder / "ct")), "");
  first.release();
  EXPECT_TRUE(TestNode::eventually([&] { return test.refusal(files_in(test.folder / "ct")).empty(); }));
}

TEST(Node, DamagedAndWrongInstancesAreRefused) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  DicomSlice slice = dicom_slice(0);
  const std::string pixels = slice.pixels();
  const auto file = [&](const std::string& name, const std::string& bytes) {
    nnunet::test::write_bytes(test.folder / name, bytes);
    return std::vector<fs::path>{test.folder / name};
  };
  const std::string explicit_little = "1.2.840.10008.1.2.1";
  const auto short_pixels = file(
      "short.dcm", dicom_file(explicit_little,
                              slice.header().element(0x7fe00010, "OW", pixels.substr(0, pixels.size() / 2)).bytes()));
  test.start();
  const std::string refusal = test.refusal(short_pixels);
  EXPECT_NE(refusal.find("C000"), std::string::npos) << refusal;
  constexpr std::size_t element = 12;  // the header of the pixel data
  const std::string cut = slice.file().substr(0, slice.file().size() - pixels.size() - element);
  EXPECT_NE(test.refusal(file("cut.dcm", cut)).find("C000"), std::string::npos);
  EXPECT_TRUE(test.is_empty());
  EXPECT_FALSE(test.segment());
}

TEST(Node, AnotherInstanceThanAnnouncedIsRefused) {
  NNUNET_NEEDS_DICOM();
  const TempFolder folder;
  Spool spool({.folder = folder / "spool"});
  IncomingInstances incoming(spool, 1 << 20);
  const auto take = [&](const ReceivedInstance& announced) {
    const StorageHandler::Place place = incoming.begin(1);
    write_text(place.file, dicom_slice(0).file());
    ReceivedInstance received = announced;
    received.file = place.file;
    const StoreAnswer answer = incoming.take(received);
    incoming.end(1, place.file);
    EXPECT_FALSE(fs::exists(place.file));
    return answer.status;
  };
  const std::string ct = "1.2.840.10008.5.1.4.1.1.2", mr = "1.2.840.10008.5.1.4.1.1.4", uid = dicom_slice(0).instance;
  EXPECT_EQ(take({{}, ct, "1.2.3.9", {}, 1}), StoreAnswer::Status::wrong_data_set);
  EXPECT_EQ(take({{}, mr, uid, {}, 1}), StoreAnswer::Status::wrong_data_set);
  EXPECT_TRUE(incoming.held_series().empty());
  EXPECT_EQ(take({{}, ct, uid, {}, 1}), StoreAnswer::Status::success);
  incoming.begin(1);
  EXPECT_EQ(incoming.held_series().size(), 1U) << "while the association sends another instance";
  incoming.closed(1);
  EXPECT_TRUE(incoming.held_series().empty());
}

TEST(Node, LargerThanTheLimitsIsRefusedAndTheRestGoesOn) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  write_series(test.folder / "ct", 3);
  DicomSlice large = dicom_slice(7);
  large.rows = 400;
  large.columns = 300;
  large.values.assign(400 * 300, 5);
  nnunet::test::write_bytes(test.folder / "large.dcm", large.file());
  test.options.network.max_instance_bytes = 100000;
  test.start();
  const std::string refusal = test.refusal({test.folder / "large.dcm"});
  EXPECT_NE(refusal.find("A700"), std::string::npos) << refusal;
  EXPECT_TRUE(test.is_empty());
  test.send(files_in(test.folder / "ct"));
  EXPECT_EQ(test.in_spool("receiving").size(), 1U);

  test.options.network.max_instance_bytes = 100;  // which its only fragment exceeds
  test.start();
  const std::string small = test.refusal({test.folder / "ct/00.dcm"});
  EXPECT_NE(small.find("A700"), std::string::npos) << small;

  test.options.network.max_instance_bytes = 100000;
  test.options.spool.most_bytes = 1;
  test.start();
  const std::string full = test.refusal(files_in(test.folder / "ct"));
  EXPECT_NE(full.find("A700"), std::string::npos) << full;
  EXPECT_TRUE(test.segment()) << "what is there goes on";
  EXPECT_EQ(test.objects(1), std::vector<std::string>{"3 planes"});
}

TEST(Node, WhatIsNoImageIsTakenAndForgotten) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  DicomSlice slice = dicom_slice(0);
  slice.modality = "SEG";
  nnunet::test::write_bytes(test.folder / "seg.dcm", slice.file());
  slice.modality = "RTSTRUCT";
  slice.rows = slice.columns = 0;
  nnunet::test::write_bytes(test.folder / "rt.dcm", dicom_file("1.2.840.10008.1.2.1", slice.header().bytes()));
  test.start();
  test.send({test.folder / "seg.dcm", test.folder / "rt.dcm"});
  EXPECT_FALSE(test.segment());
  EXPECT_TRUE(test.is_empty());
}

TEST(Node, SeriesOfLocalizersAreDropped) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  write_series(test.folder / "ct", 2,
               [](DicomSlice& slice, int) { slice.image_type = "ORIGINAL\\PRIMARY\\LOCALIZER"; });
  test.start();
  test.send(files_in(test.folder / "ct"));
  EXPECT_TRUE(test.segment());
  EXPECT_TRUE(test.is_empty());
}

TEST(Node, ASeriesThatCannotBeReadFailsWithTheReasonAndTheNextGoesOn) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  write_series(test.folder / "gap", 4, [](DicomSlice& slice, int z) {
    if (z == 3) slice.position[2] += 10;
  });
  write_series(test.folder / "ct", 3, [](DicomSlice& slice, int) {
    slice.series = "1.2.3.5";
    slice.instance += ".5";
  });
  test.start();
  test.send(files_in(test.folder / "gap"));
  EXPECT_TRUE(test.segment());
  ASSERT_EQ(test.in_spool("failed").size(), 1U);
  const std::string reason = read_text(test.in_spool("failed").front() / "reason.txt");
  EXPECT_NE(reason.find(kSeries), std::string::npos) << reason;
  EXPECT_EQ(reason.find("Jane"), std::string::npos);
  EXPECT_EQ(files_in(test.in_spool("failed").front() / "images").size(), 4U);
  test.send(files_in(test.folder / "ct"));
  EXPECT_TRUE(test.segment());
  EXPECT_EQ(test.objects(1), std::vector<std::string>{"3 planes"});
}

TEST(Node, ARestartLosesNothing) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  write_series(test.folder / "ct", 4);
  test.start();
  test.send(files_in(test.folder / "ct"));
  test.start();
  EXPECT_TRUE(test.segment());
  test.refusals = 1 << 20;
  EXPECT_TRUE(TestNode::eventually([&] { return !test.in_spool("segmented").empty() || test.attempts > 0; }));
  test.start();
  test.refusals = 0;
  EXPECT_EQ(test.objects(1), std::vector<std::string>{"4 planes"});
}

TEST(Node, SendsAgainUntilItWorks) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  write_series(test.folder / "ct", 2);
  test.refusals = 4;
  test.start();
  test.send(files_in(test.folder / "ct"));
  EXPECT_TRUE(test.segment());
  EXPECT_EQ(test.objects(1).size(), 1U);
  EXPECT_EQ(test.attempts, 5);
}

TEST(Node, GivesUpAfterSoManyAttempts) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  write_series(test.folder / "ct", 2);
  test.refusals = 1 << 20;
  test.options.send_attempts = 3;
  test.start();
  test.send(files_in(test.folder / "ct"));
  EXPECT_TRUE(test.segment());
  EXPECT_TRUE(TestNode::eventually([&] { return !test.in_spool("failed").empty(); }));
  EXPECT_EQ(test.attempts, 3);
  const fs::path failed = test.in_spool("failed").front();
  EXPECT_TRUE(fs::exists(failed / (std::string(kSeries) + ".dcm"))) << "the object is kept";
  EXPECT_NE(read_text(failed / "reason.txt").find("tried 3 times"), std::string::npos);
}

TEST(Node, EachVolumeOfASeriesHasItsObject) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  fs::create_directories(test.folder / "mr");
  for (int part = 0; part < 2; ++part)
    for (int z = 0; z < 3; ++z) {
      DicomSlice slice = dicom_slice(z);
      slice.instance = fmt::format("1.2.3.4.{}.{}", part + 1, z + 1);
      slice.image_type = part == 0 ? "ORIGINAL\\PRIMARY\\M" : "ORIGINAL\\PRIMARY\\P";
      write_text(test.folder / "mr" / fmt::format("{}_{}.dcm", part, z), slice.file());
    }
  test.refusals = 1;
  test.start();
  test.send(files_in(test.folder / "mr"));
  EXPECT_TRUE(test.segment());
  EXPECT_EQ(test.objects(2), (std::vector<std::string>{"3 planes of part 1", "3 planes of part 2"}));
  EXPECT_TRUE(TestNode::eventually([&] { return test.is_empty(); }));
  EXPECT_EQ(test.attempts, 3) << "the one that was refused, and each once";
}

TEST(Node, LateInstancesAreSegmentedWithTheirSeries) {
  NNUNET_NEEDS_DICOM();
  TestNode test;
  write_series(test.folder / "ct", 5);
  std::vector<fs::path> files = files_in(test.folder / "ct"), first, rest;
  for (const fs::path& file : files) {
    const bool is_first =
        bytes_of(file).find("1.2.3.4.4") == std::string::npos && bytes_of(file).find("1.2.3.4.5") == std::string::npos;
    (is_first ? first : rest).push_back(file);
  }
  ASSERT_EQ(first.size(), 3U);
  test.start();
  test.send(first);
  test.during = [&] { test.send(rest); };
  EXPECT_TRUE(test.segment());
  test.during = {};
  EXPECT_TRUE(test.segment());
  EXPECT_EQ(test.objects(1), std::vector<std::string>{"5 planes"}) << "never the object of a part";
  EXPECT_TRUE(TestNode::eventually([&] { return test.is_empty(); }));

  test.send(rest);  // of a series that is done
  EXPECT_TRUE(test.segment());
  ASSERT_EQ(test.in_spool("failed").size(), 1U);
  EXPECT_NE(read_text(test.in_spool("failed").front() / "reason.txt").find("Send the whole series again"),
            std::string::npos);
}

}  // namespace
}  // namespace nnunet::dicom
