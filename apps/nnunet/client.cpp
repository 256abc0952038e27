// nnunet client: images to a server, label maps back.
#include <fmt/format.h>

#include <memory>
#include <mutex>

#include "commands.h"
#include "nnunet/client/segment_images.h"
#include "nnunet/core/error.h"
#include "nnunet/core/interrupt.h"
#include "nnunet/core/log.h"
#include "nnunet/data/split.h"
#include "nnunet/io/image_case.h"
#include "number_checks.h"
#include "score.h"

namespace nnunet::app {
namespace {

namespace fs = std::filesystem;

struct ClientOptions {
  RemoteSegmentationOptions images;
  fs::path api_key_file;
  double timeout_s = 3600;
  fs::path lbls;
  ScoreFiles scores;
  fs::path data;  ///< whose fold is meant; empty: all images
  std::string task;
  int dim = 3, fold = 0, nfolds = 5;
};

void check(const ClientOptions& o) {
  const bool scores = !o.scores.csv.empty() || !o.scores.json.empty();
  if (scores && o.lbls.empty())
    throw Error("--csv and --json", "hold scores, which need labels", "name their folder with --lbls");
  require_label_output(o.images.output);
  require_writable(o.scores);
}

void run(ClientOptions& o) {
  check(o);
  if (!o.api_key_file.empty()) o.images.server.api_key = read_api_key(o.api_key_file);
  o.images.timeout = std::chrono::seconds(static_cast<std::int64_t>(o.timeout_s));
  if (!o.data.empty())
    o.images.cases = split_fold(PreprocessedFolder(o.data, o.task, o.dim), o.nfolds, o.fold).val_names;

  Interrupt interrupt;
  std::mutex mutex;
  o.images.stop = [&] {
    const std::lock_guard lock(mutex);
    return interrupt.requested();
  };
  const RemoteSegmentationResult result = segment_images(o.images);
  fmt::print("{} images segmented, {} kept: {}\n", result.segmented, result.kept, o.images.output.string());
  std::fflush(stdout);
  if (result.stopped) {
    log::warn(interrupt.signal_name() + ": stopped; the same command goes on with what is missing");
    throw CLI::RuntimeError(kInterruptedExitCode);
  }
  if (!o.lbls.empty()) score_and_report({o.images.output, o.lbls, 0, o.images.cases}, o.scores);
  if (result.failed > 0)
    throw Error("client",
                fmt::format("{} of {} cases failed", result.failed, result.segmented + result.kept + result.failed),
                "see the messages above");
}

void add_accuracy_options(CLI::App& c, ClientOptions& o) {
  const std::string group = "Accuracy";
  c.add_option("--lbls", o.lbls, "Labels of the images' names: score the label maps (see score)")->group(group);
  c.add_option("--csv", o.scores.csv, "Write one row per case and class to this CSV file")->group(group);
  c.add_option("--json", o.scores.json, "Write means and cases to this JSON file")->group(group);
  auto* const data =
      c.add_option("--data", o.data, "Only the validation cases of a fold of this preprocessed folder")->group(group);
  c.add_option("--task", o.task, "Task number, where --data is the folder above it")->needs(data)->group(group);
  c.add_option("--dim", o.dim, "Dimension of the preprocessed folder")
      ->check(CLI::IsMember({2, 3}))
      ->capture_default_str()
      ->needs(data)
      ->group(group);
  c.add_option("--nfolds", o.nfolds, "Number of folds")->capture_default_str()->needs(data)->group(group);
  c.add_option("--fold", o.fold, "Which of them, from 0")->capture_default_str()->needs(data)->group(group);
}

}  // namespace

void add_client(CLI::App& program) {
  auto* c = program.add_subcommand("client", "Have a server (nnunet serve) segment NIfTI images");
  c->footer(
      "  nnunet client --model heart --input images --output labels\n"
      "  nnunet client --model heart --input imagesTr --output labels --data prepared --task 02 --fold 0 --lbls "
      "labelsTr "
      "--csv dice.csv");
  const auto o = std::make_shared<ClientOptions>();
  const std::string server = "Server", images = "Images";
  c->add_option("--url", o->images.server.url, "http or https address of the server")
      ->capture_default_str()
      ->group(server);
  c->add_option("--model", o->images.model, "Name of the model there")->required()->group(server);
  c->add_option("--api_key_file", o->api_key_file, "File whose first line is the key that the server asks for")
      ->group(server);
  c->add_option("--tls_ca", o->images.server.trust, "Certificates (PEM) to trust instead of the system's")
      ->check(CLI::ExistingFile)
      ->group(server);
  c->add_option("--input", o->images.input,
                "NIfTI image, or folder of images; channels as 4D images or as NAME_0000.nii.gz, NAME_0001.nii.gz")
      ->required()
      ->group(images);
  c->add_option("--output", o->images.output, "Label map, or folder for <name>.nii.gz")->required()->group(images);
  c->add_flag("--overwrite", o->images.overwrite, "Replace outputs that are there, whoever made them")->group(images);
  c->add_option("--jobs", o->images.jobs, "Images at the server at a time")
      ->check(positive())
      ->capture_default_str()
      ->group(images);
  c->add_option("--timeout_s", o->timeout_s, "Seconds for one image, its waiting included")
      ->check(positive())
      ->capture_default_str()
      ->group(images);
  add_accuracy_options(*c, *o);
  c->callback([o] { run(*o); });
}

}  // namespace nnunet::app
