#include <gtest/gtest.h>

#include <torch/torch.h>
#include <algorithm>
#include <functional>

#include "infer/tiny.h"
#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/core/error.h"
#include "nnunet/torch_bridge/tensors.h"
#include "python.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

using test::TempFolder;

DataConfig hippocampus() {
  DataConfig data;
  data.patch_size = {16, 16, 16};
  data.spacings = {1, 1, 1};
  data.n_class = 3;
  data.in_channels = 1;
  data.labels = {"background", "anterior", "posterior"};
  data.ct = CtStats{-17, 201, 99.4, 39.36};
  data.modality = "CT";
  data.task = "04";
  return data;
}

/// Convolutions of an encoder with these filters, named as in the reference system.
StateDict encoder(const std::vector<std::int64_t>& filters, const std::string& prefix = "") {
  StateDict state;
  std::int64_t in = 1;
  for (std::size_t i = 0; i < filters.size(); ++i) {
    const std::string block = i == 0                    ? "input_block"
                              : i + 1 == filters.size() ? "bottleneck"
                                                        : "downsamples." + std::to_string(i - 1);
    state.emplace_back(prefix + block + ".conv1.conv.weight",
                       from_torch(torch::full({filters[i], in, 3, 3, 3}, static_cast<double>(i))));
    state.emplace_back(prefix + block + ".conv1.norm.weight", from_torch(torch::ones({filters[i]})));
    in = filters[i];
  }
  return state;
}

Value::Dict as_dict(const StateDict& state) {
  Value::Dict dict;
  for (const auto& [name, tensor] : state) dict.emplace_back(name, tensor);
  return dict;
}

std::string refusal(const std::filesystem::path& path, const ForeignDefaults& defaults = {}) {
  try {
    load_checkpoint(path, defaults);
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(Checkpoint, OursComesBackWhole) {
  const TempFolder folder;
  Checkpoint saved;
  saved.data = hippocampus();
  NetworkOptions options;
  options.norm = Norm::group;
  options.residual = true;
  options.negative_slope = 0.02;
  saved.plan = make_network_plan(saved.data.patch_size, saved.data.spacings, 1, 3, options);
  saved.state_dict = encoder(saved.plan.filters);
  saved.training =
      Value::Dict{{"epoch", 7}, {"optimizer", Value::Dict{{"momentum", Value::List{from_torch(torch::ones({2}))}}}}};
  CaseInfo info;
  info.name = "hippocampus_001";
  saved.data.cases = {info};
  save_checkpoint(folder / "checkpoints" / "last.ckpt", saved);

  const Checkpoint loaded = load_checkpoint(folder / "checkpoints" / "last.ckpt");
  EXPECT_EQ(loaded.plan, saved.plan);
  EXPECT_EQ(loaded.data.patch_size, saved.data.patch_size);
  EXPECT_EQ(loaded.data.labels, saved.data.labels);
  ASSERT_TRUE(loaded.data.ct.has_value());
  EXPECT_EQ(loaded.data.ct->mean, 99.4);
  EXPECT_TRUE(loaded.data.cases.empty());
  ASSERT_EQ(loaded.state_dict.size(), saved.state_dict.size());
  for (std::size_t i = 0; i < saved.state_dict.size(); ++i) {
    EXPECT_EQ(loaded.state_dict[i].first, saved.state_dict[i].first);
    EXPECT_TRUE(torch::equal(to_torch(loaded.state_dict[i].second), to_torch(saved.state_dict[i].second)));
  }
  EXPECT_EQ(loaded.training.find("epoch")->as_int("epoch"), 7);
}

TEST(Checkpoint, FirstVersionHadNoModel) {
  const TempFolder folder;
  const Checkpoint saved = test::tiny_checkpoint(test::tiny_config(3));
  save_checkpoint(folder / "2.ckpt", saved);
  const auto rewritten = [&](const std::function<void(Value::Dict&)>& change) {
    Value root = load_torch_file(folder / "2.ckpt");
    change(std::get<Value::Dict>(root.data));
    save_torch_file(folder / "other.ckpt", root);
    return load_checkpoint(folder / "other.ckpt");
  };
  const auto entry = [](Value::Dict& dict, const std::string& key) -> Value& {
    return std::ranges::find(dict, key, &std::pair<std::string, Value>::first)->second;
  };
  const Checkpoint first = rewritten([&](Value::Dict& root) {
    entry(root, "version") = 1;
    std::erase_if(root, [](const auto& e) { return e.first == "model"; });
  });
  EXPECT_EQ(first_difference(model_plan(first), model_plan(saved)), "");
  // A later one without it, and one whose parts contradict each other, are refused.
  EXPECT_THROW(
      rewritten([](Value::Dict& root) { std::erase_if(root, [](const auto& e) { return e.first == "model"; }); }),
      Error);
  EXPECT_THROW(rewritten([&](Value::Dict& root) {
                 auto& data = std::get<Value::Dict>(entry(root, "data").data);
                 entry(data, "spacings") = Value::List{2.0, 1.5, 1.0};
               }),
               Error);
}

TEST(Checkpoint, TorchSeesTheReferencesNames) {
  NNUNET_NEEDS_PYTHON();
  const TempFolder folder;
  Checkpoint saved;
  saved.data = hippocampus();
  saved.plan = make_network_plan(saved.data.patch_size, saved.data.spacings, 1, 3, {});
  saved.state_dict = encoder(saved.plan.filters);
  save_checkpoint(folder / "best.ckpt", saved);
  EXPECT_EQ(test::run_python(folder, R"(
import torch
c = torch.load('best.ckpt')
assert c['format'] == 'nnunet' and c['version'] == 2 and c['model']['version'] == 1 and c['training'] is None
assert list(c['state_dict'])[0] == 'input_block.conv1.conv.weight'
assert c['state_dict']['bottleneck.conv1.conv.weight'].shape[2:] == (3, 3, 3)
assert c['data']['patch_size'] == [16, 16, 16] and c['plan']['residual'] is False
)"),
            0);
}

TEST(Checkpoint, LightningCheckpointOfTheReference) {
  NNUNET_NEEDS_PYTHON();
  const TempFolder folder;
  // What Lightning 1.3 writes: hyper-parameters as a class of its own around a Namespace, callbacks keyed by class.
  ASSERT_EQ(test::run_python(folder, R"(
import argparse, collections, sys, types, torch
fake = types.ModuleType('pytorch_lightning'); fake.__path__ = []; sys.modules['pytorch_lightning'] = fake
for name in ('utilities', 'utilities.parsing', 'callbacks'):
    m = types.ModuleType('pytorch_lightning.' + name); m.__path__ = []; sys.modules['pytorch_lightning.' + name] = m
class AttributeDict(dict): pass
class ModelCheckpoint: pass
AttributeDict.__module__ = 'pytorch_lightning.utilities.parsing'; sys.modules[AttributeDict.__module__].AttributeDict = AttributeDict
ModelCheckpoint.__module__ = 'pytorch_lightning.callbacks'; sys.modules[ModelCheckpoint.__module__].ModelCheckpoint = ModelCheckpoint
state = collections.OrderedDict()
for block, (o, i) in {'input_block': (32, 1), 'downsamples.0': (64, 32), 'bottleneck': (128, 64)}.items():
    state[f'model.{block}.conv1.conv.weight'] = torch.ones(o, i, 3, 3, 3)
    state[f'model.{block}.conv1.norm.weight'] = torch.ones(o)
    state[f'model.{block}.norm_res.weight'] = torch.ones(o)
state['dice.tp'] = torch.ones(3); state['loss.weight'] = torch.ones(1)
net = torch.nn.Linear(2, 2); adam = torch.optim.Adam(net.parameters()); net(torch.ones(1, 2)).sum().backward(); adam.step()
args = argparse.Namespace(norm='group', residual=True, negative_slope=0.05, dim=3, task='04', steps=None, gpus=1)
checkpoint = {'epoch': 3, 'global_step': 40, 'pytorch-lightning_version': '1.3.8', 'state_dict': state, 'callbacks': {ModelCheckpoint: {'best': torch.tensor(1.)}},
              'optimizer_states': [adam.state_dict()], 'lr_schedulers': [], 'hparams_name': 'args', 'hyper_parameters': AttributeDict(args=args)}
torch.save(checkpoint, 'lightning.ckpt')
checkpoint['hyper_parameters'] = vars(args); torch.save(checkpoint, 'flat.ckpt')
)"),
            0);
  const DataConfig data = hippocampus();
  for (const char* name : {"lightning.ckpt", "flat.ckpt"}) {
    const Checkpoint loaded = load_checkpoint(folder / name, {&data, {}});
    EXPECT_EQ(loaded.state_dict.size(), 9U);
    EXPECT_EQ(loaded.state_dict[0].first, "input_block.conv1.conv.weight");
    NetworkOptions options;
    options.norm = Norm::group;
    options.residual = true;
    options.negative_slope = 0.05;
    EXPECT_EQ(loaded.plan, make_network_plan(data.patch_size, data.spacings, 1, 3, options));
    EXPECT_TRUE(loaded.training.is_none());
  }
  EXPECT_NE(refusal(folder / "lightning.ckpt").find("Give as data"), std::string::npos);
}

TEST(Checkpoint, PlainStateDictsAndTheirFilters) {
  const TempFolder folder;
  const DataConfig data = hippocampus();
  NetworkOptions flags;
  flags.negative_slope = 0.1;
  for (const char* prefix : {"", "module.", "model.", "model.module.", "module.model."}) {
    for (const std::vector<std::int64_t>& filters : {std::vector<std::int64_t>{32, 64, 128}, {16, 24, 40}, {8, 16}}) {
      save_torch_file(folder / "state.pt", as_dict(encoder(filters, prefix)));
      const Checkpoint loaded = load_checkpoint(folder / "state.pt", {&data, flags});
      EXPECT_EQ(loaded.state_dict[0].first, "input_block.conv1.conv.weight") << prefix;
      EXPECT_EQ(loaded.plan.filters, filters) << prefix;
      EXPECT_EQ(loaded.plan.strides.size(), filters.size());
      EXPECT_EQ(loaded.plan.negative_slope, 0.1);
    }
  }
  // More levels than the default allows for this patch: trained with a smaller --min_fmap.
  save_torch_file(folder / "state.pt", Value::Dict{{"state_dict", as_dict(encoder({8, 16, 32, 64}))}});
  EXPECT_EQ(load_checkpoint(folder / "state.pt", {&data, {}}).plan.filters.size(), 4U);
  StateDict batch = encoder({32, 64, 128});
  batch.emplace_back("input_block.conv1.norm.running_mean", from_torch(torch::zeros({32})));
  save_torch_file(folder / "batch.pt", as_dict(batch));
  EXPECT_EQ(load_checkpoint(folder / "batch.pt", {&data, {}}).plan.norm, Norm::batch);
}

TEST(Checkpoint, WhatIsNoCheckpointIsRefused) {
  const TempFolder folder;
  const DataConfig data = hippocampus();
  const auto refused = [&](const Value& value) {
    save_torch_file(folder / "bad.pt", value);
    return refusal(folder / "bad.pt", {&data, {}});
  };
  EXPECT_NE(refused(3), "");
  EXPECT_NE(refused(Value::Dict{}), "");
  EXPECT_NE(refused(Value::Dict{{"state_dict", Value::Dict{}}}), "");
  EXPECT_NE(refused(Value::Dict{{"state_dict", 3}}), "");
  EXPECT_NE(refused(Value::Dict{{"weight", from_torch(torch::ones({3}))}}), "");
  EXPECT_NE(refused(Value::Dict{{"input_block.conv1.conv.weight", from_torch(torch::ones({8, 1, 3, 3}))}}).find("2D"),
            std::string::npos);
  EXPECT_NE(refused(as_dict(encoder({1, 2, 3, 4, 5, 6, 7, 8, 9}))).find("levels"), std::string::npos);
  EXPECT_NE(refused(Value::Dict{{"format", "nnunet"}}).find("version"), std::string::npos);
  EXPECT_NE(refused(Value::Dict{{"format", "nnunet"}, {"version", 4}}).find("version 4"), std::string::npos);
  EXPECT_NE(refused(Value::Dict{{"format", "nnunet"}, {"version", 1}}).find("plan"), std::string::npos);
  EXPECT_NE(refused(Value::Dict{{"format", "nnunet"}, {"version", 1}, {"plan", from_torch(torch::ones({1}))}}), "");
  EXPECT_NE(
      refused(Value::Dict{{"format", "nnunet"}, {"version", 1}, {"plan", Value::Dict{}}, {"data", Value::Dict{}}}), "");
  EXPECT_NE(refusal(folder / "absent.pt", {&data, {}}), "");
}

}  // namespace
}  // namespace nnunet
