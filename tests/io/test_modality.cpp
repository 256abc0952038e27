#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "expect_error.h"
#include "nnunet/io/config.h"
#include "nnunet/io/dataset.h"
#include "nnunet/io/modality.h"
#include "reference/shared.h"
#include "warnings.h"

using namespace nnunet;
using namespace nnunet::test;

TEST(Modality, CtInAnyCaseOfLetters) {
  for (const char* name : {"CT", "ct", "Ct", "cT", " Ct ", "\tCT\n"}) EXPECT_TRUE(is_ct_name(name)) << name;
  for (const char* name : {"", " ", "MRI", "C T", "CTA", "cbct", "PET"}) EXPECT_FALSE(is_ct_name(name)) << name;
}

TEST(Modality, NamesOfMagneticResonance) {
  // Those of the decathlon and nnU-Net's examples.
  for (const char* name : {"MRI", "mr", "FLAIR", "T1w", "t1gd", "T2w", "T2", "ADC", " DWI_b1000", "zscore"})
    EXPECT_TRUE(is_mr_name(name)) << name;
  for (const char* name : {"", "CT", "PET", "US", "noNorm", "CTA"}) EXPECT_FALSE(is_mr_name(name)) << name;
}

TEST(Modality, WhatIsTreatedAsAnotherIsSaidOnce) {
  const auto said = [](const std::vector<std::string>& modality, const char* file) {
    return warnings_of([&] { warn_of_modality(modality, file); });
  };
  EXPECT_EQ(said({"ct", "CT"}, "a"), "");
  EXPECT_EQ(said({"FLAIR", "T1w", "t1gd", "T2w"}, "a"), "");
  EXPECT_EQ(said({}, "a"), "");
  EXPECT_HAS(said({"CTA"}, "b"), "b: modality \"CTA\" is not known and taken as MRI");
  EXPECT_EQ(said({"CTA"}, "b"), "");
  EXPECT_HAS(said({"CT", "PET"}, "c"), "\"PET\" of channel 1 is treated as CT");
  EXPECT_HAS(said({"T1", "ct"}, "d"), "\"ct\" of channel 1 is treated as MRI");
}

TEST(Modality, OfADataset) {
  const TempFolder folder;
  const auto read = [&](const std::string& modality) {
    save(folder / "dataset.json", R"({"modality": {"0": ")" + modality +
                                      R"("}, "labels": {"0": "background", "1": "a"},
                                      "training": [{"image": "a.nii", "label": "b.nii"}]})");
    return read_dataset(folder.path());
  };
  for (const char* name : {"ct", "CT", " Ct "}) EXPECT_EQ(warnings_of([&] { EXPECT_TRUE(read(name).is_ct()); }), "");
  EXPECT_HAS(warnings_of([&] { EXPECT_FALSE(read("angiography").is_ct()); }),
             "dataset.json: modality \"angiography\" is not known and taken as MRI");
  EXPECT_EQ(warnings_of([&] { EXPECT_FALSE(read("angiography").is_ct()); }), "");
}

TEST(Modality, OfAConfig) {
  nlohmann::json object{{"patch_size", {8, 8, 8}}, {"spacings", {1, 1, 1}}, {"n_class", 2}, {"in_channels", 1}};
  object["modality"] = "ct";
  EXPECT_EQ(config_from_json(object, "x").modality, "CT");
  object["modality"] = "MR";
  EXPECT_EQ(warnings_of([&] { EXPECT_EQ(config_from_json(object, "x").modality, "MRI"); }), "");
  object["modality"] = "ultrasound";
  EXPECT_HAS(warnings_of([&] { EXPECT_EQ(config_from_json(object, "x").modality, "MRI"); }),
             "x: modality \"ultrasound\"");
}
