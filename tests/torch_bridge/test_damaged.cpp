// Files that are damaged by accident or on purpose: refused with an Error, or read without harm.
#include <caffe2/serialize/inline_container.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <iterator>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/core/error.h"
#include "nnunet/torch_bridge/tensors.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

using test::TempFolder;
using namespace std::string_literals;

std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_all(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string little_endian(std::uint64_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xffU);
  return bytes;
}

/// A torch file with this pickle, 8 bytes of storage "0" and a nearly empty one "1".
std::filesystem::path with_pickle(const TempFolder& folder, const std::string& pickle) {
  const auto path = folder / "crafted.pt";
  caffe2::serialize::PyTorchStreamWriter writer(path.string());
  writer.writeRecord("data.pkl", pickle.data(), pickle.size());
  writer.writeRecord("data/0", "\0\0\x80\x3f\0\0\0\x40", 8);
  writer.writeRecord("data/1", "x", 1);
  writer.writeEndOfFile();
  return path;
}

/// The message of the Error that reading throws; empty when it is read.
std::string refusal(const std::filesystem::path& path) {
  try {
    load_torch_file(path);
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

std::string text(const std::string& s) {
  return "X" + little_endian(s.size(), 4) + s;
}
std::string integer(std::int64_t value) {
  return "\x8a\x08"s + little_endian(static_cast<std::uint64_t>(value), 8);
}

/// A call of _rebuild_tensor_v2 with one size and one stride.
std::string tensor(std::int64_t elements, std::int64_t offset, std::int64_t size, std::int64_t stride,
                   const std::string& key = "0", const std::string& type = "FloatStorage") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + type + "\n" + text(key) +
         text("cuda:0") + integer(elements) + "tQ" + integer(offset) + integer(size) + "\x85" + integer(stride) +
         "\x85" + "\x89" + "ccollections\nOrderedDict\n)RtR";
}

TEST(DamagedTorchFile, MissingEmptyAndForeignFiles) {
  const TempFolder folder;
  EXPECT_THROW(load_torch_file(folder / "absent.pt"), Error);
  EXPECT_THROW(load_torch_file(folder.path()), Error);
  for (const std::string& content : {""s, "x"s, "PK"s, "PK\x03\x04"s, "not a checkpoint at all"s,
                                     std::string(100, '\0'), "\x80\x02N."s, "PK\x05\x06"s + std::string(18, '\0')}) {
    write_all(folder / "foreign.pt", content);
    EXPECT_THROW(load_torch_file(folder / "foreign.pt"), Error) << content;
  }
  caffe2::serialize::PyTorchStreamWriter writer((folder / "other.zip").string());
  writer.writeRecord("other", "x", 1);
  writer.writeEndOfFile();
  EXPECT_NE(refusal(folder / "other.zip").find("data.pkl"), std::string::npos);
}

TEST(DamagedTorchFile, EveryTruncationIsRefused) {
  const TempFolder folder;
  save_torch_file(folder / "a.pt", Value::Dict{{"a", from_torch(torch::arange(5.0))},
                                               {"b", "text"},
                                               {"c", from_torch(torch::ones({2}, torch::kUInt8))}});
  const std::string whole = read_all(folder / "a.pt");
  for (std::size_t size = 0; size < whole.size(); size += size + 60 < whole.size() ? 5 : 1) {
    write_all(folder / "cut.pt", whole.substr(0, size));
    const std::string message = refusal(folder / "cut.pt");
    EXPECT_NE(message.find("cut.pt"), std::string::npos) << size;
  }
}

TEST(DamagedTorchFile, FlippedBitsNeverCrashAndNeverChangeTensors) {
  const TempFolder folder;
  const auto values = torch::arange(5.0);
  save_torch_file(folder / "a.pt", Value::Dict{{"a", from_torch(values)}, {"b", "text"}});
  const std::string whole = read_all(folder / "a.pt");
  int refused = 0;
  for (std::size_t i = 0; i < whole.size(); i += 3) {
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i / 3 % 8)));
    write_all(folder / "flipped.pt", flipped);
    try {
      const Value read = load_torch_file(folder / "flipped.pt");
      EXPECT_TRUE(torch::equal(torch_tensor(*read.find("a"), "a"), values)) << i;
      EXPECT_EQ(read.find("b")->as_string("b"), "text") << i;
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

// The same without the checksums' protection: every byte of the pickle itself.
TEST(DamagedTorchFile, ChangedPicklesNeverCrash) {
  const TempFolder folder;
  const std::string pickle = "\x80\x02}q\0("s + text("a") + tensor(2, 0, 2, 1) + text("b") + "](K\x01K\x02" + "e" +
                             text("c") + "cargparse\nNamespace\n)\x81}" + text("x") + "G\x3f\xf8\0\0\0\0\0\0"s + "sbu.";
  ASSERT_EQ(refusal(with_pickle(folder, pickle)), "");
  int refused = 0;
  for (std::size_t i = 0; i < pickle.size(); ++i) {
    for (const int change : {0x01, 0xff}) {
      std::string changed = pickle;
      changed[i] = static_cast<char>(changed[i] ^ change);
      if (!refusal(with_pickle(folder, changed)).empty()) ++refused;
    }
    if (!refusal(with_pickle(folder, pickle.substr(0, i))).empty()) ++refused;
  }
  EXPECT_GT(refused, 100);
}

TEST(DamagedTorchFile, TensorsStayInsideTheirStorages) {
  const TempFolder folder;
  constexpr std::int64_t huge = std::int64_t{1} << 62;
  const Value sound = load_torch_file(with_pickle(folder, "\x80\x02" + tensor(2, 0, 2, 1) + "."));
  EXPECT_TRUE(torch::equal(torch_tensor(sound, "sound"), torch::tensor({1.0F, 2.0F})));
  for (const std::string& bad :
       {tensor(2, 0, 3, 1), tensor(2, 1, 2, 1), tensor(2, 2, 1, 1), tensor(2, 0, 2, 2), tensor(2, -1, 1, 1),
        tensor(2, 0, -1, 1), tensor(2, 0, 2, -1), tensor(3, 0, 3, 1), tensor(-2, 0, 1, 1), tensor(huge, 0, 1, 1),
        tensor(2, huge, 1, 1), tensor(2, 0, huge, huge), tensor(2, 0, huge, 0), tensor(2, 0, 2, huge),
        tensor(2, 0, 1, 1, "absent"), tensor(2, 0, 1, 1, "../data.pkl"), tensor(2, 0, 1, 1, "1"),
        tensor(2, 0, 2, 1, "0", "DoubleStorage")})
    EXPECT_NE(refusal(with_pickle(folder, "\x80\x02" + bad + ".")), "") << bad;
  EXPECT_TRUE(
      load_torch_file(with_pickle(folder, "\x80\x02" + tensor(2, 0, 1, 1, "0", "StrangeStorage") + ".")).is_none());
}

TEST(DamagedTorchFile, BombsAreHarmless) {
  const TempFolder folder;
  const auto marker = folder / "executed";
  const std::string command = "touch '" + marker.string() + "'";
  // os.system(command), as a value, in a list, and through builtins.eval: never called.
  for (const std::string& call :
       {"cposix\nsystem\n" + text(command) + "\x85R.", "](cos\nsystem\n" + text(command) + "\x85Re.",
        "cbuiltins\neval\n" + text("__import__('os').system(\"" + command + "\")") + "\x85R."})
    EXPECT_EQ(refusal(with_pickle(folder, "\x80\x02" + call)), "");
  EXPECT_FALSE(std::filesystem::exists(marker));

  EXPECT_NE(refusal(with_pickle(folder, "\x80\x02" + std::string(100000, ']') + std::string(99999, 'a') + ".")),
            "");  // nested lists
  // Each list holds the one before it twice: 2^60 entries.
  std::string doubling = "\x80\x02]q"s + '\0' + "0";
  for (char i = 0; i < 60; ++i) doubling += "](h"s + i + "h" + i + "eq" + static_cast<char>(i + 1) + "0";
  EXPECT_NE(refusal(with_pickle(folder, doubling + "h\x3c.")), "");
  EXPECT_EQ(refusal(with_pickle(folder, "\x80\x02]q\0h\0a."s)), "");  // a list in itself
  for (const std::string& bad :
       {"X\xff\xff\xff\xff."s, "\x8d\xff\xff\xff\xff\xff\xff\xff\xff."s, "\x8b\xff\xff\xff\x7f."s, "h\x05."s, "t."s,
        "R."s, "b."s, "0."s, "(K\x01\x30."s, "Nu."s, "N(K\x01K\x01u."s, "}(K\x01u."s,
        "NK\x01"
        "a."s,
        "cno newline"s, "NQ."s, "."s, ""s, "NNR."s, "\x07."s})
    EXPECT_NE(refusal(with_pickle(folder, "\x80\x02" + bad)), "") << bad;
}

}  // namespace
}  // namespace nnunet
