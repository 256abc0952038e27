// The one file that sees Boost.Beast: it takes long to compile.
#include <fmt/format.h>
#include <poll.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "header_tokens.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/serve/http.h"
#include "url.h"

namespace nnunet::serve {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = net::ip::tcp;
using Clock = std::chrono::steady_clock;
using boost::system::error_code;

constexpr std::uint32_t header_bytes = 16 * 1024;
constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::size_t room_bytes =
    64 * 1024;  ///< Beast reads as much as its buffer has room for, else 512 bytes a time

/// What was sent is no HTTP; false where the connection has gone.
bool is_invalid(error_code failure) {
  return failure && failure.category() == http::make_error_code(http::error::bad_method).category() &&
         failure != http::error::end_of_stream && failure != http::error::partial_message;
}

/// Throws HttpError for a way to send the body that this server does not have.
void check_transfer(const HttpRequest& head) {
  for (const std::string_view coding : header_list(head.header("transfer-encoding")))
    if (!same_token(coding, "chunked"))
      throw HttpError(501, fmt::format("Transfer-Encoding '{}' is not supported; send the body as it is", coding));
  for (const std::string_view expected : header_list(head.header("expect")))
    if (!same_token(expected, "100-continue"))
      throw HttpError(
          417,
          fmt::format("'Expect: {}' cannot be met, only 100-continue; leave it out (curl -H 'Expect:')", expected));
}

class Connection;

/// What all connections share; lives as long as the last of them.
struct Core {
  Core(HttpOptions o, HttpHandler& h) : options(std::move(o)), handler(h) {}

  const HttpOptions options;
  HttpHandler& handler;
  net::io_context io;
  std::atomic<std::size_t> bytes{0};  ///< of bodies
  std::atomic<bool> draining{false};

  std::mutex mutex;
  std::condition_variable changed;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections;
};

/// A connection whatever it runs over.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual void run() = 0;
  /// Closes it if no request is under way.
  virtual void drain() = 0;
  virtual void abort() = 0;
  virtual void answer(const std::function<HttpResponse()>& make) = 0;
  virtual net::any_io_executor executor() = 0;
};

/// Sees to it that a request is answered exactly once.
class Answer {
 public:
  explicit Answer(std::weak_ptr<Connection> to) : to_(std::move(to)) {}
  ~Answer() {
    if (!given_) give([] { return error_response(500, "the request was dropped"); });
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  void give(std::function<HttpResponse()> make) {
    if (given_.exchange(true)) return;
    const auto connection = to_.lock();
    if (!connection) return;
    net::post(connection->executor(), [to = to_, make = std::move(make)] {
      if (const auto alive = to.lock()) alive->answer(make);
    });
  }

 private:
  std::weak_ptr<Connection> to_;
  std::atomic<bool> given_{false};
};

template <class Stream>
class ConnectionOver final : public Connection, public std::enable_shared_from_this<ConnectionOver<Stream>> {
 public:
  template <class... TlsContext>
  ConnectionOver(std::shared_ptr<Core> core, tcp::socket socket, TlsContext&... tls)
      : core_(std::move(core)), stream_(std::move(socket), tls...), buffer_(header_bytes + read_bytes) {
    error_code ignored;
    const auto end = lowest().socket().remote_endpoint(ignored);
    if (!ignored) remote_ = end.address().to_string();
    lowest().socket().set_option(tcp::no_delay(true), ignored);
    buffer_.reserve(room_bytes);
  }

  net::any_io_executor executor() override { return stream_.get_executor(); }

  void run() override {
    net::dispatch(stream_.get_executor(), [self = this->shared_from_this()] { self->start(); });
  }

  void drain() override {
    net::post(stream_.get_executor(), [self = this->shared_from_this()] {
      if (self->waiting_ && self->buffer_.size() == 0 && !self->parser_->got_some()) self->end();
    });
  }

  void abort() override {
    net::post(stream_.get_executor(), [self = this->shared_from_this()] { self->end(); });
  }

  void answer(const std::function<HttpResponse()>& make) override {
    HttpResponse response;
    try {
      response = make();
    } catch (...) {
      response = error_response(std::current_exception());
    }
    send(std::move(response));
  }

 private:
  static constexpr bool over_tls = !std::is_same_v<Stream, beast::tcp_stream>;

  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

  template <class... Arguments>
  auto then(void (ConnectionOver::*next)(Arguments...)) {
    return beast::bind_front_handler(next, this->shared_from_this());
  }

  void start() {
    if constexpr (over_tls) {
      lowest().expires_after(core_->options.idle);
      stream_.async_handshake(net::ssl::stream_base::server, then(&ConnectionOver::on_handshake));
    } else {
      read_head();
    }
  }

  void on_handshake(error_code failure) {
    if (failure) return end();
    read_head();
  }

  void read_head() {
    if (core_->draining) return end();
    parser_.emplace();
    parser_->header_limit(header_bytes);
    parser_->body_limit(core_->options.max_request_bytes);
    head_ = {};
    bytes_in_ = 0;
    keep_ = false;
    waiting_ = true;
    lowest().expires_after(core_->options.idle);
    http::async_read_header(stream_, buffer_, *parser_, then(&ConnectionOver::on_head));
  }

  void on_head(error_code failure, std::size_t) {
    waiting_ = false;
    begun_ = Clock::now();
    if (failure == http::error::body_limit) {
      take_head();
      return send(error_response(413, too_large()));
    }
    if (failure) {
      // What is no HTTP gets an answer in HTTP, unless the connection itself has gone.
      if (is_invalid(failure))
        return send(error_response(failure == http::error::header_limit ? 431 : 400, "not a valid HTTP request"));
      return end();
    }
    if (!take_head()) return send(error_response(400, "the request's path is not valid"));
    if (core_->draining) return send(error_response(503, "the server is shutting down"));
    try {
      check_transfer(head_);
      if (auto refusal = core_->handler.refuse(head_)) return send(std::move(*refusal));
    } catch (...) {
      return send(error_response(std::current_exception()));
    }
    // Who speaks HTTP/1.0 would take the interim answer for the whole one.
    if (!head_.header("expect").empty() && parser_->get().version() >= 11) return send_continue();
    read_body();
  }

  std::string too_large() const {
    return fmt::format("the request's body is larger than {} bytes (the server's --max_request_mib)",
                       core_->options.max_request_bytes);
  }

  bool take_head() {
    const auto& message = parser_->get();
    head_.method = std::string(message.method_string());
    head_.target = std::string(message.target());
    head_.remote = remote_;
    for (const auto& field : message) {
      std::string& value = head_.headers[lower_case(field.name_string().to_string())];
      if (!value.empty()) value += ", ";  // a list over several lines
      value += field.value().to_string();
    }
    auto target = parse_target(head_.target);
    if (!target) return false;
    head_.path = std::move(target->path);
    head_.query = std::move(target->query);
    return true;
  }

  void send_continue() {
    continue_ = {http::status::continue_, 11};
    lowest().expires_after(core_->options.idle);
    http::async_write(stream_, continue_, [self = this->shared_from_this()](error_code failure, std::size_t) {
      if (failure) return self->end();
      self->read_body();
    });
  }

  void read_body() {
    if (parser_->is_done()) return dispatch();
    lowest().expires_at(std::min(Clock::now() + core_->options.idle, begun_ + core_->options.receive));
    http::async_read_some(stream_, buffer_, *parser_, then(&ConnectionOver::on_body));
  }

  void on_body(error_code failure, std::size_t) {
    if (failure == http::error::body_limit) return send(error_response(413, too_large()));
    if (is_invalid(failure)) return send(error_response(400, "the request's body is not valid"));
    if (failure) return end();
    const std::size_t size = parser_->get().body().size();
    core_->bytes += size - held_;
    bytes_in_ = held_ = size;
    if (core_->bytes > core_->options.max_bytes)
      return send(error_response(429, "the server holds too many requests' data"));
    read_body();
  }

  void dispatch() {
    lowest().expires_never();
    keep_ = parser_->get().keep_alive();
    HttpRequest request = head_;
    request.body = std::move(parser_->get().body());
    request.cancellation = working_for_ = std::make_shared<Cancellation>();
    if (!watching_) watch_client();
    const auto once = std::make_shared<Answer>(this->weak_from_this());
    try {
      core_->handler.handle(std::move(request),
                            [once](std::function<HttpResponse()> make) { once->give(std::move(make)); });
    } catch (...) {
      once->give([failure = std::current_exception()] { return error_response(failure); });
    }
  }

  /// While a request is worked on: has its client gone? What comes before the answer is the next request, and waits.
  void watch_client() {
    watching_ = true;
    lowest().socket().async_wait(tcp::socket::wait_read, [self = this->shared_from_this()](error_code failure) {
      self->watching_ = false;
      if (failure || !self->working_for_) return;
      pollfd state{self->lowest().socket().native_handle(), POLLIN | POLLRDHUP, 0};
      if (::poll(&state, 1, 0) == 0) return self->watch_client();
      if ((state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) self->working_for_->cancel();
    });
  }

  void send(HttpResponse made) {
    working_for_.reset();
    response_ = {static_cast<http::status>(made.status), 11};
    response_.set(http::field::server, "nnunet");
    response_.set(http::field::content_type, made.content_type);
    response_.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : made.headers) response_.set(name, value);
    response_.body() = std::move(made.body);
    response_.keep_alive(keep_ && !core_->draining);
    bytes_out_ = response_.body().size();
    response_.prepare_payload();
    if (head_.method == "HEAD") response_.body().clear();
    parser_.reset();
    lowest().expires_after(core_->options.send);
    http::async_write(stream_, response_, then(&ConnectionOver::on_sent));
  }

  void on_sent(error_code failure, std::size_t) {
    release();
    const double seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
    core_->handler.finished(head_, static_cast<int>(response_.result_int()), bytes_in_, bytes_out_, seconds);
    const bool again = !failure && response_.keep_alive();
    response_ = {};
    if (again) return read_head();
    if (failure) return end();
    linger();
  }

  /// Lets the client read the answer though it may still be sending: a close with unread data would reset it away.
  void linger() {
    error_code ignored;
    if constexpr (over_tls) {
      lowest().expires_after(std::chrono::seconds(2));
      stream_.async_shutdown([self = this->shared_from_this()](error_code) { self->end(); });
    } else {
      lowest().socket().shutdown(tcp::socket::shutdown_send, ignored);
      lowest().expires_after(std::chrono::seconds(2));
      discard();
    }
  }

  void discard() {
    rest_.resize(read_bytes);
    stream_.async_read_some(net::buffer(rest_), [self = this->shared_from_this()](error_code failure, std::size_t) {
      if (failure) return self->end();
      self->discard();
    });
  }

  void release() { core_->bytes -= std::exchange(held_, 0); }

  void end() {
    release();
    error_code ignored;
    lowest().socket().close(ignored);
    lowest().cancel();
    const std::lock_guard lock(core_->mutex);
    core_->connections.erase(this);
    core_->changed.notify_all();
  }

  std::shared_ptr<Core> core_;
  Stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::empty_body> continue_;
  http::response<http::string_body> response_;
  HttpRequest head_;  ///< without the body
  std::string remote_;
  std::vector<char> rest_;
  std::size_t bytes_in_ = 0, bytes_out_ = 0;
  std::size_t held_ = 0;  ///< of this connection in Core::bytes
  bool keep_ = false, waiting_ = false;
  std::shared_ptr<Cancellation> working_for_;  ///< between a request's last byte and its answer
  bool watching_ = false;                      ///< watch_client waits; that may outlast the request
  Clock::time_point begun_{};
};

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const HttpOptions& options, HttpHandler& handler)
      : core_(std::make_shared<Core>(options, handler)), acceptor_(net::make_strand(core_->io)) {
    if (!options.certificate.empty()) load_certificate();
    listen();
    accept();
    for (int i = 0; i < options.threads; ++i) threads_.emplace_back([core = core_] { core->io.run(); });
  }

  ~Impl() {
    stop_accepting();
    for (const auto& connection : connections()) connection->abort();
    work_.reset();
    threads_.clear();
    // Requests that are not answered yet: their connections have nothing left to run.
    std::unordered_map<Connection*, std::shared_ptr<Connection>> rest;
    const std::lock_guard lock(core_->mutex);
    rest.swap(core_->connections);
  }

  std::uint16_t port() const { return port_; }

  bool drain(std::chrono::milliseconds limit) {
    core_->draining = true;
    stop_accepting();
    for (const auto& connection : connections()) connection->drain();
    std::unique_lock lock(core_->mutex);
    return core_->changed.wait_for(lock, limit, [&] { return core_->connections.empty(); });
  }

 private:
  void load_certificate() {
    const HttpOptions& o = core_->options;
    try {
      tls_.emplace(net::ssl::context::tls_server);
      tls_->set_options(net::ssl::context::default_workarounds | net::ssl::context::no_tlsv1 |
                        net::ssl::context::no_tlsv1_1);
      tls_->use_certificate_chain_file(o.certificate.string());
      tls_->use_private_key_file(o.key.string(), net::ssl::context::pem);
    } catch (const boost::system::system_error& e) {
      throw Error(o.certificate.string(), fmt::format("certificate or key cannot be used: {}", e.code().message()),
                  "give PEM files of a certificate chain and its private key");
    }
  }

  void listen() {
    const HttpOptions& o = core_->options;
    const std::string where = fmt::format("{}:{}", o.host, o.port);
    try {
      tcp::resolver resolver(core_->io);
      const tcp::endpoint end = resolver.resolve(o.host, std::to_string(o.port), tcp::resolver::passive)->endpoint();
      acceptor_.open(end.protocol());
      acceptor_.set_option(net::socket_base::reuse_address(true));
      acceptor_.bind(end);
      acceptor_.listen(net::socket_base::max_listen_connections);
      port_ = acceptor_.local_endpoint().port();
    } catch (const boost::system::system_error& e) {
      throw Error(where, fmt::format("cannot listen there: {}", e.code().message()), "choose another --host or --port");
    }
  }

  void accept() {
    acceptor_.async_accept(net::make_strand(core_->io), [this](error_code failure, tcp::socket socket) {
      if (failure == net::error::operation_aborted || !acceptor_.is_open()) return;
      if (failure) return retry();
      welcome(std::move(socket));
      accept();
    });
  }

  /// No descriptors left, say: connections that end free some.
  void retry() {
    pause_.expires_after(std::chrono::milliseconds(50));
    pause_.async_wait([this](error_code failure) {
      if (!failure && acceptor_.is_open()) accept();
    });
  }

  void welcome(tcp::socket socket) {
    std::shared_ptr<Connection> connection;
    if (tls_)
      connection =
          std::make_shared<ConnectionOver<beast::ssl_stream<beast::tcp_stream>>>(core_, std::move(socket), *tls_);
    else
      connection = std::make_shared<ConnectionOver<beast::tcp_stream>>(core_, std::move(socket));
    {
      const std::lock_guard lock(core_->mutex);
      if (core_->connections.size() >= core_->options.max_connections) return;
      core_->connections.emplace(connection.get(), connection);
    }
    connection->run();
  }

  void stop_accepting() {
    net::post(acceptor_.get_executor(), [this] {
      error_code ignored;
      acceptor_.close(ignored);
      pause_.cancel();
    });
  }

  std::vector<std::shared_ptr<Connection>> connections() {
    const std::lock_guard lock(core_->mutex);
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [key, connection] : core_->connections) all.push_back(connection);
    return all;
  }

  std::shared_ptr<Core> core_;
  /// While requests are worked on elsewhere nothing else may be left for the threads.
  net::executor_work_guard<net::io_context::executor_type> work_{core_->io.get_executor()};
  std::optional<net::ssl::context> tls_;
  tcp::acceptor acceptor_;
  net::steady_timer pause_{acceptor_.get_executor()};
  std::uint16_t port_ = 0;
  std::vector<std::jthread> threads_;
};

HttpServer::HttpServer(const HttpOptions& options, HttpHandler& handler)
    : impl_(std::make_unique<Impl>(options, handler)) {}
HttpServer::~HttpServer() = default;
std::uint16_t HttpServer::port() const {
  return impl_->port();
}
bool HttpServer::drain(std::chrono::milliseconds limit) {
  return impl_->drain(limit);
}

}  // namespace nnunet::serve
