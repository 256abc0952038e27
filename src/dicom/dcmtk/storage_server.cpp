#include "dicom/dcmtk/storage_server.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#include "dicom/dcmtk/association.h"
#include "dicom/dcmtk/elements.h"
#include "dicom/dcmtk/socket.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"

namespace nnunet::dicom {
namespace {

using Clock = std::chrono::steady_clock;

std::unique_ptr<DcmTLSTransportLayer> tls_layer(const StorageServerOptions& o) {
  auto layer = std::make_unique<DcmTLSTransportLayer>(NET_ACCEPTOR, nullptr, OFTrue);
  const auto require_read = [](const OFCondition& read, const std::filesystem::path& file) {
    if (read.bad())
      throw Error(file.string(), fmt::format("cannot be used for TLS ({})", read.text()), "give a PEM file");
  };
  layer->setPrivateKeyPasswd("");  // never ask on the terminal
  require_read(layer->setPrivateKeyFile(o.key.c_str(), DCF_Filetype_PEM), o.key);
  require_read(layer->setCertificateFile(o.certificate.c_str(), DCF_Filetype_PEM), o.certificate);
  if (!layer->checkPrivateKeyMatchesCertificate())
    throw Error(o.key.string(), fmt::format("is not the key of {}", o.certificate.string()), "give the key that is");
  if (!o.trust.empty()) require_read(layer->addTrustedCertificateFile(o.trust.c_str(), DCF_Filetype_PEM), o.trust);
  layer->setCertificateVerification(o.trust.empty() ? DCV_ignoreCertificate : DCV_requireCertificate);
  if (layer->setTLSProfile(TSP_Profile_BCP195_ND).bad() || layer->activateCipherSuites().bad())
    throw Error("TLS", "the system's OpenSSL has no ciphers that DICOM allows", "see its configuration");
  return layer;
}

/// DCMTK takes a connection that somebody else accepted by a global variable, and asks this for what speaks over it:
/// from there on the variable is free for the next one.
class HandOver final : public DcmTransportLayer {
 public:
  HandOver(Socket& connection, DcmTransportLayer& layer, int seconds)
      : lock_(one_at_a_time()), connection_(connection), layer_(layer), seconds_(seconds) {
    dcmExternalSocketHandle.set(connection.number());
  }
  ~HandOver() override { finish(); }
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;

  DcmTransportConnection* createConnection(DcmNativeSocketType socket, OFBool secure) override {
    finish();
    connection_.release();  // DCMTK closes it, whatever becomes of it
    DcmTransportConnection* const made = layer_.createConnection(socket, secure);
    set_up_connection(socket, seconds_);  // DCMTK has set its own limit, which is the same for all of the process
    return made;
  }

 private:
  static std::mutex& one_at_a_time() {
    static std::mutex mutex;
    return mutex;
  }
  void finish() {
    if (!lock_.owns_lock()) return;
    dcmExternalSocketHandle.set(-1);
    lock_.unlock();
  }

  std::unique_lock<std::mutex> lock_;
  Socket& connection_;
  DcmTransportLayer& layer_;
  const int seconds_;
};

/// A thread and its association.
struct Worker {
  AssociationState state;
  bool is_refused = false;  ///< only told that there are too many
  std::atomic<bool> done = false;
  std::mutex mutex;
  Socket connection;  ///< a number of its own, since DCMTK closes the other one when it likes
  std::thread thread;

  void close() {
    const std::lock_guard lock(mutex);
    if (connection.number() >= 0) ::shutdown(connection.number(), SHUT_RDWR);
  }
  void forget_connection() {
    const std::lock_guard lock(mutex);
    connection = Socket();
  }
};

struct DropNetwork {
  void operator()(T_ASC_Network* network) const { ASC_dropNetwork(&network); }
};

class Server final : public StorageServer {
 public:
  Server(const StorageServerOptions& options, StorageHandler& handler)
      : options_(options),
        handler_(handler),
        layer_(options.certificate.empty() ? std::make_unique<DcmTransportLayer>() : tls_layer(options)),
        socket_(listen_at(options.host, options.port)),
        port_(port_of(socket_)),
        thread_([this] { accept_connections(); }) {}

  ~Server() override { drain(std::chrono::milliseconds(0)); }

  std::uint16_t port() const override { return port_; }

  bool drain(std::chrono::milliseconds limit) override {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    socket_ = Socket();  // callers are told at once
    const auto end = Clock::now() + limit;
    constexpr std::chrono::seconds between_instances(1);
    while (Clock::now() < end && still_running() > 0) {
      for (Worker& worker : workers_)
        if (!worker.state.busy && Clock::now() - worker.state.idle_since.load() > between_instances) worker.close();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    const bool drained = still_running() == 0;
    for (Worker& worker : workers_) worker.close();
    for (Worker& worker : workers_) worker.thread.join();
    workers_.clear();
    return drained;
  }

 private:
  std::int64_t still_running() const {
    return std::ranges::count_if(workers_, [](const Worker& worker) { return !worker.done; });
  }

  void accept_connections() {
    constexpr int step = 100;             // milliseconds
    constexpr std::int64_t refusing = 4;  // associations at a time that are told that there are too many
    while (!stopping_) {
      std::erase_if(workers_, [](Worker& worker) {
        const bool done = worker.done;
        if (done) worker.thread.join();
        return done;
      });
      if (static_cast<std::int64_t>(workers_.size()) >= options_.max_associations + refusing) {
        std::this_thread::sleep_for(std::chrono::milliseconds(step));
        continue;
      }
      std::string address;
      Socket connection = next_connection(socket_, step, address);
      const std::int64_t open = std::ranges::count_if(
          workers_, [](const Worker& worker) { return !worker.is_refused && !worker.state.over; });
      if (connection.number() < 0) continue;
      try {
        start(std::move(connection), address, open >= options_.max_associations);
      } catch (const std::system_error& e) {  // no more threads
        workers_.pop_back();
        log::error(fmt::format("a connection from {} is closed: {}", address, e.what()));
      }
    }
  }

  void start(Socket connection, const std::string& address, bool is_full) {
    Worker& worker = workers_.emplace_back();
    worker.is_refused = is_full;
    worker.state.number = ++started_;
    worker.state.address = address;
    worker.connection = connection.duplicate();
    worker.thread = std::thread([this, &worker, own = std::move(connection)]() mutable {
      try {
        serve(worker, own);
      } catch (const std::exception& e) {
        log::error(e.what());
      }
      worker.forget_connection();
      handler_.closed(worker.state.number);
      worker.done = true;
    });
  }

  void serve(Worker& worker, Socket& connection) {
    const int seconds = static_cast<int>(options_.timeout.count());
    const bool secure = !options_.certificate.empty();
    if (!secure && !begins_as_association(connection, seconds)) return say_no_dicom(worker);
    T_ASC_Network* network = nullptr;
    T_ASC_Association* received = nullptr;
    OFCondition cond;
    {
      HandOver over(connection, *layer_, seconds);
      cond = ASC_initializeNetwork(NET_ACCEPTOR, 0, seconds, &network);
      if (cond.good()) cond = ASC_setTransportLayer(network, &over, 0);
      if (cond.good())
        cond = ASC_receiveAssociation(network, &received, static_cast<long>(options_.max_pdu), nullptr, nullptr, secure,
                                      DUL_NOBLOCK, seconds);
    }
    const std::unique_ptr<T_ASC_Network, DropNetwork> owner(network);
    if (cond.good()) {
      Association association(options_, handler_, worker.state, worker.is_refused);
      return association.run_to_end(received);
    }
    say_no_dicom(worker);
    if (received == nullptr) return;
    ASC_dropSCPAssociation(received, 0);
    ASC_destroyAssociation(&received);
  }

  void say_no_dicom(const Worker& worker) const {
    log::warn(fmt::format("a connection from {} is closed: it does not speak DICOM{}", worker.state.address,
                          options_.certificate.empty() ? "" : " over TLS, or has no certificate that is trusted"));
  }

  const StorageServerOptions options_;
  StorageHandler& handler_;
  std::unique_ptr<DcmTransportLayer> layer_;
  Socket socket_;
  const std::uint16_t port_;
  std::atomic<bool> stopping_ = false;
  std::uint64_t started_ = 0;
  std::list<Worker> workers_;  ///< the listening thread's until it ends
  std::thread thread_;
};

}  // namespace

std::unique_ptr<StorageServer> start_storage_server(const StorageServerOptions& options, StorageHandler& handler) {
  silence_dcmtk();
  dcmDisableGethostbyaddr.set(OFTrue);
  return std::make_unique<Server>(options, handler);
}

}  // namespace nnunet::dicom
