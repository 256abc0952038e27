// nnunet client: images to a server, label maps back.
#include "options/client.h"

#include <fmt/format.h>

#include <mutex>

#include "commands.h"
#include "nnunet/client/segment_images.h"
#include "nnunet/core/error.h"
#include "nnunet/core/interrupt.h"
#include "nnunet/core/log.h"
#include "nnunet/data/split.h"
#include "nnunet/io/image_case.h"
#include "options/parser.h"
#include "run_program.h"
#include "score.h"

namespace nnunet::app {
namespace {

void check(const ClientFlags& o) {
  const bool scores = !o.scores.csv.empty() || !o.scores.json.empty();
  if (scores && o.lbls.empty())
    throw Error("--csv and --json", "hold scores, which need labels", "name their folder with --lbls");
  if (o.object.type && !o.lbls.empty())
    throw Error("--lbls", "scores NIfTI label maps", "leave out --dicom_seg, or --lbls");
  ImageFormat format;
  if (o.object.type) format.ending = ".dcm";
  require_label_output(o.images.output, format);
  require_writable(o.scores);
}

void run(ClientFlags& o) {
  check(o);
  if (!o.api_key_file.empty()) o.images.server.api_key = read_api_key(o.api_key_file);
  o.images.dicom_seg = o.object.type;
  o.images.anonymous = o.object.anonymous;
  const CaseSelection& fold = o.cases;
  if (!fold.data.empty())
    o.images.cases = split_fold(PreprocessedFolder(fold.data, fold.task, fold.dim), fold.nfolds, fold.fold).val_names;

  Interrupt interrupt;
  std::mutex mutex;
  o.images.stop = [&] {
    const std::lock_guard lock(mutex);
    return interrupt.requested();
  };
  const RemoteSegmentationResult result = segment_images(o.images);
  fmt::print("{} images segmented, {} kept: {}\n", result.segmented, result.kept, o.images.output.string());
  std::fflush(stdout);
  if (result.stopped) end_interrupted(interrupt.signal_name());
  if (!o.lbls.empty()) score_and_report({o.images.output, o.lbls, 0, o.images.cases}, o.scores);
  if (result.failed > 0)
    throw Error("client",
                fmt::format("{} of {} cases failed", result.failed, result.segmented + result.kept + result.failed),
                "see the messages above");
}

}  // namespace

void add_client(CLI::App& program) {
  add_command<ClientFlags>(program, client_command, run);
}

}  // namespace nnunet::app
