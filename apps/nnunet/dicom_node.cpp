// nnunet dicom-node: series that are sent become objects that are sent on.
#include "options/dicom_node.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "commands.h"
#include "dicom_objects.h"
#include "make_predictor.h"
#include "nnunet/core/cancelled.h"
#include "nnunet/core/case_failure.h"
#include "nnunet/core/error.h"
#include "nnunet/core/interrupt.h"
#include "nnunet/core/log.h"
#include "nnunet/dicom/series_cases.h"
#include "nnunet/infer/opened_model.h"
#include "nnunet/infer/predict_images.h"
#include "nnunet/io/atomic_file.h"
#include "options/parser.h"

namespace nnunet::app {
namespace {

/// A network that segments one series after the other.
class SeriesNetwork {
 public:
  explicit SeriesNetwork(const DicomNodeFlags& flags) : SeriesNetwork(flags, with_v2_model(flags.model)) {}

  /// Writes the objects into the folder.
  void segment(const std::vector<dicom::FoundSeries>& volumes, const std::filesystem::path& folder,
               const std::function<bool()>& stop) {
    ImagePredictionOptions options;
    options.format = dicom::series_format(format_);
    options.format.ending = ".dcm";
    options.output = folder;
    options.overwrite = true;  // what a killed node left; it was not sent
    options.cases = dicom::series_cases(volumes, 1);
    options.write_labels = object_writer(volumes, object_, type_);
    options.progress = [&](double) {
      if (stop()) throw Cancelled();
    };
    std::string failure;
    options.failed = [&](const ImageCase& c, const std::exception& e) { failure = case_failure(c.name, e); };
    if (stop()) throw Cancelled();
    predict_images(predictor_, options);
    if (!failure.empty()) throw std::runtime_error(failure);
  }

 private:
  SeriesNetwork(const DicomNodeFlags& flags, const ModelFlags& networks)
      : SeriesNetwork(flags, networks, read_trained_model(networks.trained)) {}
  SeriesNetwork(const DicomNodeFlags& flags, const ModelFlags& networks, std::optional<V2Model> model)
      : format_(model ? image_format(*model) : ImageFormat{}),
        predictor_(make_predictor(networks, model ? &*model : nullptr, nullptr)),
        object_(object_options(flags.object, named_values(predictor_.model().labels))),
        type_(flags.object.type.value_or(dicom::ObjectType::binary)) {
    if (predictor_.model().channels() > 1)
      throw Error("dicom-node",
                  fmt::format("the network takes {} channels, and which series are whose is not known",
                              predictor_.model().channels()),
                  "give a network of one channel, or name the channels' series to nnunet predict --dicom_series");
    if (predictor_.model().previous_stage)
      throw Error("dicom-node",
                  "the network is the second stage of a cascade, and nobody makes the first one's label maps",
                  "give a network that needs none");
  }

  ImageFormat format_;
  Predictor predictor_;
  dicom::ObjectOptions object_;
  dicom::ObjectType type_;
};

/// What can be said before a network is loaded.
void complete(DicomNodeFlags& flags) {
  dicom::NodeOptions& node = flags.node;
  node.network.ae_title = flags.send.aet;
  for (const std::string& caller : flags.allow)
    node.network.allowed.push_back(dicom::parse_allowed_caller(caller, "--allow"));
  if (flags.send.send_to.empty() && node.output.empty())
    throw Error("--send_to", "is not given, and --output neither", "say where objects go");
  if (!node.output.empty()) require_writable_folder(node.output);
  flags.model.scratch = node.spool.folder;
}

void run_until_asked_to_stop(DicomNodeFlags& flags) {
  Interrupt interrupt;  // before other threads start
  complete(flags);
  const ObjectSender sender(flags.send);
  SeriesNetwork network(flags);
  dicom::Node node(flags.node, [&](const std::filesystem::path& object) { sender.send(object); });
  log::info(fmt::format("{} listens at {}:{}{}", flags.send.aet, flags.node.network.host, node.port(),
                        flags.node.network.certificate.empty() ? "" : " over TLS"));
  const auto stop = [&] { return interrupt.requested(); };
  const auto segment = [&](const std::vector<dicom::FoundSeries>& volumes, const std::filesystem::path& folder,
                           const std::function<bool()>& end) { network.segment(volumes, folder, end); };
  while (!stop()) {
    try {
      if (node.segment_next(segment, stop)) continue;
    } catch (const std::exception& e) {  // of the spool's disk, say
      log::error(e.what());
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  log::info(fmt::format("{}: finishing what is being received; the queue stays", interrupt.signal_name()));
  if (!node.drain(flags.drain)) log::warn("not all associations ended in time (--drain_s)");
}

void run(DicomNodeFlags& flags) {
  check_model_flags(flags.model);
  run_until_asked_to_stop(flags);
}

}  // namespace

void add_dicom_node(CLI::App& program) {
  add_command<DicomNodeFlags>(program, dicom_node_command, run);
}

}  // namespace nnunet::app
