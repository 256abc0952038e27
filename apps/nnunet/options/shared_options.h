#pragma once
#include <string>
#include <vector>

#include "command.h"
#include "nnunet/core/precision.h"
#include "nnunet/infer/run_options.h"
#include "nnunet/plan/plan.h"

/// Options that several commands have, each declared here and nowhere else: its name, its type, what it may be. Where
/// it means something else a command says so with described().
namespace nnunet::app {

// Data and results
Option data_folder(std::filesystem::path& value);
Option results_folder(std::filesystem::path& value);
Option task(std::string& value);
Option dimension(int& value);
Option nfolds(int& value);
Option fold(int& value);
Option logname(std::string& value);
Option input_images(std::filesystem::path& value);
Option output(std::filesystem::path& value);
/// --dicom_series: which of several series.
Option dicom_series(std::vector<std::string>& value);
/// The two as `predict` and `client` take them.
Option images_to_segment(std::filesystem::path& value);
Option series_to_segment(std::vector<std::string>& value);
Option overwrite(bool& value);
Option patch_size(std::vector<std::int64_t>& value);
Option case_count(int& value);
Option job_count(int& value);
Option seed(std::uint64_t& value);
/// --data, --results (each command has its own sentence on it), --task, --dim, --nfolds, --fold, --gpus.
std::vector<Option> place_options(CaseSelection& cases, Option results, int& gpu_count);

// Networks
template <class Paths>
Option checkpoint(Paths& value) {
  return option("--ckpt_path", value, "Checkpoint; several (the folds of a task) are averaged");
}
std::vector<Option> network_options(NetworkOptions& network);
Option gpus(int& value);
Option engine(std::string& value);
/// --precision: arithmetic of a run with --amp.
Option precision(std::string& value);
/// --precision: type of exported weights.
Option weight_type(Precision& value);
Option amp(bool& value);
/// --amp and --precision.
std::vector<Option> precision_options(ComputeOptions& compute);
std::vector<Option> sliding_options(SlidingOptions& windows);
Option folds(std::vector<std::string>& value);
/// nnU-Net v2's models: --folds, --checkpoint; --disable_tta, --precise, --low_memory.
std::vector<Option> fold_options(TrainedModel& model);
std::vector<Option> v2_window_options(SlidingOptions& windows);
Option activation_checkpointing(bool& value);

// Batches
Option batch_size(std::int64_t& value);
Option nvol(std::int64_t& value);
Option num_workers(int& value);
Option train_batches(std::int64_t& value);
Option test_batches(std::int64_t& value);
Option max_batch(std::int64_t& value);

// Measuring
Option measure_instead(bool& value);
Option warmup(std::int64_t& value);
Option profile(bool& value);

// Servers and scores
template <class Names>
Option model(Names& value) {
  return option("--model", value, "Name of the model there");
}
Option url(std::string& value);
Option api_key_file(std::filesystem::path& value);
Option trusted_certificates(std::filesystem::path& value);
Option certificate(std::filesystem::path& value);
Option private_key(std::filesystem::path& value);
Option listen_host(std::string& value);
Option listen_port(std::uint16_t& value);
Option ae_title(std::string& value);
/// --model: a model of nnU-Net v2 instead of --ckpt_path.
Option v2_model(std::filesystem::path& value);
template <class Duration>
Option drain_time(Duration& value) {
  Option o =
      time_option<std::chrono::duration<double>>("--drain_s", value, "Seconds for running requests after SIGTERM");
  return o.positive().in("s");
}
template <class Duration>
Option timeout(Duration& value) {
  Option o = time_option<std::chrono::duration<double>>("--timeout_s", value, "Seconds for one request");
  return o.positive().in("s");
}
Option labels(std::filesystem::path& value);
Option csv_file(std::filesystem::path& value);
template <class T>
Option json(T& value) {
  return option("--json", value, "Write means and cases to this JSON file");
}

// Kept from the reference system
/// The mode of a command that has several.
Option mode(Target target, std::vector<std::string> modes);
/// Its main.py has a mode where this program has a command.
Option mode_of_reference(const std::string& command);
Option save_predictions(bool& value);

/// Lists one after another.
std::vector<Option> joined(std::vector<std::vector<Option>> lists);

}  // namespace nnunet::app
