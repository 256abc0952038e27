// Names to codes, the table that users give, colours.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dicom/dcmtk/label_content.h"
#include "dicom/known_structures.h"
#include "message_of.h"
#include "nnunet/dicom/codes.h"
#include "nnunet/io/atomic_file.h"
#include "reference/shared.h"

namespace nnunet::dicom {
namespace {

using nnunet::test::message_of;
using nnunet::test::TempFolder;

std::vector<Segment> segments_in(const std::string& json) {
  const TempFolder folder;
  write_text(folder / "labels.json", json);
  return read_segments(folder / "labels.json");
}

std::string refusal(const std::string& json) {
  return message_of([&] { segments_in(json); });
}

TEST(Codes, TableIsSortedAndSaysEachNameOnce) {
  std::set<std::string_view> names;
  for (const KnownStructure& known : known_structures) {
    EXPECT_TRUE(names.insert(known.name).second) << known.name;
    EXPECT_TRUE(std::ranges::all_of(known.type, [](char c) { return c >= '0' && c <= '9'; })) << known.name;
    EXPECT_FALSE(known.meaning.empty()) << known.name;
    EXPECT_EQ(known.region.empty(), known.region_meaning.empty()) << known.name;
  }
  EXPECT_TRUE(std::ranges::is_sorted(known_structures, {}, &KnownStructure::name));
}

TEST(Codes, EveryNameOfTheTableIsKnown) {
  for (const KnownStructure& known : known_structures) {
    const auto structure = known_structure(known.name);
    ASSERT_TRUE(structure) << known.name;
    EXPECT_EQ(structure->type.value, known.type) << known.name;
  }
}

TEST(Codes, SpellingsAndSides) {
  const Code kidney{"64033007", "SCT", "Kidney"}, left{"7771000", "SCT", "Left"};
  for (const char* const name : {"kidney_left", "Left kidney", "KIDNEY-LEFT", "left_kidney"}) {
    const auto structure = known_structure(name);
    ASSERT_TRUE(structure) << name;
    EXPECT_EQ(structure->type, kidney) << name;
    EXPECT_EQ(structure->modifier, left) << name;
  }
  EXPECT_EQ(known_structure("kidney")->modifier, std::nullopt);
  EXPECT_EQ(known_structure("heart_atrium_left")->type.meaning, "Left atrium");
  EXPECT_EQ(known_structure("rib_left_4")->type.meaning, "Fourth rib");
  EXPECT_EQ(known_structure("Oesophagus")->type.meaning, "Esophagus");
}

TEST(Codes, WhatLiesInAnOrgan) {
  const auto tumour = known_structure("Liver tumour");
  ASSERT_TRUE(tumour);
  EXPECT_EQ(tumour->category.meaning, "Morphologically Abnormal Structure");
  EXPECT_EQ(tumour->type.meaning, "Neoplasm");
  EXPECT_EQ(tumour->region, (Code{"10200004", "SCT", "Liver"}));
  const auto cyst = known_structure("kidney_cyst_right");
  ASSERT_TRUE(cyst);
  EXPECT_EQ(cyst->type.meaning, "Cyst");
  EXPECT_EQ(cyst->region->meaning, "Kidney");
  EXPECT_EQ(cyst->region_side->meaning, "Right");
  EXPECT_EQ(cyst->modifier, std::nullopt);
  EXPECT_EQ(known_structure("lung_vessels")->type.meaning, "Blood vessel");
}

TEST(Codes, OtherNamesAreNotGuessed) {
  for (const char* const name : {"", "left", "thing", "left right kidney", "Anterior", "label 3"})
    EXPECT_FALSE(known_structure(name)) << name;
}

TEST(Codes, NamesAloneAreEnough) {
  const auto segments =
      segments_in(R"({"0": "background", "7": "liver", "2": {"name": "spleen", "colour": "#0180ff"}})");
  ASSERT_EQ(segments.size(), 2U);
  EXPECT_EQ(segments[0].value, 2);
  EXPECT_EQ(segments[0].name, "spleen");
  EXPECT_EQ(segments[0].colour, (std::array<std::uint8_t, 3>{1, 128, 255}));
  EXPECT_EQ(segments[1].value, 7);
  EXPECT_EQ(structure_of(segments[1]).type.meaning, "Liver");
}

TEST(Codes, DatasetJsonOfBothSystems) {
  for (const char* const json : {R"({"labels": {"0": "background", "1": "liver", "2": "cancer"}, "numTraining": 2})",
                                 R"({"labels": {"background": 0, "cancer": 2, "liver": 1}, "file_ending": ".mha"})"}) {
    const auto segments = segments_in(json);
    ASSERT_EQ(segments.size(), 2U);
    EXPECT_EQ(segments[0].name, "liver");
    EXPECT_EQ(segments[1].value, 2);
  }
}

TEST(Codes, CodesOfTheUserComeFirst) {
  const auto segments = segments_in(R"({"1": {"name": "liver",
      "category": {"value": "c", "scheme": "99X", "meaning": "C"}, "type": {"value": "t", "scheme": "99X", "meaning": "T"},
      "modifier": {"value": "m", "scheme": "99X", "meaning": "M"}, "region": {"value": "r", "scheme": "99X", "meaning": "R"},
      "region_side": {"value": "s", "scheme": "99X", "meaning": "S"}}})");
  const Structure s = structure_of(segments.at(0));
  EXPECT_EQ(s.category, (Code{"c", "99X", "C"}));
  EXPECT_EQ(s.type, (Code{"t", "99X", "T"}));
  EXPECT_EQ(s.modifier, (Code{"m", "99X", "M"}));
  EXPECT_EQ(s.region, (Code{"r", "99X", "R"}));
  EXPECT_EQ(s.region_side, (Code{"s", "99X", "S"}));
}

TEST(Codes, WrongTablesAreRefusedByTheirEntry) {
  for (const auto& [json, part] : std::vector<std::pair<std::string, std::string>>{
           {"[]", "not a JSON object"},
           {"{}", "names no label"},
           {R"({"one": "liver"})", "\"one\" is no value"},
           {R"({"65536": "liver"})", "\"65536\" is no value"},
           {R"({"1": 1.5})", "\"1\" is neither"},
           {R"({"1": ""})", "\"1\" has an empty name"},
           {R"({"labels": {"whole": [1, 2]}})", "\"labels.whole\" is a region"},
           {R"({"labels": {"a": 1, "b": 1}})", "gives the value 1 again"},
           {R"({"1": {"name": "x", "color": "red"}})", "\"1.color\" is not known"},
           {R"({"1": {"name": "x", "colour": "#12345g"}})", "\"1.colour\" is no colour"},
           {R"({"1": {"name": "x", "modifier": {"value": "1", "scheme": "SCT", "meaning": "m"}}})",
            "\"1.modifier\" needs"},
           {R"({"1": {"name": "x", "type": {"value": "1", "scheme": "SCT"}}})", "\"1.type.meaning\" is missing"},
           {R"({"1": {"name": "x", "type": {"value": "", "scheme": "SCT", "meaning": "m"}}})",
            "\"1.type.value\" has not"}}) {
    const std::string message = refusal(json);
    EXPECT_NE(message.find(part), std::string::npos) << json << "\n" << message;
    EXPECT_NE(message.find("labels.json"), std::string::npos) << message;
  }
}

TEST(Codes, ColoursAreTheRightOnesInCielab) {
  // L, a, b (D50) of sRGB's white, black and red by the ICC's definition, in DICOM's units.
  EXPECT_EQ(cielab({0, 0, 0}), (std::array<std::uint16_t, 3>{0, 32896, 32896}));
  const auto near = [](const std::array<std::uint16_t, 3>& lab, double l, double a, double b) {
    EXPECT_NEAR(lab[0] / 655.35, l, 0.05);
    EXPECT_NEAR(lab[1] / 65535.0 * 255 - 128, a, 0.05);
    EXPECT_NEAR(lab[2] / 65535.0 * 255 - 128, b, 0.05);
  };
  near(cielab({255, 255, 255}), 100, 0, 0);
  near(cielab({255, 0, 0}), 54.29, 80.81, 69.89);
  near(cielab({0, 0, 255}), 29.57, 68.30, -112.03);
}

TEST(Codes, EachLabelHasAColourOfItsOwn) {
  std::vector<Segment> segments;
  for (const int value : {1, 2, 3, 5, 7}) segments.push_back({.value = value, .name = "x"});
  std::set<std::array<std::uint8_t, 3>> colours;
  for (const Segment& segment : segments) colours.insert(colour_of(segment, segments));
  EXPECT_EQ(colours.size(), segments.size());
}

}  // namespace
}  // namespace nnunet::dicom
