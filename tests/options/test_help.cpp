// Help as a user reads it: every default in it is a member of the library's options struct.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <sstream>

#include "cli/program.h"
#include "nnunet/benchmark/options.h"
#include "nnunet/benchmark/serve_load.h"
#include "nnunet/client/segment_images.h"
#include "nnunet/data/phantom.h"
#include "nnunet/dicom/node.h"
#include "nnunet/dicom/send.h"
#include "nnunet/download/download.h"
#include "nnunet/eval/score_folder.h"
#include "nnunet/export/options.h"
#include "nnunet/infer/run_options.h"
#include "nnunet/plan/plan.h"
#include "nnunet/preprocess/options.h"
#include "nnunet/serve/grpc_server.h"
#include "nnunet/serve/http.h"
#include "nnunet/serve/service.h"
#include "nnunet/train/auto_options.h"
#include "nnunet/train/options.h"
#include "options/all_commands.h"
#include "options/benchmark.h"
#include "options/dicom_node.h"
#include "options/dicom_seg.h"
#include "options/serve.h"

namespace nnunet::app {
namespace {

using Defaults = std::map<std::string, std::string>;

template <class T>
std::string text(const T& value) {
  if constexpr (std::is_same_v<T, std::filesystem::path>)
    return value.string();
  else
    return fmt::format("{}", value);
}

std::string seconds(std::chrono::duration<double> time) {
  return fmt::format("{}", time.count());
}

Defaults operator+(Defaults a, const Defaults& b) {
  a.insert(b.begin(), b.end());
  return a;
}

const Defaults parts{{"--num_parts", "1"}, {"--part_id", "0"}};

Defaults network() {
  const NetworkOptions o;
  EXPECT_EQ(o.norm, Norm::instance);
  return {{"--norm", "instance"},
          {"--negative_slope", text(o.negative_slope)},
          {"--min_fmap", text(o.min_fmap)},
          {"--depth", text(o.depth)}};
}

Defaults selection(const CaseSelection& o = {}) {
  return {{"--dim", text(o.dim)}, {"--nfolds", text(o.nfolds)}, {"--fold", text(o.fold)}};
}

Defaults sliding() {
  const SlidingOptions o;
  EXPECT_EQ(o.blend, Blend::gaussian);
  return {{"--overlap", text(o.overlap)}, {"--blend", "gaussian"}};
}

Defaults trained_models() {
  return {{"--checkpoint", TrainedModel{}.checkpoint}};
}

Defaults several_processes(const TrainOptions& o = {}) {
  return {{"--procs", "1"}, {"--dist_timeout", text(o.dist_timeout)}, {"--affinity", o.affinity}};
}

Defaults train() {
  const TrainOptions o;
  return selection() + network() + sliding() + several_processes() +
         Defaults{{"--data", text(o.cases.data)},
                  {"--results", text(o.results)},
                  {"--engine", o.compute.engine},
                  {"--optimizer", o.optimizer.name},
                  {"--learning_rate", text(o.optimizer.learning_rate)},
                  {"--momentum", text(o.optimizer.momentum)},
                  {"--weight_decay", text(o.optimizer.weight_decay)},
                  {"--scheduler", o.scheduler.name},
                  {"--factor", text(o.scheduler.factor)},
                  {"--lr_patience", text(o.scheduler.lr_patience)},
                  {"--gradient_clip_val", text(o.gradient_clip_val)},
                  {"--seed", text(o.seed)},
                  {"--min_epochs", text(o.min_epochs)},
                  {"--max_epochs", text(o.max_epochs)},
                  {"--patience", text(o.patience)},
                  {"--skip_first_n_eval", text(o.skip_first_n_eval)},
                  {"--train_batches", text(o.train_batches)},
                  {"--nvol", text(o.nvol)},
                  {"--data2d_dim", text(o.data2d_dim)},
                  {"--oversampling", text(o.oversampling)},
                  {"--num_workers", text(o.num_workers)},
                  {"--max_bad_cases", text(o.max_bad_cases)},
                  {"--test_batches", text(o.test_batches)},
                  {"--save_every_n_steps", text(o.save_every_n_steps)},
                  {"--warmup", text(o.warmup)},
                  {"--exec_mode", "train"}};
}

Defaults inference() {
  const CaseSelection cases;
  const TrainOptions training;  // whose values evaluate and predict share
  return selection() + network() + sliding() +
         Defaults{{"--data", text(cases.data)},
                  {"--results", text(training.results)},
                  {"--engine", ComputeOptions{}.engine},
                  {"--test_batches", text(training.test_batches)}};
}

Defaults preprocess() {
  const PreprocessOptions o;
  return parts + Defaults{{"--data", text(o.data)},
                          {"--dim", text(o.dim)},
                          {"--exec_mode", o.exec_mode},
                          {"--n_jobs", text(o.n_jobs)}};
}

Defaults exported() {
  const TritonOptions o;
  EXPECT_EQ(ModelOptions{}.precision, Precision::fp32);
  return network() + trained_models() +
         Defaults{{"--dim", text(CaseSelection{}.dim)},
                  {"--precision", "fp32"},
                  {"--model_version", text(o.model_version)},
                  {"--max_queue_delay_us", text(o.max_queue_delay_us)},
                  {"--number_of_model_instances", text(o.instances)}};
}

Defaults serve() {
  const serve::HttpOptions http;
  const serve::ServiceOptions o;
  return sliding() + trained_models() +
         Defaults{{"--host", http.host},
                  {"--port", text(http.port)},
                  {"--grpc_port", text(serve::GrpcOptions{}.port)},
                  {"--max_batch", text(o.max_batch)},
                  {"--batch_delay_us", text(o.batch_delay.count())},
                  {"--max_queue", text(o.max_queue)},
                  {"--max_volumes", text(o.max_volumes)},
                  {"--max_request_mib", text(http.max_request_bytes >> 20)},
                  {"--max_volume_gib", text(o.volume_bytes >> 30)},
                  {"--max_connections", text(http.max_connections)},
                  {"--timeout_s", seconds(o.timeout)},
                  {"--drain_s", seconds(ServeFlags{}.drain)},
                  {"--engine", ComputeOptions{}.engine}};
}

Defaults client() {
  const RemoteSegmentationOptions o;
  return selection() + Defaults{{"--url", o.server.url}, {"--jobs", text(o.jobs)}, {"--timeout_s", seconds(o.timeout)}};
}

Defaults benchmark() {
  const BenchmarkOptions o = BenchmarkFlags{}.options;
  const LoadOptions load;
  return selection() + network() + several_processes() +
         Defaults{{"--mode", o.mode},
                  {"--data", text(o.train.cases.data)},
                  {"--task", o.train.cases.task},
                  {"--logname", o.train.logname},
                  {"--engine", o.train.compute.engine},
                  {"--nvol", text(o.train.nvol)},
                  {"--num_workers", text(o.train.num_workers)},
                  {"--n_jobs", text(o.n_jobs)},
                  {"--warmup", text(o.train.warmup)},
                  {"--url", load.server.url},
                  {"--measure_s", text(load.seconds)},
                  {"--timeout_s", seconds(load.timeout)}};
}

Defaults dicom_seg() {
  return {{"--aet", dicom::SendOptions{}.calling_ae}};
}

Defaults dicom_node() {
  const dicom::NodeOptions o;
  return dicom_seg() + sliding() + network() + trained_models() +
         Defaults{{"--engine", ComputeOptions{}.engine},
                  {"--host", o.network.host},
                  {"--port", text(o.network.port)},
                  {"--series_timeout", seconds(o.spool.series_timeout)},
                  {"--send_attempts", text(o.send_attempts)},
                  {"--max_spool_gib", text(o.spool.most_bytes >> 30)},
                  {"--min_free_gib", text(o.spool.free_bytes >> 30)},
                  {"--max_instance_mib", text(o.network.max_instance_bytes >> 20)},
                  {"--max_associations", text(o.network.max_associations)},
                  {"--max_pdu", text(o.network.max_pdu)},
                  {"--timeout_s", seconds(o.network.timeout)},
                  {"--drain_s", seconds(DicomNodeFlags{}.drain)}};
}

Defaults automatic() {
  const AutoOptions o;
  return {{"--hours", text(o.hours)},
          {"--device", "auto"},
          {"--engine", o.compute.engine},
          {"--n_jobs", text(o.threads)},
          {"--seed", text(o.seed)}};
}

std::map<std::string, Defaults> defaults() {
  const PhantomOptions phantom;
  return {
      {"auto", automatic()},
      {"download", {{"--results", text(DownloadOptions{}.results)}}},
      {"phantom",
       {{"--cases", text(phantom.cases)},
        {"--test_cases", text(phantom.test_cases)},
        {"--seed", text(phantom.seed)},
        {"--n_jobs", text(phantom.threads)}}},
      {"preprocess", preprocess()},
      {"train", train()},
      {"evaluate", inference()},
      {"predict", inference() + parts + trained_models() +
                      Defaults{{"--warmup", text(TrainOptions{}.warmup)}, {"--aet", dicom::SendOptions{}.calling_ae}}},
      {"score", {{"--n_jobs", text(ScoreOptions{}.n_jobs)}}},
      {"export", exported()},
      {"serve", serve()},
      {"client", client()},
      {"dicom", {}},
      {"info", {}},
      {"dicom-seg", dicom_seg()},
      {"dicom-node", dicom_node()},
      {"benchmark", benchmark()}};
}

/// "--depth INT:INT in [1 - 10]=5" of each option that says a value.
Defaults shown(const std::string& help) {
  Defaults found;
  std::istringstream lines(help);
  const std::regex option(R"(^  (--[a-z0-9_]+) [A-Z]+(?::\S*| in \[[^\]]*\]|:[A-Z]+ in \[[^\]]*\])?=(\S+))");
  std::smatch match;
  for (std::string line; std::getline(lines, line);)
    if (std::regex_search(line, match, option)) found[match[1]] = match[2];
  return found;
}

TEST(Help, EveryDefaultIsThatOfTheOptionsStruct) {
  const auto expected = defaults();
  for (const Command& command : all_commands()) {
    const auto help = test::nnunet_run(command.name + " --help");
    EXPECT_EQ(help.code, 0) << command.name;
    EXPECT_EQ(shown(help.text), expected.at(command.name)) << command.name;
  }
}

TEST(Help, ShowsEveryOptionAndNoHiddenOne) {
  for (const Command& command : all_commands()) {
    const std::string help = test::nnunet_run(command.name + " --help").text;
    for (const Option* const option : command.options())
      EXPECT_EQ(help.find("\n  " + option->name) == std::string::npos, option->hidden)
          << command.name << " " << option->name;
  }
}

// The program that runs a command and the one that only knows it say the same.
TEST(Help, IsTheEnginesOwn) {
#ifndef NNUNET_TORCH
  GTEST_SKIP() << "SKIPPED: this build has no nnunet-engine";
#endif
  const std::string bin = NNUNET_BINARY_DIR "/bin/";
  for (const std::string command : {"auto", "train", "evaluate", "predict", "export", "serve", "info", "benchmark"})
    EXPECT_EQ(test::shell(bin + "nnunet-engine " + command + " --help").text,
              test::shell(bin + "nnunet " + command + " --help").text);
}

TEST(Help, NamesUnits) {
  const std::string help = test::nnunet_run("auto --help").text;
  EXPECT_NE(help.find("are planned for (GB; default: by the device)"), std::string::npos) << help;
  EXPECT_EQ(test::nnunet_run("train --help").text.find("epochs (epochs"), std::string::npos)
      << "what is said is not said twice";
}

}  // namespace
}  // namespace nnunet::app
