#include <gtest/gtest.h>

#include "expect_error.h"
#include "nnunet/io/bids.h"
#include "reference/shared.h"
#include "warnings.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

/// A dataset of empty files: what is listed are names.
class Bids : public testing::Test {
 protected:
  Bids() { write("dataset_description.json", R"({"Name": "x", "BIDSVersion": "1.10.0"})"); }
  void write(const std::string& name, const std::string& content = "") const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << content;
  }
  void add(const std::vector<std::string>& names) const {
    for (const std::string& name : names) write(name);
  }
  std::vector<ImageCase> cases(const std::vector<std::string>& channels,
                               const std::vector<std::string>& filter = {}) const {
    return list_bids_cases(folder_.path(), {channels, filter});
  }
  /// "NAME: FILE FILE", or "NAME! PROBLEM"
  std::vector<std::string> listed(const std::vector<std::string>& channels,
                                  const std::vector<std::string>& filter = {}) const {
    std::vector<std::string> all;
    for (const ImageCase& c : cases(channels, filter)) {
      std::string text = c.name + (c.problem.empty() ? ":" : "! " + c.problem);
      if (c.problem.empty())
        for (const fs::path& file : c.channels) text += " " + file.filename().string();
      all.push_back(text);
    }
    return all;
  }

  test::TempFolder folder_;
};

using Lines = std::vector<std::string>;

TEST_F(Bids, NamesAreTakenApart) {
  const auto name = bids_name("sub-01_acq-a_T1w");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->suffix, "T1w");
  EXPECT_EQ(name->entity("acq"), "a");
  EXPECT_EQ(name->entity("run"), "");
  for (const char* const wrong :
       {"", "sub-01_", "sub-01_T1w (copy)", "sub_T1w", "sub-_T1w", "-1_T1w", "run-1_run-2_T1w"})
    EXPECT_FALSE(bids_name(wrong)) << wrong;
}

TEST_F(Bids, EachImageOfAChannelIsACase) {
  add({"sub-01/anat/sub-01_run-1_T1w.nii.gz", "sub-01/anat/sub-01_run-2_T1w.nii", "sub-01/anat/sub-01_T2w.nii.gz",
       "sub-01/anat/sub-01_T1w.json", "sub-02/ses-b/anat/sub-02_ses-b_T1w.nii.gz",
       "sub-02/ses-a/anat/sub-02_ses-a_acq-x_T1w.nii.gz", "derivatives/x/sub-01/anat/sub-01_T1w.nii.gz",
       "sub-02/ses-a/fmap/sub-02_ses-a_epi.nii.gz"});
  EXPECT_EQ(listed({"T1w"}), (Lines{"sub-01/anat/sub-01_run-1_dseg: sub-01_run-1_T1w.nii.gz",
                                    "sub-01/anat/sub-01_run-2_dseg: sub-01_run-2_T1w.nii",
                                    "sub-02/ses-a/anat/sub-02_ses-a_acq-x_dseg: sub-02_ses-a_acq-x_T1w.nii.gz",
                                    "sub-02/ses-b/anat/sub-02_ses-b_dseg: sub-02_ses-b_T1w.nii.gz"}));
  EXPECT_EQ(listed({"T1w"}, {"run=2,3"}), (Lines{"sub-01/anat/sub-01_run-2_dseg: sub-01_run-2_T1w.nii"}));
  EXPECT_EQ(listed({"T1w"}, {"run=", "acq="}), (Lines{"sub-02/ses-b/anat/sub-02_ses-b_dseg: sub-02_ses-b_T1w.nii.gz"}));
  EXPECT_EQ(listed({"T1w"}, {"sub=02", "ses=a"}).size(), 1U);
}

TEST_F(Bids, ChannelsOfAnImageGoTogether) {
  add({"sub-1/anat/sub-1_acq-a_T1w.nii.gz", "sub-1/anat/sub-1_acq-b_FLAIR.nii.gz",  // the only ones
       "sub-2/anat/sub-2_run-1_T1w.nii.gz", "sub-2/anat/sub-2_run-2_T1w.nii.gz",    // one FLAIR for both runs
       "sub-2/anat/sub-2_FLAIR.nii.gz",                                             //
       "sub-3/anat/sub-3_T1w.nii.gz", "sub-3/anat/sub-3_run-1_FLAIR.nii.gz",        // and one T1w
       "sub-3/anat/sub-3_run-2_FLAIR.nii.gz"});
  EXPECT_EQ(listed({"T1w", "FLAIR"}),
            (Lines{"sub-1/anat/sub-1_acq-a_dseg: sub-1_acq-a_T1w.nii.gz sub-1_acq-b_FLAIR.nii.gz",
                   "sub-2/anat/sub-2_run-1_dseg: sub-2_run-1_T1w.nii.gz sub-2_FLAIR.nii.gz",
                   "sub-2/anat/sub-2_run-2_dseg: sub-2_run-2_T1w.nii.gz sub-2_FLAIR.nii.gz",
                   "sub-3/anat/sub-3_run-1_dseg: sub-3_T1w.nii.gz sub-3_run-1_FLAIR.nii.gz",
                   "sub-3/anat/sub-3_run-2_dseg: sub-3_T1w.nii.gz sub-3_run-2_FLAIR.nii.gz"}));
  EXPECT_EQ(cases({"FLAIR", "T1w"})[0].channels[0].filename(), "sub-1_acq-b_FLAIR.nii.gz");
}

TEST_F(Bids, EntitiesTellChannelsOfOneSuffixApart) {
  add({"sub-1/anat/sub-1_T1w.nii.gz", "sub-1/anat/sub-1_ce-gd_T1w.nii.gz"});
  EXPECT_EQ(listed({"T1w", "ce-gd_T1w"}), (Lines{"sub-1/anat/sub-1_dseg: sub-1_T1w.nii.gz sub-1_ce-gd_T1w.nii.gz"}));
  const std::string plain = "sub-1/anat/sub-1_dseg: sub-1_T1w.nii.gz";
  EXPECT_EQ(listed({"T1w"}), (Lines{"sub-1/anat/sub-1_ce-gd_dseg: sub-1_ce-gd_T1w.nii.gz", plain}));
  add({"sub-1/anat/sub-1_FLAIR.nii.gz"});
  EXPECT_EQ(listed({"T1w", "FLAIR"}), (Lines{"sub-1/anat/sub-1_ce-gd_dseg: sub-1_ce-gd_T1w.nii.gz sub-1_FLAIR.nii.gz",
                                             plain + " sub-1_FLAIR.nii.gz"}));
}

TEST_F(Bids, WhatCannotBeToldIsAProblemOfItsCase) {
  add({"sub-1/anat/sub-1_T1w.nii.gz",                                                                 // no FLAIR
       "sub-2/anat/sub-2_run-1_T1w.nii.gz", "sub-2/anat/sub-2_run-2_T1w.nii.gz",                      //
       "sub-2/anat/sub-2_run-2_FLAIR.nii.gz",                                                         // of one run
       "sub-3/anat/sub-3_T1w.nii.gz", "sub-3/anat/sub-3_FLAIR.nii.gz", "sub-3/anat/sub-3_FLAIR.nii",  // two
       "sub-4/anat/sub-4_T2w.nii.gz",                                                                 // none
       "sub-5/anat/sub-6_T1w.nii.gz",                                                                 // whose?
       "sub-7/anat/sub-7_T1w.nii.gz"});
  fs::create_symlink(folder_ / "nowhere", folder_ / "sub-7/anat/sub-7_FLAIR.nii.gz");
  Lines lines;
  const std::string warnings = test::warnings_of([&] { lines = listed({"T1w", "FLAIR"}); });
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_NE(lines[0].find("sub-1_dseg! there is no FLAIR"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("sub-2_run-1_dseg! there is no FLAIR that goes with run-1"), std::string::npos) << lines[1];
  EXPECT_EQ(lines[2], "sub-2/anat/sub-2_run-2_dseg: sub-2_run-2_T1w.nii.gz sub-2_run-2_FLAIR.nii.gz");
  EXPECT_NE(lines[3].find("sub-3_FLAIR.nii and sub-3_FLAIR.nii.gz could both be the channel FLAIR"), std::string::npos);
  EXPECT_NE(lines[4].find("sub-7_FLAIR.nii.gz is a link to a file that is not here"), std::string::npos) << lines[4];
  EXPECT_HAS(warnings, "sub-6_T1w.nii.gz: is left out");
  EXPECT_HAS(warnings, "no image that --bids names in sub-4, sub-5");
}

TEST_F(Bids, OfTwoImagesWithOneLabelMapNoneIsTaken) {
  add({"sub-1/anat/sub-1_T1w.nii.gz", "sub-1/pet/sub-1_T1w.nii.gz"});
  for (const std::string& line : listed({"T1w"})) EXPECT_NE(line.find("--bids_filter"), std::string::npos) << line;
}

TEST_F(Bids, SaysWhatIsNoDatasetAndNoSelection) {
  EXPECT_ERROR(cases({"T1w"}), "t holds no NIfTI image");
  add({"sub-1/anat/sub-1_T2w.nii.gz", "sub-1/anat/sub-1_PDw.nii.gz"});
  EXPECT_ERROR(cases({"T1w"}), "PDw, T2w");
  EXPECT_ERROR(cases({"T1w.nii"}), "is no suffix");
  EXPECT_ERROR(cases({"T2w", "T2w"}), "twice");
  EXPECT_ERROR(cases({"T2w"}, {"run"}), "ENTITY=VALUE");
  write("dataset_description.json", "{}");
  EXPECT_ERROR(cases({"T2w"}), "BIDSVersion");
  fs::remove(folder_ / "dataset_description.json");
  EXPECT_ERROR(cases({"T2w"}), "no BIDS dataset");
}

}  // namespace
}  // namespace nnunet
