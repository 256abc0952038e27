// Scores of arrays through the C interface: those of the program.
#include <nlohmann/json.hpp>

#include "models.h"
#include "nnunet/io/image_file.h"

namespace nnunet::test {
namespace {

using Json = nlohmann::json;

Array<std::uint8_t> blocks(std::int64_t from, std::int64_t to) {
  Array<std::uint8_t> labels({8, 10, 12});
  for (std::int64_t z = 0; z < 8; ++z)
    for (std::int64_t y = from; y < to; ++y)
      for (std::int64_t x = 2; x < 9; ++x)
        labels.values[static_cast<std::size_t>((z * 10 + y) * 12 + x)] = static_cast<std::uint8_t>(z < 4 ? 1 : 3);
  return labels;
}

constexpr double kSpacing[3] = {2.5, 0.75, 0.5};

Answer score(const nnunet_array& labels, const nnunet_array& reference, Json& scores,
             const double* spacing = kSpacing) {
  nnunet_text* text = nullptr;
  Answer done = answer(api().score(&labels, &reference, spacing, &text));
  if (text != nullptr) scores = Json::parse(text_of(text));
  return done;
}

TEST(CInterfaceScore, IsThatOfTheProgram) {
  const TempFolder folder;
  const Array<std::uint8_t> labels = blocks(1, 6), reference = blocks(3, 8);
  Geometry geometry = tiny_image({8, 10, 12}, 1, {2.5, 0.75, 0.5}).geometry;
  write_label_map(folder / "labels.nii.gz", {labels, geometry});
  write_label_map(folder / "reference.nii.gz", {reference, geometry});
  const Outcome program =
      nnunet_run(fmt::format("score --preds '{0}/labels.nii.gz' --lbls '{0}/reference.nii.gz' --json '{0}/scores.json'",
                             folder.path().string()));
  ASSERT_EQ(program.code, 0) << program.text;
  Json scores, wanted = Json::parse(read(folder / "scores.json"));
  ASSERT_EQ(score(array_of(labels), array_of(reference), scores).message, "");
  wanted["cases"][0]["name"] = "image";
  EXPECT_EQ(scores, wanted);
  EXPECT_NEAR(scores.at("classes").at("L1").at("dice").get<double>(), 0.6, 1e-9);
  EXPECT_EQ(scores.at("classes left out"), Json({"L2"}));

  Array<float> floats(labels.shape);
  std::ranges::copy(labels.values, floats.values.begin());
  Json of_floats;
  ASSERT_EQ(score(array_of(floats), array_of(reference), of_floats).message, "");
  EXPECT_EQ(of_floats, scores);
}

TEST(CInterfaceScore, NeedsLabelsOnOneGrid) {
  const Array<std::uint8_t> labels = blocks(1, 6);
  Json none;
  const auto refused = [&](const Answer& done, nnunet_code code, const std::string& part) {
    EXPECT_EQ(done.code, code) << done.message;
    EXPECT_NE(done.message.find(part), std::string::npos) << done.message;
  };
  refused(score(array_of(labels), array_of(Array<std::uint8_t>({8, 10, 11})), none), NNUNET_INVALID_CALL, "1x8x10x11");
  const double flat[3] = {1, 0, 1};
  refused(score(array_of(labels), array_of(labels), none, flat), NNUNET_INVALID_CALL, "spacing: is 0");
  Array<float> half(labels.shape, 0.5F), large(labels.shape, 256.0F);
  refused(score(array_of(half), array_of(labels), none), NNUNET_FAILED, "labels: holds 0.5");
  refused(score(array_of(labels), array_of(large), none), NNUNET_FAILED, "reference: holds 256");
}

}  // namespace
}  // namespace nnunet::test
