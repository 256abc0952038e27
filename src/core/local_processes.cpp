#include "nnunet/core/local_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"

namespace nnunet {

namespace {

using Clock = std::chrono::steady_clock;
using Environment = std::map<std::string, std::string>;

constexpr std::chrono::seconds kFromTermToKill{5};

[[noreturn]] void fail(const char* what) {
  throw Error("local processes", fmt::format("{}: {}", what, std::strerror(errno)));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

// A free port of 127.0.0.1. It stays bound, so that the system gives it to nobody who asks for any port; with
// SO_REUSEADDR on both sides a server may bind it beside this socket, which never listens.
class HeldPort {
 public:
  HeldPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    // Reuse is allowed only after the port has been chosen: before, the system could choose one that is held like this.
    const int yes = 1;
    if (socket_.get() < 0 || ::bind(socket_.get(), plain, size) != 0 ||
        ::getsockname(socket_.get(), plain, &size) != 0 ||
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0)
      fail("no free TCP port on 127.0.0.1");
    number_ = ntohs(address.sin_port);
  }
  int number() const { return number_; }

 private:
  Descriptor socket_;
  int number_ = 0;
};

// While it lives, SIGCHLD and the signals that ask to stop wait to be taken here, also those that are ignored.
class TakenSignals {
 public:
  TakenSignals() {
    sigemptyset(&taken_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&taken_, signal);
    pthread_sigmask(SIG_BLOCK, &taken_, &mask_before_);
    struct sigaction standard {};  // were it ignored, exit codes would be lost
    standard.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &standard, &child_before_);
  }
  ~TakenSignals() {
    sigaction(SIGCHLD, &child_before_, nullptr);
    pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  }
  TakenSignals(const TakenSignals&) = delete;
  TakenSignals& operator=(const TakenSignals&) = delete;

  /// The next signal; 0 when none has come by the deadline, if there is one.
  int next(std::optional<Clock::time_point> deadline) const {
    if (!deadline) return std::max(0, sigwaitinfo(&taken_, nullptr));
    const auto left = std::max<Clock::duration>(*deadline - Clock::now(), Clock::duration::zero());
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec time{whole.count(), std::chrono::nanoseconds(left - whole).count()};
    return std::max(0, sigtimedwait(&taken_, nullptr, &time));
  }
  const sigset_t& mask_before() const { return mask_before_; }

 private:
  sigset_t taken_, mask_before_;
  struct sigaction child_before_ {};
};

// The strings "NAME=value" of this process's environment with those of `changes`.
std::vector<std::string> environment_with(const Environment& changes) {
  std::vector<std::string> all;
  for (char** e = environ; *e; ++e) {
    const std::string entry = *e;
    if (!changes.contains(entry.substr(0, entry.find('=')))) all.push_back(entry);
  }
  for (const auto& [name, value] : changes) all.push_back(name + '=' + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> p;
  for (std::string& s : strings) p.push_back(s.data());
  p.push_back(nullptr);
  return p;
}

// What runs between fork and exec: only calls that are safe there. Sends errno on failure.
[[noreturn]] void become(char** arguments, char** environment, const sigset_t& mask, pid_t parent, int report) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // it ended before it could tell us
  ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::execve(arguments[0], arguments, environment);
  const int problem = errno;
  [[maybe_unused]] const auto written = ::write(report, &problem, sizeof problem);
  ::_exit(127);
}

// Returns when the program runs in a process group of its own.
pid_t start(std::vector<std::string> command, const Environment& changes, const sigset_t& mask) {
  std::vector<std::string> environment = environment_with(changes);
  const std::vector<char*> arguments = pointers(command), variables = pointers(environment);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("no pipe");
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  const pid_t parent = ::getpid(), pid = ::fork();
  if (pid < 0) fail("no further process can be started");
  if (pid == 0)
    become(const_cast<char**>(arguments.data()), const_cast<char**>(variables.data()), mask, parent, writing.get());
  writing.close();
  int problem = 0;
  ssize_t got;
  do got = ::read(reading.get(), &problem, sizeof problem);
  while (got < 0 && errno == EINTR);
  if (got <= 0) return pid;  // exec has closed the other end
  ::waitpid(pid, nullptr, 0);
  throw Error(command[0], fmt::format("cannot be started: {}", std::strerror(problem)));
}

struct Ended {
  int rank;
  int code;    // of exit, or 128 + signal
  int signal;  // 0: none
};

class Children {
 public:
  ~Children() {
    signal(SIGKILL);
    for (const pid_t pid : running_)
      if (pid) ::waitpid(pid, nullptr, 0);
  }
  void add(pid_t pid) { running_.push_back(pid); }
  bool any() const {
    return std::ranges::any_of(running_, [](pid_t pid) { return pid != 0; });
  }
  /// To all that run, and to the processes that they have started.
  void signal(int number) const {
    for (const pid_t pid : running_)
      if (pid) ::kill(-pid, number);
  }
  /// One that has ended since the last call, if any.
  std::optional<Ended> next_ended() {
    for (std::size_t rank = 0; rank < running_.size(); ++rank) {
      int status = 0;
      if (running_[rank] == 0 || ::waitpid(running_[rank], &status, WNOHANG) <= 0) continue;
      running_[rank] = 0;
      const int killer = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      return Ended{static_cast<int>(rank), killer ? 128 + killer : WEXITSTATUS(status), killer};
    }
    return std::nullopt;
  }

 private:
  std::vector<pid_t> running_;  // by rank; 0: has ended
};

void report(const Ended& e, int forwarded, std::chrono::seconds grace, bool others) {
  std::string text = fmt::format("rank {} ", e.rank);
  if (e.signal)
    text += fmt::format("was ended by SIG{}", ::sigabbrev_np(e.signal));
  else
    text += fmt::format("ended with exit code {}", e.code);
  if (forwarded) return log::info(text + fmt::format(" after SIG{}", ::sigabbrev_np(forwarded)));
  if (others) text += fmt::format("; the others have {} s to stop", grace.count());
  log::error(text);
}

int wait_for(Children& children, const TakenSignals& signals, std::chrono::seconds grace) {
  int code = 0, forwarded = 0;
  std::vector<int> steps = {SIGKILL, SIGTERM};  // what is left to be done to the others after a failure, last first
  std::optional<Clock::time_point> deadline;
  while (children.any()) {
    const int signal = signals.next(deadline);
    if (signal != 0 && signal != SIGCHLD) children.signal(forwarded = signal);
    while (const auto ended = children.next_ended()) {
      if (ended->code == 0 || code != 0) continue;
      code = ended->code;
      report(*ended, forwarded, grace, children.any());
      deadline = Clock::now() + grace;
    }
    if (deadline && Clock::now() >= *deadline && !steps.empty()) {
      children.signal(steps.back());
      steps.pop_back();
      deadline = steps.empty() ? std::nullopt : std::optional(Clock::now() + kFromTermToKill);
    }
  }
  return code;
}

}  // namespace

int run_local_processes(const std::vector<std::string>& command, int count, const LocalProcessOptions& options) {
  if (command.empty() || count < 1) throw Error("local processes", "there is nothing to start");
  const HeldPort port;
  const TakenSignals signals;
  Children children;
  for (int rank = 0; rank < count; ++rank) {
    Environment environment;
    if (static_cast<std::size_t>(rank) < options.environment.size())
      environment = options.environment[static_cast<std::size_t>(rank)];
    environment.insert({{"RANK", std::to_string(rank)},
                        {"WORLD_SIZE", std::to_string(count)},
                        {"LOCAL_RANK", std::to_string(rank)},
                        {"LOCAL_WORLD_SIZE", std::to_string(count)},
                        {"MASTER_ADDR", "127.0.0.1"},
                        {"MASTER_PORT", std::to_string(port.number())}});
    if (!std::getenv("OMP_NUM_THREADS"))
      environment.insert({"OMP_NUM_THREADS", std::to_string(std::max(1, available_cores() / count))});
    children.add(start(command, environment, signals.mask_before()));
  }
  return wait_for(children, signals, options.grace);
}

}  // namespace nnunet
