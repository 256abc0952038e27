#include "client.h"

#include "shared_options.h"

namespace nnunet::app {
namespace {

Group server_group(ClientFlags& flags) {
  return {"Server",
          {url(flags.images.server.url), model(flags.images.model).must_be_given(), api_key_file(flags.api_key_file),
           trusted_certificates(flags.images.server.trust).must_exist()}};
}

Group image_group(RemoteSegmentationOptions& o) {
  return {"Images",
          {
              images_to_segment(o.input).must_be_given(),
              output(o.output).must_be_given(),
              series_to_segment(o.dicom_series),
              overwrite(o.overwrite),
              option("--jobs", o.jobs, "Images at the server at a time").positive(),
              timeout(o.timeout).described("Seconds for one image, its waiting included"),
          }};
}

/// As predict's, but for the labels' names, which are the server's.
Group object_group(DicomObjectFlags& flags) {
  std::vector<Option> object = series_object_options(flags);
  std::erase_if(object, [](const Option& o) { return o.name == "--labels_json"; });
  return {"DICOM objects", object};
}

Group accuracy_group(ClientFlags& flags) {
  CaseSelection& cases = flags.cases;
  std::vector<Option> label_files{
      labels(flags.lbls).described("Labels of the images' names: score the label maps (see score)")};
  std::vector<Option> selection{
      data_folder(cases.data).described("Only the validation cases of a fold of this preprocessed folder"),
      task(cases.task).described("Task number, where --data is the folder above it").only_with("--data"),
      dimension(cases.dim).described("Dimension of the preprocessed folder").only_with("--data"),
      nfolds(cases.nfolds).described("Number of folds").only_with("--data"),
      fold(cases.fold).described("Which of them, from 0").only_with("--data"),
  };
  return {"Accuracy", joined({label_files, score_file_options(flags.scores), selection})};
}

}  // namespace

Command client_command(ClientFlags& flags) {
  return {
      .name = "client",
      .summary = "Have a server (nnunet serve) segment NIfTI images or DICOM series",
      .groups = {server_group(flags), image_group(flags.images), object_group(flags.object), accuracy_group(flags)},
      .examples = {{.line = "nnunet client --model heart --input images --output served"},
                   {.line = "nnunet client --model heart --input imagesTr --output served_fold --data data --task 04 "
                            "--fold 0 --lbls labelsTr --csv dice.csv",
                    .says = "Only the validation cases of a fold, and their scores"},
                   {.line = "nnunet client --model heart --input study.zip --output objects --dicom_seg binary",
                    .says = "A DICOM segmentation of the study's series; neither it nor this program is a medical "
                            "device",
                    .not_run = "needs such a study"}},
  };
}

}  // namespace nnunet::app
