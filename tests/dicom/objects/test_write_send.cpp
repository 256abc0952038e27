// Where objects are sent to, and the body of a STOW-RS request. tests/slow/dicom_sending.sh sends to other programs.
#include <gtest/gtest.h>

#include "message_of.h"
#include "nnunet/dicom/send.h"
#include "nnunet/io/atomic_file.h"
#include "reference/shared.h"

namespace nnunet::dicom {
namespace {

using nnunet::test::message_of;
using nnunet::test::TempFolder;

TEST(Sending, ANodeIsATitleAtAHostsPort) {
  const Destination node = parse_destination("PACS@archive.local:11112", "--send_to");
  EXPECT_EQ(node.called_ae, "PACS");
  EXPECT_EQ(node.host, "archive.local");
  EXPECT_EQ(node.port, 11112);
  EXPECT_TRUE(node.url.empty());
  EXPECT_EQ(node.name(), "PACS@archive.local:11112");
}

TEST(Sending, AServiceIsAnAddressWhoseUserIsNotNamed) {
  const Destination service = parse_destination("https://me:secret@archive:8042/dicom-web/", "--send_to");
  EXPECT_EQ(service.url, "https://me:secret@archive:8042/dicom-web");
  EXPECT_EQ(service.name(), "https://archive:8042/dicom-web");
  EXPECT_EQ(parse_destination("http://archive/a@b", "--send_to").name(), "http://archive/a@b");
}

TEST(Sending, OtherTextsAreRefusedWithTheOption) {
  for (const char* const text :
       {"", "archive", "archive:104", "@archive:104", "PACS@:104", "PACS@archive", "PACS@archive:", "PACS@archive:0",
        "PACS@archive:70000", "PACS@archive:1x", "SEVENTEEN_LETTERS@archive:1"})
    EXPECT_NE(message_of([&] { parse_destination(text, "--send_to"); }).find("--send_to: "), std::string::npos) << text;
}

TEST(Sending, StowBodyHoldsTheFilesAsTheyAre) {
  const TempFolder folder;
  const std::string first("DICM\0\r\n--x", 10), second = "other";
  write_text(folder / "a.dcm", first);
  write_text(folder / "b.dcm", second);
  const StowBody body = stow_body({folder / "a.dcm", folder / "b.dcm"});
  const std::string start = "multipart/related; type=\"application/dicom\"; boundary=";
  ASSERT_TRUE(body.content_type.starts_with(start)) << body.content_type;
  const std::string boundary = body.content_type.substr(start.size());
  EXPECT_LE(boundary.size(), 70U) << "of RFC 2046";
  const std::string head = "\r\nContent-Type: application/dicom\r\n\r\n";
  EXPECT_EQ(body.bytes,
            "--" + boundary + head + first + "\r\n--" + boundary + head + second + "\r\n--" + boundary + "--\r\n");
}

TEST(Sending, WhereNobodyAnswersIsSaid) {
  const TempFolder folder;
  write_text(folder / "a.dcm", "x");
  // Port 1 is nobody's on this machine.
  for (const char* const to : {"http://127.0.0.1:1/dicom-web"}) {
    const std::string message =
        message_of([&] { send_objects({folder / "a.dcm"}, parse_destination(to, "--send_to"), {}); });
    EXPECT_NE(message.find(to), std::string::npos) << message;
  }
  const auto to_node = [&](const SendOptions& options) {
    return message_of([&] { send_objects({}, parse_destination("PACS@127.0.0.1:1", "--send_to"), options); });
  };
  EXPECT_NE(to_node({}).find("PACS@127.0.0.1:1: cannot be reached"), std::string::npos) << to_node({});
  SendOptions wrong;
  wrong.calling_ae = "SEVENTEEN_LETTERS";
  EXPECT_NE(to_node(wrong).find("AE title"), std::string::npos);
}

}  // namespace
}  // namespace nnunet::dicom
