// Arrays through the C interface: the same labels and probabilities as the program makes of the same image in a file.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "models.h"
#include "nnunet/infer/opened_model.h"

namespace nnunet::test {
namespace {

const Kind kTransposed{"v2_transposed", true, {.transpose = {1, 2, 0}, .spacing = {1, 1.5, 1}}};
const Kind kPlanes{"v2_2d", true, {.dim = 2, .spacing = {1.2, 1}}};

class Arrays : public WithModel {
 protected:
  Image image_ = tiny_image({13, 22, 25}, 1, {2.5, 1.1, 0.9});
};

TEST_P(Arrays, GetTheLabelsThatTheProgramGives) {
  const Array<std::uint8_t> wanted = program_labels(image_, "--save_probabilities");
  const Array<float> probabilities = program_probabilities();
  const Image image = as_in_file(image_);
  const Model model = opened();
  Results found(image.geometry.shape, 3);
  const nnunet_image given = image_of(image);
  const Answer done = answer(api().segment(model.get(), &given, nullptr, &found.outputs));
  ASSERT_EQ(done.code, NNUNET_OK) << done.message;
  EXPECT_EQ(found.labels.values, wanted.values);
  EXPECT_EQ(found.probabilities.values, probabilities.values);
  EXPECT_GT(std::set<int>(wanted.values.begin(), wanted.values.end()).size(), 1U);

  Results labels_alone(image.geometry.shape, 3);
  labels_alone.outputs.probabilities.data = nullptr;
  ASSERT_EQ(answer(api().segment(model.get(), &given, nullptr, &labels_alone.outputs)).code, NNUNET_OK);
  EXPECT_EQ(labels_alone.labels.values, program_labels(image_).values);
}

/// Where number (c,z,y,x) of a C-ordered array goes in one whose x axis comes first and runs backwards, with gaps.
template <class T>
struct Scattered {
  std::vector<T> memory;
  nnunet_array array;

  explicit Scattered(const Array<T>& from) : memory(from.values.size() * 2) {
    const std::int64_t c = from.shape[0], d = from.shape[1], h = from.shape[2], w = from.shape[3];
    const std::int64_t steps[4] = {2, 2 * c, 2 * c * d, 2 * c * d * h};
    array = array_of(from);
    array.data = memory.data() + (w - 1) * steps[3];
    for (std::size_t axis = 0; axis < 4; ++axis)
      array.strides[axis] = steps[axis] * static_cast<std::int64_t>(sizeof(T)) * (axis == 3 ? -1 : 1);
    for_each([&](std::size_t i, T& value) { value = from.values[i]; }, from.shape);
  }
  template <class Body>
  void for_each(const Body& body, const std::vector<std::int64_t>& shape) {
    std::size_t i = 0;
    for (std::int64_t c = 0; c < shape[0]; ++c)
      for (std::int64_t z = 0; z < shape[1]; ++z)
        for (std::int64_t y = 0; y < shape[2]; ++y)
          for (std::int64_t x = 0; x < shape[3]; ++x, ++i)
            body(i, *reinterpret_cast<T*>(static_cast<char*>(array.data) + c * array.strides[0] + z * array.strides[1] +
                                          y * array.strides[2] + x * array.strides[3]));
  }
};

TEST_P(Arrays, MayLieInAnyOrderAndBeOfAnyType) {
  for (float& value : image_.voxels.values) value = std::round(10 * value);
  const Model model = opened();
  Results wanted(image_.geometry.shape, 3), found(image_.geometry.shape, 3);
  nnunet_image given = image_of(image_);
  ASSERT_EQ(answer(api().segment(model.get(), &given, nullptr, &wanted.outputs)).code, NNUNET_OK);

  Array<std::int16_t> whole;
  whole.shape = image_.voxels.shape;
  whole.values.assign(image_.voxels.values.begin(), image_.voxels.values.end());
  const Scattered<std::int16_t> voxels(whole);
  Scattered<float> probabilities(found.probabilities);
  Array<std::uint16_t> labels({1, 13, 22, 25});
  Scattered<std::uint16_t> wide(labels);
  given.voxels = voxels.array;
  found.outputs.probabilities = probabilities.array;
  found.outputs.labels = wide.array;
  const Answer done = answer(api().segment(model.get(), &given, nullptr, &found.outputs));
  ASSERT_EQ(done.code, NNUNET_OK) << done.message;
  wide.for_each([&](std::size_t i, std::uint16_t label) { ASSERT_EQ(label, wanted.labels.values[i]) << i; },
                labels.shape);
  probabilities.for_each([&](std::size_t i, float p) { ASSERT_EQ(p, wanted.probabilities.values[i]) << i; },
                         wanted.probabilities.shape);
  // What lies between the numbers is nobody's.
  for (std::size_t i = 1; i < probabilities.memory.size(); i += 2) ASSERT_EQ(probabilities.memory[i], 0) << i;
}

TEST_P(Arrays, InStepsAreTheSame) {
  const Model model = opened();
  Results whole(image_.geometry.shape, 3), steps(image_.geometry.shape, 3), restored(image_.geometry.shape, 3);
  const nnunet_image given = image_of(image_);
  ASSERT_EQ(answer(api().segment(model.get(), &given, nullptr, &whole.outputs)).code, NNUNET_OK);

  nnunet_prepared* made = nullptr;
  ASSERT_EQ(answer(api().prepare(model.get(), &given, 1, &made)).code, NNUNET_OK);
  const Prepared prepared = prepared_of(made);
  ASSERT_EQ(answer(api().segment_prepared(model.get(), prepared.get(), nullptr, &steps.outputs)).code, NNUNET_OK);
  EXPECT_EQ(steps.labels.values, whole.labels.values);
  EXPECT_EQ(steps.probabilities.values, whole.probabilities.values);

  nnunet_array input;
  ASSERT_EQ(answer(api().prepared_array(prepared.get(), &input)).code, NNUNET_OK);
  const Predictor predictor(open_model({path_}).checkpoints, {}, kCpu, Precision::fp32);
  const PreprocessedCase wanted = predictor.preprocess("case", image_, 1);
  ASSERT_TRUE(std::ranges::equal(input.shape, wanted.x.shape));
  EXPECT_TRUE(
      std::ranges::equal(wanted.x.values, std::span(static_cast<const float*>(input.data), wanted.x.values.size())));
  Array<float> logits({3, input.shape[1], input.shape[2], input.shape[3]});
  const nnunet_array to = array_of(logits);
  ASSERT_EQ(answer(api().logits(model.get(), &input, nullptr, &to)).code, NNUNET_OK);
  nnunet_text* text = nullptr;
  ASSERT_EQ(answer(api().prepared_json(prepared.get(), &text)).code, NNUNET_OK);
  const std::string json = text_of(text);
  EXPECT_EQ(nlohmann::json::parse(json).at("spacing"), (std::vector{2.5, 1.1, 0.9}));
  ASSERT_EQ(answer(api().prepared_from_json(model.get(), json.c_str(), &made)).code, NNUNET_OK);
  const Prepared again = prepared_of(made);
  ASSERT_EQ(answer(api().restore(model.get(), again.get(), &to, NNUNET_AS_MODEL, &restored.outputs)).code, NNUNET_OK);
  EXPECT_EQ(restored.labels.values, whole.labels.values);
  EXPECT_EQ(restored.probabilities.values, whole.probabilities.values);
}

INSTANTIATE_TEST_SUITE_P(CInterface, Arrays, testing::Values(kOurs, kV2, kTransposed, kPlanes), kind_name);

class TurnedArrays : public WithModel {};

// The program turns the file's axes, the interface those of the array by its directions.
TEST_P(TurnedArrays, AreTurnedAsFilesAre) {
  Image image = tiny_image({13, 22, 25}, 1, {1, 2, 1});
  image.geometry.affine = {{{0, -2, 0, 9}, {0, 0, 1, 4}, {-1, 0, 0, 5}, {0, 0, 0, 1}}};
  const Array<std::uint8_t> wanted = program_labels(image);
  const Image file = as_in_file(image);
  nnunet_image given = image_of(file);
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t axis = 0; axis < 3; ++axis)
      given.direction[3 * row + axis] =
          (row < 2 ? -1 : 1) * file.geometry.affine[row][axis] / file.geometry.spacing[2 - axis];
  const Model model = opened();
  EXPECT_EQ(info_of(model).reorients, 1);
  Results found(file.geometry.shape, 3), other(file.geometry.shape, 3);
  ASSERT_EQ(answer(api().segment(model.get(), &given, nullptr, &found.outputs)).code, NNUNET_OK);
  EXPECT_EQ(found.labels.values, wanted.values);
  for (std::size_t i = 0; i < found.labels.values.size(); ++i) {
    std::size_t best = 0;
    for (std::size_t k = 1; k < 3; ++k)
      if (found.probabilities.values[k * wanted.values.size() + i] >
          found.probabilities.values[best * wanted.values.size() + i])
        best = k;
    ASSERT_EQ(found.labels.values[i], best) << i;
  }
  std::ranges::fill(given.direction, 0.0);  // as it lies
  ASSERT_EQ(answer(api().segment(model.get(), &given, nullptr, &other.outputs)).code, NNUNET_OK);
  EXPECT_NE(other.labels.values, wanted.values);
}

INSTANTIATE_TEST_SUITE_P(CInterface, TurnedArrays,
                         testing::Values(Kind{"SimpleITK", true, {.reader = "SimpleITKIOWithReorient"}},
                                         Kind{"nibabel", true, {.reader = "NibabelIOWithReorient"}}),
                         kind_name);

class RunOptions : public WithModel {};

TEST_P(RunOptions, ChangeWhatTheProgramsFlagsDo) {
  const Image image = as_in_file(tiny_image({13, 30, 33}));
  const Model model = opened();
  const nnunet_image given = image_of(image);
  const auto labels = [&](const std::function<void(nnunet_run_options&)>& change) {
    nnunet_run_options run;
    NNUNET_INIT(run);
    change(run);
    Results found(image.geometry.shape, 3);
    found.outputs.probabilities.data = nullptr;
    const Answer done = answer(api().segment(model.get(), &given, &run, &found.outputs));
    EXPECT_EQ(done.code, NNUNET_OK) << done.message;
    return found.labels.values;
  };
  const auto usual = labels([](auto&) {});
  const bool v2 = GetParam().v2;
  const auto mirrored = labels([&](auto& run) { run.mirroring = v2 ? NNUNET_OFF : NNUNET_ON; });
  EXPECT_EQ(mirrored, program_labels(image, v2 ? "--disable_tta" : "--tta").values);
  EXPECT_NE(mirrored, usual);
  EXPECT_EQ(labels([](auto& run) { run.tile_step = 0.75; }), program_labels(image, "--overlap 0.25").values);
  EXPECT_EQ(labels([](auto& run) { run.gaussian = NNUNET_OFF; }), program_labels(image, "--blend constant").values);
  EXPECT_EQ(labels([](auto& run) { run.batch_size = 1; }), usual);
  EXPECT_EQ(labels([](auto& run) { run.threads = 2; }), usual);
  const std::string scratch = folder_.path().string();
  EXPECT_EQ(labels([&](auto& run) { run.scratch = scratch.c_str(); }), usual);
  nnunet_run_options run;
  NNUNET_INIT(run);
  run.scratch = "/nowhere";
  Results found(image.geometry.shape, 3);
  const Answer refused = answer(api().segment(model.get(), &given, &run, &found.outputs));
  EXPECT_NE(refused.message.find("/nowhere: cannot take a scratch file"), std::string::npos) << refused.message;
}

INSTANTIATE_TEST_SUITE_P(CInterface, RunOptions, testing::Values(kOurs, kV2), kind_name);

class ManyThreads : public WithModel {};

TEST_P(ManyThreads, GetTheLabelsOfOneAfterTheOther) {
  const Image first = tiny_image({13, 22, 25}), second = tiny_image({9, 30, 21});
  const Model a = opened(), b = opened();
  const auto segment = [](const Model& model, const Image& image, std::vector<std::uint8_t>& labels) {
    Results found(image.geometry.shape, 3);
    found.outputs.probabilities.data = nullptr;
    const nnunet_image given = image_of(image);
    EXPECT_EQ(answer(api().segment(model.get(), &given, nullptr, &found.outputs)).code, NNUNET_OK);
    labels = found.labels.values;
  };
  std::vector<std::uint8_t> wanted_first, wanted_second;
  segment(a, first, wanted_first);
  segment(a, second, wanted_second);
  for (const Model* other : {&b, &a}) {  // two models, and one by two threads
    std::vector<std::uint8_t> one, two;
    {
      const std::jthread beside([&] { segment(*other, second, two); });
      segment(a, first, one);
    }
    EXPECT_EQ(one, wanted_first);
    EXPECT_EQ(two, wanted_second);
  }
}

INSTANTIATE_TEST_SUITE_P(CInterface, ManyThreads, testing::Values(kOurs, kV2), kind_name);

class Cascade : public WithModel {};

TEST_P(Cascade, TakesTheLabelsOfTheStageBefore) {
  const Image image = tiny_image({13, 22, 25});
  const Model model = opened();
  EXPECT_EQ(info_of(model).previous_stage, 1);
  EXPECT_EQ(info_of(model).input_channels, 3);
  Results with(image.geometry.shape, 3), without(image.geometry.shape, 3);
  nnunet_image given = image_of(image);
  const Answer refused = answer(api().segment(model.get(), &given, nullptr, &with.outputs));
  EXPECT_EQ(refused.code, NNUNET_FAILED);
  EXPECT_NE(refused.message.find("previous stage"), std::string::npos) << refused.message;

  Array<std::uint8_t> previous({13, 22, 25});
  given.previous = array_of(previous);
  ASSERT_EQ(answer(api().segment(model.get(), &given, nullptr, &without.outputs)).code, NNUNET_OK);
  std::fill(previous.values.begin() + 3000, previous.values.begin() + 5000, std::uint8_t{2});
  ASSERT_EQ(answer(api().segment(model.get(), &given, nullptr, &with.outputs)).code, NNUNET_OK);
  EXPECT_NE(with.probabilities.values, without.probabilities.values);
}

INSTANTIATE_TEST_SUITE_P(CInterface, Cascade, testing::Values(Kind{"second_stage", true, {.cascade = true}}),
                         kind_name);

}  // namespace
}  // namespace nnunet::test
