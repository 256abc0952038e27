#include "phantom.h"

#include "shared_options.h"

namespace nnunet::app {

Command phantom_command(PhantomOptions& o) {
  return {
      .name = "phantom",
      .summary = "Make a synthetic dataset to try the program on",
      .description =
          "OUTPUT/Task99_Phantom, laid out as a task of the Medical Segmentation Decathlon, with the labels "
          "of its test cases in labelsTs.",
      .groups = {{"",
                  {
                      output(o.output).described("Folder that the dataset is made in").made_as_folder().must_be_given(),
                      case_count(o.cases),
                      option("--test_cases", o.test_cases, "Held-out cases"),
                      seed(o.seed).described("The same seed gives the same voxels"),
                      job_count(o.threads).described("Threads (0: one per core)"),
                  }}},
      .examples = {{.line = "nnunet phantom --output data --cases 10 --test_cases 2"}},
  };
}

}  // namespace nnunet::app
