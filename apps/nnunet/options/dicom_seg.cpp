#include "dicom_seg.h"

#include "shared_options.h"

namespace nnunet::app {

std::vector<Option> dicom_object_options(DicomObjectFlags& flags) {
  return {
      option("--dicom_seg", flags.type,
             {{"binary", dicom::ObjectType::binary},
              {"labelmap", dicom::ObjectType::labelmap},
              {"rtstruct", dicom::ObjectType::rtstruct}},
             "binary: a segmentation that every viewer reads; labelmap: a smaller one (DICOM Supplement 243) that few "
             "read yet; rtstruct: a structure set of contours")
          .by_default("binary"),
      labels_json(flags.labels_json),
      option("--anonymous", flags.anonymous,
             "Leave empty who the patient is, and when and for whom the study was made; UIDs stay those of the series"),
  };
}

std::vector<Option> series_object_options(DicomObjectFlags& flags) {
  std::vector<Option> options = dicom_object_options(flags);
  Option& type = options.front();
  type.described("DICOM series: <series UID>.dcm instead of NIfTI. " + type.help).by_default("NIfTI");
  for (std::size_t i = 1; i < options.size(); ++i) options[i].only_with(type.name);
  return options;
}

std::vector<Option> dicom_send_options(DicomSendFlags& flags) {
  return {
      option("--send_to", flags.send_to,
             "Also send it: to a node by C-STORE (AETITLE@host:port), or to a DICOMweb service by STOW-RS "
             "(https://host/dicom-web)"),
      ae_title(flags.aet),
      trusted_certificates(flags.trust)
          .described(
              "Certificates (PEM) to trust: nodes are reached over TLS then, services instead of by the system's")
          .must_exist(),
      certificate(flags.certificate).described("Nodes over TLS: our certificate (PEM)").only_with("--tls_key"),
      private_key(flags.key).only_with("--tls_cert"),
      api_key_file(flags.api_key_file).described("Services: file whose first line is the token that they ask for"),
  };
}

Command dicom_seg_command(DicomSegFlags& flags) {
  return {
      .name = "dicom-seg",
      .summary = "Write a label map as a DICOM object (segmentation, structure set) of the series that it belongs to",
      .description =
          "The object is not for diagnosis: neither it nor this program is a medical device, and the series "
          "description says so. UIDs are new each time.",
      .groups =
          {{"",
            joined(
                {{
                     option("--labels", flags.labels, "Label map on the series' grid").must_be_given(),
                     option("--series", flags.series, "Folder or zip with the DICOM series").must_be_given(),
                     dicom_series(flags.dicom_series)
                         .described(
                             "UID of the series, where --series holds several; UID-1, UID-2, ..: one of its volumes"),
                     output(flags.output).described("DICOM file to write").must_be_given(),
                     overwrite(flags.overwrite).described("Replace a file that is there"),
                 },
                 dicom_object_options(flags.object)})},
           {"Archive", dicom_send_options(flags.send)}},
      .examples = {{.line = "nnunet dicom-seg --labels liver.nii.gz --series ct --labels_json labels.json --output "
                            "seg.dcm",
                    .not_run = "needs a DICOM series"}},
  };
}

}  // namespace nnunet::app
