#include "dicom_node.h"

#include "shared_options.h"

namespace nnunet::app {
namespace {

Group network_group(DicomNodeFlags& flags) {
  dicom::StorageServerOptions& o = flags.node.network;
  return {
      "Node",
      {
          ae_title(flags.send.aet).described("AE title of this node, for callers and for the archive"),
          listen_host(o.host).described("IPv4 address to listen at; 0.0.0.0: all of this machine's"),
          listen_port(o.port),
          option("--allow", flags.allow,
                 "Who may send: AETITLE, or AETITLE@host, which has to call from that host; any: everyone. Beyond "
                 "127.0.0.1 it has to be given")
              .values("CALLER..", 1, 1000),
          certificate(o.certificate)
              .described("Certificate chain (PEM) of this node: associations over TLS only")
              .only_with("--tls_key"),
          private_key(o.key).only_with("--tls_cert"),
          trusted_certificates(o.trust)
              .described("Certificates (PEM) by one of which callers' own has to be signed; without it callers need "
                         "none")
              .must_exist()
              .only_with("--tls_cert"),
      }};
}

Group queue_group(DicomNodeFlags& flags) {
  dicom::NodeOptions& o = flags.node;
  return {
      "Queue",
      {
          option("--spool", o.spool.folder,
                 "Folder of the queue, for this node alone: series that are received, objects that are not sent yet, "
                 "and, in failed, series that cannot be segmented. It holds images of patients")
              .must_be_given()
              .made_as_folder(),
          output(o.output).described("Folder that gets each object as <series UID>.dcm").made_as_folder(),
          time_option<std::chrono::duration<double>>(
              "--series_timeout", o.spool.series_timeout,
              "Seconds without another instance after which a series counts as complete")
              .positive()
              .in("s"),
          option("--send_attempts", o.send_attempts,
                 "Attempts to send an object, with waits of 1 s to 5 min between them, before it is moved to failed; "
                 "0: no end")
              .not_negative(),
          option("--keep", o.spool.keep, "Keep images and objects in the spool, in done, when they are sent"),
      }};
}

Group limit_group(DicomNodeFlags& flags) {
  dicom::NodeOptions& o = flags.node;
  return {
      "Limits",
      {
          scaled_option("--max_spool_gib", o.spool.most_bytes, std::uint64_t{1} << 30,
                        "Size of the spool; instances beyond it are refused, and the sender told so")
              .positive()
              .in("GiB"),
          scaled_option("--min_free_gib", o.spool.free_bytes, std::uint64_t{1} << 30,
                        "Space that stays free on the spool's disk")
              .not_negative()
              .in("GiB"),
          scaled_option("--max_instance_mib", o.network.max_instance_bytes, std::uint64_t{1} << 20,
                        "Size of an instance")
              .positive()
              .in("MiB"),
          option("--max_associations", o.network.max_associations, "Associations at a time; further ones are refused")
              .between(1, 1000),
          option("--max_pdu", o.network.max_pdu, "Size of a protocol data unit (PDU) that is taken")
              .between(4096, 131072)
              .in("bytes"),
          timeout(o.network.timeout).described("Seconds that a caller may be silent").between(1, 86400),
          drain_time(flags.drain).described("Seconds for open associations after SIGTERM"),
      }};
}

/// The same options as dicom-seg's; those of TLS have names of their own beside those of the node.
std::vector<Option> send_options(DicomSendFlags& flags) {
  std::vector<Option> options = dicom_send_options(flags);
  std::erase_if(options, [](const Option& o) { return o.name == "--aet"; });
  for (Option& o : options) {
    if (o.name == "--send_to") {
      o.or_as("--send-to")
          .described(
              "Where objects are sent: a node by C-STORE (AETITLE@host:port), or a DICOMweb service by STOW-RS "
              "(https://host/dicom-web); without it they only get into --output");
      continue;
    }
    for (std::string* name : {&o.name, &o.needs})
      if (name->starts_with("--tls_")) name->replace(0, 2, "--send_");
    o.only_with(o.needs.empty() ? "--send_to" : o.needs);
  }
  return options;
}

}  // namespace

Command dicom_node_command(DicomNodeFlags& flags) {
  ModelFlags& m = flags.model;
  return {
      .name = "dicom-node",
      .summary = "Listen as a DICOM node: segment each series that is sent, and send a segmentation of it on",
      .description =
          "Takes images by C-STORE and answers C-ECHO. Each series becomes a DICOM segmentation or structure set, "
          "which "
          "goes to an archive. The queue lies on the disk and survives a restart. Neither this program nor what it "
          "makes is a medical device.",
      .groups = {network_group(flags),
                 queue_group(flags),
                 {"Objects", dicom_object_options(flags.object)},
                 {"Archive", send_options(flags.send)},
                 limit_group(flags),
                 {"Inference", joined({{checkpoint(m.ckpt_path), gpus(m.compute.gpus), engine(m.compute.engine)},
                                       precision_options(m.compute),
                                       sliding_options(m.windows)})},
                 {"Network of a checkpoint that does not describe itself", network_options(m.network)},
                 {"Models of nnU-Net v2",
                  joined({{v2_model(m.trained.path)}, fold_options(m.trained), v2_window_options(m.windows)})}},
      .notes = "SIGTERM ends it when open associations are done; the queue stays.",
      .examples = {{.line = "nnunet dicom-node --model MODEL --spool queue --send_to PACS@archive:104",
                    .says = "For senders on this machine, such as an archive's rules for routing",
                    .not_run = "needs an archive"},
                   {.line = "nnunet dicom-node --ckpt_path best.ckpt --spool queue --host 0.0.0.0 --allow "
                            "SCANNER@10.0.0.5 --send_to PACS@archive:104 --dicom_seg rtstruct",
                    .says = "For one sender elsewhere; the archive gets structure sets",
                    .not_run = "needs an archive"}},
  };
}

}  // namespace nnunet::app
