#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

/// A DICOM node that others send instances to (Storage SCP: C-STORE, C-ECHO).
namespace nnunet::dicom {

/// Who may send: an AE title and, where it is not empty, the host that it has to call from.
struct AllowedCaller {
  std::string ae_title;  ///< empty: any
  std::string host;      ///< name or IPv4 address; empty: any
};

/// "AET" or "AET@host"; "any" is everyone. Throws Error that says what is wrong with another text; option: whose value
/// it is.
AllowedCaller parse_allowed_caller(const std::string& text, const std::string& option);

struct StorageServerOptions {
  std::string ae_title = "NNUNET";  ///< callers have to ask for it
  std::string host = "127.0.0.1";   ///< IPv4 address or name to listen at
  std::uint16_t port = 11112;       ///< 0: any that is free
  /// Empty: everyone on this machine. Where other machines can reach it, it may not be empty.
  std::vector<AllowedCaller> allowed;
  std::filesystem::path certificate, key;  ///< PEM files: TLS only; empty: plain connections only
  std::filesystem::path trust;             ///< certificates (PEM), one of which callers' own has to be signed by
  std::int64_t max_associations = 16;      ///< at a time; further ones are refused
  std::int64_t max_pdu = 65536;            ///< bytes of a protocol data unit that are taken, 4096 to 131072
  std::uint64_t max_instance_bytes = std::uint64_t{4} << 30;
  std::chrono::seconds timeout{60};  ///< that a caller may be silent
};

/// An instance that was received, with the header of a file before its data set.
struct ReceivedInstance {
  std::filesystem::path file;
  std::string sop_class_uid, sop_instance_uid;  ///< as the caller announced it
  std::string transfer_syntax;
  std::uint64_t association = 0;  ///< which connection it came by
};

/// What a caller is answered.
struct StoreAnswer {
  enum class Status : std::uint16_t {
    success = 0,
    out_of_resources = 0xA700,
    wrong_data_set = 0xA900,  ///< is none of the announced kind or instance
    cannot_understand = 0xC000
  };
  Status status = Status::success;
  std::string comment;  ///< why not, for the caller's log; 64 letters are sent
};

/// Takes what is received. From several threads.
class StorageHandler {
 public:
  virtual ~StorageHandler() = default;

  /// Where an instance may be written, and how large it may become.
  struct Place {
    std::filesystem::path file;    ///< empty: nowhere
    std::uint64_t most_bytes = 0;  ///< of the data set
    std::string why_not;
  };
  /// An instance begins to arrive.
  virtual Place begin(std::uint64_t association) = 0;
  /// It is there as a whole. Success must mean that it survives a loss of power. The file is the handler's from here
  /// on.
  virtual StoreAnswer take(const ReceivedInstance& instance) = 0;
  /// After begin, whatever became of it. What lies at the place is of no use where it was not taken.
  virtual void end(std::uint64_t association, const std::filesystem::path& file) = 0;
  virtual void closed(std::uint64_t association) = 0;
};

/// Listens while it lives.
class StorageServer {
 public:
  virtual ~StorageServer() = default;
  virtual std::uint16_t port() const = 0;
  /// Takes no new association, lets those that are there finish, and closes idle ones. After the limit all are closed;
  /// false where that cut one off. Instances that were answered with success are safe in any case.
  virtual bool drain(std::chrono::milliseconds limit) = 0;
};

/// Starts to listen. Throws Error: the address cannot be had, the certificate not be read, DCMTK is missing, nobody is
/// allowed though other machines can reach it. handler must outlive the server.
std::unique_ptr<StorageServer> listen_for_instances(const StorageServerOptions& options, StorageHandler& handler);

}  // namespace nnunet::dicom
