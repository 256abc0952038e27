#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nnunet/io/file_record.h"
#include "nnunet/io/image_case.h"

/// What outputs were made with and from, so that none is taken for the result of something else.
namespace nnunet {

/// Kept beside an output as `.nnunet/<its name without suffix>.json`. Each is written by the one process that makes the
/// output, so that parts of a job need not talk to each other, and holds nothing that differs from run to run.
struct OutputRecord {
  nlohmann::json made_with;  ///< an object: networks, options; {} where that is not known
  std::vector<FileRecord> sources;
  std::string output{};               ///< digest of its content; empty: not taken
  std::vector<std::string> extras{};  ///< files made together with it, relative to its folder
};

std::filesystem::path record_path(const std::filesystem::path& output);
/// Nothing when there is none, or none of this output, or it cannot be understood.
std::optional<OutputRecord> read_output_record(const std::filesystem::path& output);
/// Before a new output gets its name: removes the old one, and the extras that were made with it. Then write the
/// extras, the record, and the output last: a run that is killed in between leaves no output, never one with the record
/// of another.
void forget_output(const std::filesystem::path& output);
void write_output_record(const std::filesystem::path& output, const OutputRecord& record);
/// Before an output is written that has no record: one of a former output would be taken for its own.
void remove_output_record(const std::filesystem::path& output);

/// The first entry in which two objects differ, as "its KEY was A, now B"; empty: none.
std::string first_difference(const nlohmann::json& recorded, const nlohmann::json& now);

/// Why the output that is there cannot be kept: what differs in its record from how it would be made now. Empty: it
/// fits (sources that were copied since are noted in the record).
std::string output_difference(const std::filesystem::path& output, OutputRecord record, const nlohmann::json& made_with,
                              const std::vector<std::filesystem::path>& sources);

/// The cases whose label map has to be made: those without one, or with one that was made otherwise (said in the log).
/// extras: names of what is wanted beside a case's map. Throws Error for a map that is there without a record, or has
/// been changed since and would have to be made anew: users' files are never replaced without their word (overwrite).
std::vector<ImageCase> choose_open_cases(const std::vector<ImageCase>& all, const std::filesystem::path& output,
                                         const nlohmann::json& made_with, bool overwrite,
                                         const std::function<std::vector<std::string>(const ImageCase&)>& extras = {},
                                         const ImageFormat& format = {});

/// What killed runs left under temporary names of these outputs' records.
void remove_record_leftovers(const std::vector<std::filesystem::path>& outputs);

/// Writes the label map's file after its record. Call forget_output before, and write the extras in between.
void write_recorded(const std::filesystem::path& output, std::span<const std::byte> file, OutputRecord record);

}  // namespace nnunet
