#include <gtest/gtest.h>
#include <torch/torch.h>

#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <limits>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/core/error.h"
#include "nnunet/torch_bridge/tensors.h"
#include "python.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

using test::TempFolder;

void expect_same(const Value& a, const Value& b) {
  ASSERT_EQ(a.data.index(), b.data.index());
  if (const auto* list = std::get_if<Value::List>(&a.data)) {
    const auto& other = b.as_list("b");
    ASSERT_EQ(list->size(), other.size());
    for (std::size_t i = 0; i < other.size(); ++i) expect_same((*list)[i], other[i]);
  } else if (const auto* dict = std::get_if<Value::Dict>(&a.data)) {
    const auto& other = b.as_dict("b");
    ASSERT_EQ(dict->size(), other.size());
    for (std::size_t i = 0; i < other.size(); ++i) {
      EXPECT_EQ((*dict)[i].first, other[i].first);
      expect_same((*dict)[i].second, other[i].second);
    }
  } else if (const auto* tensor = std::get_if<HostTensor>(&a.data)) {
    const HostTensor& other = b.as_tensor("b");
    EXPECT_EQ(tensor->dtype, other.dtype);
    EXPECT_EQ(tensor->sizes, other.sizes);
    const auto bytes = [](const torch::Tensor& t) { return t.contiguous().flatten().view(torch::kUInt8); };
    if (tensor->numel() > 0) {
      EXPECT_TRUE(torch::equal(bytes(to_torch(*tensor)), bytes(to_torch(other))));
    }
  } else if (const auto* real = std::get_if<double>(&a.data); real != nullptr && std::isnan(*real)) {
    EXPECT_TRUE(std::isnan(b.as_double("b")));
  } else if (std::holds_alternative<double>(a.data)) {
    EXPECT_EQ(a.as_double("a"), b.as_double("b"));
  } else if (std::holds_alternative<std::int64_t>(a.data)) {
    EXPECT_EQ(a.as_int("a"), b.as_int("b"));
  } else if (std::holds_alternative<bool>(a.data)) {
    EXPECT_EQ(a.as_bool("a"), b.as_bool("b"));
  } else if (std::holds_alternative<std::string>(a.data)) {
    EXPECT_EQ(a.as_string("a"), b.as_string("b"));
  }
}

Value every_kind() {
  Value::List tensors;
  for (const auto dtype :
       {torch::kFloat32, torch::kFloat64, torch::kFloat16, torch::kBFloat16, torch::kUInt8, torch::kInt8, torch::kInt16,
        torch::kInt32, torch::kInt64, torch::kBool, torch::kComplexFloat, torch::kComplexDouble})
    tensors.emplace_back(from_torch(torch::arange(6).reshape({2, 3}).to(dtype)));
  for (const auto dtype : {torch::kUInt16, torch::kUInt32, torch::kUInt64, torch::kFloat8_e4m3fn, torch::kFloat8_e5m2,
                           torch::kComplexHalf})
    tensors.emplace_back(from_torch(torch::ones({4}, dtype)));
  const std::string path = "x";
  return Value::Dict{{"none", {}},
                     {"true", true},
                     {"false", false},
                     {"zero", 0},
                     {"byte", 255},
                     {"negative", -1},
                     {"int", 1234567},
                     {"long", std::numeric_limits<std::int64_t>::min()},
                     {"unsigned", std::size_t{7}},
                     {"float", 0.1F},
                     {"double", 0.1},
                     {"infinity", std::numeric_limits<double>::infinity()},
                     {"nan", std::nan("")},
                     {"literal", "text"},
                     {"string", std::string("Gehirn \xc3\xa4 \xf0\x9f\xa7\xa0")},
                     {"empty", ""},
                     {"list", Value::List{1, 2.5, "three", Value::List{}, Value::Dict{}}},
                     {"vector", std::vector<double>{1.5, 2.5}},
                     {"dict", Value::Dict{{"a", Value::Dict{{"b", 1}}}, {"key with spaces", "v"}}},
                     {"tensors", tensors},
                     {"scalar", from_torch(torch::tensor(3.5))},
                     {"no elements", from_torch(torch::empty({0, 3}))},
                     {"transposed", from_torch(torch::arange(6.0).reshape({2, 3}).t())},
                     {"slice", from_torch(torch::arange(10).slice(0, 2, 9, 3))},
                     {"with gradient", from_torch(torch::ones({2}, torch::requires_grad()))}};
}

TEST(TorchFile, KeepsEveryKindOfValue) {
  const TempFolder folder;
  const Value value = every_kind();
  save_torch_file(folder / "all.pt", value);
  expect_same(value, load_torch_file(folder / "all.pt"));
}

TEST(TorchFile, ARootOfAnyKind) {
  const TempFolder folder;
  for (const Value& value :
       {Value(), Value(3), Value("x"), Value(Value::List{Value::List{1}}), Value(from_torch(torch::ones({3})))}) {
    save_torch_file(folder / "root.pt", value);
    expect_same(value, load_torch_file(folder / "root.pt"));
  }
}

TEST(TorchFile, AccessorsNameWhatIsWrong) {
  const Value value = Value::Dict{{"count", 3}, {"flag", true}, {"rate", 0.5}, {"name", "n"}};
  EXPECT_EQ(value.find("count")->as_int("count"), 3);
  EXPECT_EQ(value.find("count")->as_double("count"), 3.0);
  EXPECT_EQ(value.find("flag")->as_int("flag"), 1);
  EXPECT_EQ(value.find("absent"), nullptr);
  EXPECT_EQ(Value(1).find("x"), nullptr);
  EXPECT_THROW(value.find("rate")->as_int("rate"), Error);
  EXPECT_THROW(value.find("name")->as_bool("name"), Error);
  EXPECT_THROW(value.as_list("value"), Error);
  EXPECT_THROW(value.as_tensor("value"), Error);
  try {
    value.find("name")->as_double("learning rate");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("learning rate"), std::string::npos);
  }
}

TEST(TorchFile, ReplacesWhatIsNotUtf8) {
  const TempFolder folder;
  save_torch_file(folder / "a.pt", std::string("a\xff\xed\xa0\x80z\xc3"));
  EXPECT_EQ(load_torch_file(folder / "a.pt").as_string("a"),
            "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd");
}

TEST(TorchFile, RefusesWhatCannotBeSaved) {
  const TempFolder folder;
  EXPECT_THROW(save_torch_file(folder / "a.pt", from_torch(torch::eye(3).to_sparse())), Error);
  EXPECT_THROW(save_torch_file(folder / "a.pt", from_torch(torch::empty({3}, torch::device(torch::kMeta)))), Error);
  Value deep = 1;
  for (int i = 0; i < 600; ++i) deep = Value::List{std::move(deep)};
  EXPECT_THROW(save_torch_file(folder / "a.pt", deep), Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "a.pt"));
  std::ofstream(folder / "file") << "x";
  EXPECT_THROW(save_torch_file(folder / "file" / "a.pt", 1), Error);
}

TEST(TorchFile, AFullDiskLeavesNothing) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP();
  const TempFolder folder;
  save_torch_file(folder / "a.pt", 1);
  // A link with the temporary name cannot be foreseen, so the limit on file sizes stands in for the full disk.
  const rlimit small{1 << 16, RLIM_INFINITY};
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(save_torch_file(folder / "a.pt", from_torch(torch::zeros({1 << 20}))), Error);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(load_torch_file(folder / "a.pt").as_int("a"), 1);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(TorchFile, TorchLoadsItWithItsDefaults) {
  NNUNET_NEEDS_PYTHON();
  const TempFolder folder;
  save_torch_file(folder / "all.pt", every_kind());
  EXPECT_EQ(test::run_python(folder, R"(
import math, torch
d = torch.load('all.pt')
assert list(d)[:3] == ['none', 'true', 'false'], list(d)
assert d['none'] is None and d['true'] is True and d['false'] is False
assert (d['zero'], d['byte'], d['negative'], d['int'], d['long'], d['unsigned']) == (0, 255, -1, 1234567, -2**63, 7)
assert d['double'] == 0.1 and abs(d['float'] - 0.1) < 1e-8 and math.isinf(d['infinity']) and math.isnan(d['nan'])
assert d['string'] == 'Gehirn \u00e4 \U0001f9e0' and d['empty'] == ''
assert d['list'] == [1, 2.5, 'three', [], {}] and d['vector'] == [1.5, 2.5]
assert d['dict'] == {'a': {'b': 1}, 'key with spaces': 'v'}
types = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
         torch.bool, torch.complex64, torch.complex128]
for t, n in zip(d['tensors'], types):
    assert t.dtype == n and torch.equal(t, torch.arange(6).reshape(2, 3).to(n)), n
more = [torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2, torch.complex32]
for t, n in zip(d['tensors'][12:], more):
    assert t.dtype == n and torch.equal(t.view(torch.uint8), torch.ones(4, dtype=n).view(torch.uint8)), n
assert d['scalar'].shape == () and d['scalar'].item() == 3.5
assert d['no elements'].shape == (0, 3)
assert torch.equal(d['transposed'], torch.arange(6.).reshape(2, 3).T)
assert torch.equal(d['slice'], torch.tensor([2, 5, 8]))
d['scalar'] += 1   # writable
)"),
            0);
}

TEST(TorchFile, ReadsWhatTorchSaves) {
  NNUNET_NEEDS_PYTHON();
  const TempFolder folder;
  ASSERT_EQ(test::run_python(folder, R"(
import argparse, collections, pathlib, enum, torch, numpy as np
from torch import nn
net = nn.Sequential(nn.Conv3d(1, 2, 3), nn.BatchNorm3d(2))
torch.save(net.state_dict(), 'state.pt')
base = torch.arange(12.)
torch.save({'a': base[2:8], 'b': base.view(3, 4).T, 'c': base[::5], 'expanded': torch.ones(1).expand(5), 'parameter': nn.Parameter(torch.ones(2)),
            'u16': torch.ones(3, dtype=torch.uint16)[1:], 'bf16': torch.ones(2).bfloat16(), 'sparse': torch.eye(2).to_sparse(),
            'quantized': torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8), 'meta': torch.ones(2, device='meta')}, 'tensors.pt')

class Color(enum.Enum):
    RED = 1
class Plain:
    def __init__(self): self.x, self.me = 5, self
class Slots:
    __slots__ = ('p', 'q')
    def __init__(self): self.p, self.q = 1, 'two'
class Attributes(dict): pass
class Numbers(list): pass
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
net(torch.ones(2, 1, 4, 4, 4)).sum().backward(); optimizer.step()
odd = {'namespace': argparse.Namespace(norm='instance', dim=3, residual=False, nested=argparse.Namespace(x=1)),
       'function': torch.nn.functional.relu, 'class': Plain, 'own function': collections.namedtuple, 'module': nn.Conv3d(1, 1, 1),
       'object': Plain(), 'slots': Slots(), 'enum': Color.RED, 'attributes': Attributes(a=1), 'numbers': Numbers([1, 2]), 'path': pathlib.Path('/a/b'),
       'default': collections.defaultdict(list, {'k': [1]}), 'counter': collections.Counter('aab'), 'set': {1}, 'frozen': frozenset([2]), 'tuple': (1, (2,)),
       'size': torch.Size([1, 2]), 'device': torch.device('cpu'), 'dtype': torch.float32, 'bytes': b'\x00\xff', 'complex': 1j, 'big': 2**80, 'long': -2**62,
       'f8': np.float64(1.5), 'f4': np.float32(2.5), 'i4': np.int32(-3), 'u1': np.uint8(200), 'b1': np.bool_(True), 'array': np.ones(3),
       'optimizer': optimizer.state_dict(), 3: 'int key', None: 'none key', 1.5: 'float key', (1, 2): 'tuple key', 'ordered': collections.OrderedDict(z=1, a=2)}
for protocol in (2, 3, 4, 5):
    torch.save(odd, f'odd{protocol}.pt', pickle_protocol=protocol)
cyclic = []; cyclic.append(cyclic); torch.save(cyclic, 'cyclic.pt')
torch.save(base, 'legacy.pt', _use_new_zipfile_serialization=False)
torch.jit.script(nn.ReLU()).save('script.pt')
)"),
            0);

  const Value state = load_torch_file(folder / "state.pt");
  ASSERT_EQ(state.as_dict("state").size(), 7U);
  EXPECT_EQ(state.as_dict("state")[0].first, "0.weight");
  EXPECT_EQ(state.find("0.weight")->as_tensor("w").sizes, (std::vector<std::int64_t>{2, 1, 3, 3, 3}));
  EXPECT_EQ(torch_tensor(*state.find("1.num_batches_tracked"), "n").item<std::int64_t>(), 0);

  const Value tensors = load_torch_file(folder / "tensors.pt");
  const auto tensor = [&](const char* name) { return torch_tensor(*tensors.find(name), name); };
  const auto base = torch::arange(12.0);
  EXPECT_TRUE(torch::equal(tensor("a"), base.slice(0, 2, 8)));
  EXPECT_TRUE(torch::equal(tensor("b"), base.view({3, 4}).t()));
  EXPECT_FALSE(tensor("b").is_contiguous());
  EXPECT_TRUE(torch::equal(tensor("c"), base.slice(0, 0, 12, 5)));
  EXPECT_EQ(tensors.find("a")->as_tensor("a").storage, tensors.find("c")->as_tensor("c").storage);
  EXPECT_TRUE(torch::equal(tensor("expanded"), torch::ones({5})));
  EXPECT_TRUE(torch::equal(tensor("parameter"), torch::ones({2})));
  EXPECT_EQ(tensor("u16").dtype(), torch::kUInt16);
  EXPECT_EQ(tensor("u16").size(0), 2);
  EXPECT_TRUE(torch::equal(tensor("bf16"), torch::ones({2}, torch::kBFloat16)));
  for (const char* name : {"sparse", "quantized", "meta"}) EXPECT_TRUE(tensors.find(name)->is_none()) << name;

  for (const int protocol : {2, 3, 4, 5}) {
    SCOPED_TRACE(protocol);
    const Value odd = load_torch_file(folder / ("odd" + std::to_string(protocol) + ".pt"));
    const auto at = [&](const char* name) -> const Value& {
      static const Value absent = "absent";
      const Value* found = odd.find(name);
      EXPECT_NE(found, nullptr) << name;
      return found == nullptr ? absent : *found;
    };
    EXPECT_EQ(at("namespace").find("norm")->as_string("norm"), "instance");
    EXPECT_FALSE(at("namespace").find("residual")->as_bool("residual"));
    EXPECT_EQ(at("namespace").find("nested")->find("x")->as_int("x"), 1);
    for (const char* name : {"function", "class", "own function", "enum", "dtype", "complex", "big", "array"})
      EXPECT_TRUE(at(name).is_none()) << name;
    EXPECT_EQ(at("module").find("_parameters")->find("weight")->as_tensor("w").dim(), 5);
    EXPECT_EQ(at("object").find("x")->as_int("x"), 5);
    EXPECT_TRUE(at("object").find("me")->is_none());
    EXPECT_EQ(at("slots").find("q")->as_string("q"), "two");
    EXPECT_EQ(at("attributes").find("a")->as_int("a"), 1);
    EXPECT_EQ(at("numbers").as_list("numbers").size(), 2U);
    EXPECT_EQ(at("path").as_string("path"), "/a/b");
    EXPECT_EQ(at("default").find("k")->as_list("k").size(), 1U);
    EXPECT_EQ(at("counter").find("a")->as_int("a"), 2);
    EXPECT_EQ(at("set").as_list("set")[0].as_int("set"), 1);
    EXPECT_EQ(at("frozen").as_list("frozen")[0].as_int("frozen"), 2);
    EXPECT_EQ(at("tuple").as_list("tuple")[1].as_list("tuple")[0].as_int("tuple"), 2);
    EXPECT_EQ(at("size").as_list("size")[1].as_int("size"), 2);
    EXPECT_EQ(at("device").as_string("device"), "cpu");
    EXPECT_EQ(at("bytes").as_string("bytes"), std::string("\0\xff", 2));
    EXPECT_EQ(at("long").as_int("long"), -(std::int64_t{1} << 62));
    EXPECT_EQ(at("f8").as_double("f8"), 1.5);
    EXPECT_EQ(at("f4").as_double("f4"), 2.5);
    EXPECT_EQ(at("i4").as_int("i4"), -3);
    EXPECT_EQ(at("u1").as_int("u1"), 200);
    EXPECT_TRUE(at("b1").as_bool("b1"));
    EXPECT_EQ(at("optimizer").find("state")->find("0")->find("exp_avg")->as_tensor("exp_avg").dim(), 5);
    EXPECT_EQ(at("optimizer").find("param_groups")->as_list("groups")[0].find("lr")->as_double("lr"), 0.01);
    EXPECT_EQ(at("3").as_string("3"), "int key");
    EXPECT_EQ(at("None").as_string("None"), "none key");
    EXPECT_EQ(at("1.5").as_string("1.5"), "float key");
    EXPECT_EQ(at("ordered").as_dict("ordered")[0].first, "z");
  }
  EXPECT_TRUE(load_torch_file(folder / "cyclic.pt").as_list("cyclic")[0].is_none());
  EXPECT_THROW(load_torch_file(folder / "legacy.pt"), Error);
  EXPECT_THROW(load_torch_file(folder / "script.pt"), Error);
}

}  // namespace
}  // namespace nnunet
