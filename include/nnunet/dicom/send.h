#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// DICOM objects to an archive.
namespace nnunet::dicom {

/// Who gets them: a DICOM node by C-STORE, or a DICOMweb service by STOW-RS.
struct Destination {
  std::string url;  ///< of the service ("https://archive/dicom-web"); empty: a node
  std::string called_ae, host;
  std::uint16_t port = 0;

  /// For messages: without what an address may say of a user and his password.
  std::string name() const;
};

/// "AET@host:port" is a node, "http://.." and "https://.." are services. Throws Error that says what is wrong with
/// another text; option: whose value it is.
Destination parse_destination(const std::string& text, const std::string& option);

struct SendOptions {
  std::string calling_ae = "NNUNET";
  std::chrono::seconds timeout{60};  ///< to connect, and without an answer
  /// Certificates (PEM) to trust. Nodes are then reached over TLS only, services instead of by the system's.
  std::filesystem::path trust;
  std::filesystem::path certificate, key;  ///< over TLS: our own (PEM), for nodes that ask for it
  std::string authorization;               ///< services: "Bearer ..", "Basic .."
};

/// What send_objects checks first, before there is anything to send. Throws Error for an AE title that is none.
void check_options(const SendOptions& options);

/// Sends the files, in their order, and waits until each is taken. A warning of the archive goes into the log. Throws
/// Error, naming file or destination: no answer, no such node, refused. What was sent before stays there.
void send_objects(const std::vector<std::filesystem::path>& files, const Destination& destination,
                  const SendOptions& options = {});

/// The body of a STOW-RS request with these files (PS3.18 10.5), and the content type that goes with it.
struct StowBody {
  std::string content_type, bytes;
};
StowBody stow_body(const std::vector<std::filesystem::path>& files);

}  // namespace nnunet::dicom
