#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/io/image_case.h"
#include "nnunet/v2/python_json.h"

namespace nnunet::v2 {

/// A training case of a raw dataset.
struct RawCase {
  std::string name;
  std::vector<std::filesystem::path> images;  ///< by channel; empty: files are there, but none is CASE_0000
  std::filesystem::path label;

  /// Its images, to be read as they are.
  ImageCase image_case() const { return {name, images, {}}; }
};

/// The training cases of a folder nnUNet_raw/DATASET: files CASE_0000 in imagesTr and CASE in labelsTr, sorted, or what
/// the key "dataset" of dataset.json lists (relative to the folder, $VARIABLES replaced). Of a folder of the Medical
/// Segmentation Decathlon: the files of imagesTr, which have all channels themselves (4D). Throws Error: no
/// dataset.json, no case, a folder of nnU-Net v1.
std::vector<RawCase> training_cases(const std::filesystem::path& folder);

/// A raw dataset on the disk.
struct RawDataset {
  std::filesystem::path folder;
  Json description;            ///< dataset.json as nnU-Net v2 has it; of Decathlon folders what it becomes there
  std::vector<RawCase> cases;  ///< training cases, in nnU-Net's order

  std::string file() const { return (folder / "dataset.json").string(); }
};
/// Throws Error as training_cases.
RawDataset read_raw_dataset(const std::filesystem::path& folder);

/// dataset.json of a folder in nnU-Net v2's form, whichever of the two it has. Throws Error.
Json read_dataset_description(const std::filesystem::path& folder);

/// Which reader takes a dataset's images: what "overwrite_image_reader_writer" names, where it is known, else by the
/// ending and, where it is given, the first image (choose_reader, whose any_ending this is). Throws Error. file: of the
/// description, for messages.
ImageReader dataset_reader(const Json& description, const std::string& file,
                           const std::filesystem::path& first_image = {}, bool any_ending = false);
/// The same as the format of its files.
ImageFormat dataset_format(const RawDataset& dataset);

/// How many channels "channel_names" ("modality" in older files) names. Throws Error.
std::size_t channel_count(const Json& description, const std::string& file);

/// What is wrong with the numbers of a case's files: "its files are the channels 0001, 0002, not 0000, 0001". Empty:
/// nothing, or the files are not named CASE_0000.
std::string misnumbered_channels(const RawCase& c, const std::string& ending);
/// Whether the files of all cases have the same numbers.
bool numbered_alike(const RawDataset& dataset, const std::string& ending);

/// About how many bytes are held while a case's images and labels are read: exact for NIfTI files, by the files' sizes
/// for others. 0 where they cannot be looked at.
std::int64_t reading_memory(const RawCase& c);

}  // namespace nnunet::v2
