#include <csignal>
#include <exception>
#include <iostream>

#include "commands.h"
#include "nnunet/core/log.h"
#include "nnunet/infer/tensor_memory.h"

// nnunet: one subcommand a file. This one only puts them together and turns failures into messages and exit codes:
// 0 done, 1 failed, 2 and above: the command line was wrong (CLI11's codes).
int main(int argc, char** argv) {
  nnunet::keep_tensor_memory();
  // A write beyond a file size limit shall fail like one to a full disk: with a message, not a signal.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App program(
      "nnU-Net in native C++: medical image segmentation from raw NIfTI files to trained networks and label maps.\n"
      "Each command explains itself with --help.",
      "nnunet");
  program.set_version_flag("--version", NNUNET_VERSION);
  program.require_subcommand(1);
  program.get_formatter()->column_width(34);
  using namespace nnunet::app;
  add_download(program);
  add_phantom(program);
  add_preprocess(program);
  add_train(program);
  add_evaluate(program);
  add_predict(program);
  add_score(program);
  add_info(program);
  add_benchmark(program);
  try {
    program.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& e) {
    return program.exit(e);
  } catch (const std::bad_alloc&) {
    nnunet::log::error("out of memory. Use a smaller batch or patch, or fewer parallel jobs (--n_jobs, --num_workers)");
  } catch (const std::exception& e) {
    nnunet::log::error(e.what());
  }
  return 1;
}
