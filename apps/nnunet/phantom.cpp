#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "commands.h"
#include "nnunet/data/phantom.h"
#include "nnunet/io/names.h"

namespace nnunet::app {

void add_phantom(CLI::App& program) {
  auto* const command = program.add_subcommand(
      "phantom",
      "Make a synthetic dataset to try the program on: OUTPUT/Task99_Phantom, laid out as a task of the "
      "Medical Segmentation Decathlon, with the labels of its test cases in labelsTs.");
  const auto options = std::make_shared<PhantomOptions>();
  command->add_option("--output", options->output, "Folder that the dataset is made in")->required();
  command->add_option("--cases", options->cases, "Training cases")->capture_default_str();
  command->add_option("--test_cases", options->test_cases, "Held-out cases")->capture_default_str();
  command->add_option("--seed", options->seed, "The same seed gives the same voxels")->capture_default_str();
  command->add_option("--n_jobs", options->threads, "Threads (0: one per core)")->capture_default_str();
  command->callback([options] {
    require_folder_name(options->output, "--output");
    const auto folder = write_phantom(*options);
    std::cout << fmt::format("{} training and {} test cases in {}\n", options->cases, options->test_cases,
                             folder.string());
  });
}

}  // namespace nnunet::app
