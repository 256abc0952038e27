#pragma once

namespace CLI {
class App;
}

/// One file a subcommand: each adds its options to the program and, as the callback, what it does. Failures are
/// thrown (nnunet::Error); main prints them and exits with 1. A command that met bad cases but did the rest throws at
/// its end.
namespace nnunet::app {

void add_preprocess(CLI::App& program);
void add_auto(CLI::App& program);
void add_train(CLI::App& program);
void add_evaluate(CLI::App& program);
void add_predict(CLI::App& program);
void add_score(CLI::App& program);
void add_client(CLI::App& program);
void add_download(CLI::App& program);
void add_export(CLI::App& program);
void add_serve(CLI::App& program);
void add_dicom(CLI::App& program);
void add_info(CLI::App& program);
void add_phantom(CLI::App& program);
void add_dicom_seg(CLI::App& program);
void add_dicom_node(CLI::App& program);
void add_benchmark(CLI::App& program);

}  // namespace nnunet::app
