#include "all_commands.h"

#include "auto.h"
#include "benchmark.h"
#include "client.h"
#include "dicom.h"
#include "dicom_node.h"
#include "dicom_seg.h"
#include "download.h"
#include "evaluate.h"
#include "export.h"
#include "info.h"
#include "phantom.h"
#include "predict.h"
#include "preprocess.h"
#include "score.h"
#include "serve.h"
#include "train.h"

namespace nnunet::app {

std::vector<Command> all_commands() {
  return {
      declare(download_command),  declare(phantom_command),    declare(preprocess_command), declare(auto_command),
      declare(train_command),     declare(evaluate_command),   declare(predict_command),    declare(score_command),
      declare(export_command),    declare(serve_command),      declare(client_command),     declare(dicom_command),
      declare(dicom_seg_command), declare(dicom_node_command), declare(info_command),       declare(benchmark_command)};
}

}  // namespace nnunet::app
