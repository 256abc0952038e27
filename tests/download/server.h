#pragma once
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

extern char** environ;

namespace nnunet::test {

/// A small HTTP server on the loopback interface that serves a folder. The first part of the path says how:
/// /ranges/F, /noranges/F, /drop/F (breaks off after 100 kB of each answer), /dropnoranges/F (once), /changed/F (a new
/// ETag each time), /redirect/F, /liar/F (answers 206 with the wrong range), /busy/F (503 twice), /short/F (announces
/// more than it sends, no ranges).
class HttpServer {
 public:
  explicit HttpServer(const std::filesystem::path& folder) {
    const auto script = folder / "server.py", port = folder / "port";
    std::ofstream(script) << kScript;
    const std::string script_name = script.string(), folder_name = folder.string();
    std::string python = "python3";
    char* arguments[] = {python.data(), const_cast<char*>(script_name.c_str()), const_cast<char*>(folder_name.c_str()),
                         nullptr};
    if (posix_spawnp(&pid_, "python3", nullptr, nullptr, arguments, environ) != 0)
      throw std::runtime_error("python3 does not start");
    for (int i = 0; i < 600 && !std::filesystem::exists(port); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::string number;
    std::getline(std::ifstream(port), number);
    url_ = "http://127.0.0.1:" + number;
  }
  ~HttpServer() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url(const std::string& path) const { return url_ + path; }

 private:
  static constexpr const char* kScript = R"(
import http.server, os, re, sys
folder = sys.argv[1]
counts = {}
log = open(os.path.join(folder, 'requests'), 'a')
unable = ('noranges', 'dropnoranges', 'short')
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_GET(self):
        _, mode, name = self.path.split('?')[0].split('/', 2)
        counts[self.path] = counts.get(self.path, 0) + 1
        asked = self.headers.get('Range')
        print(mode, asked, self.headers.get('If-Range'), file=log, flush=True)
        path = os.path.join(folder, name)
        if mode == 'redirect':
            self.send_response(302); self.send_header('Location', '/ranges/' + name); self.end_headers(); return
        if mode == 'busy' and counts[self.path] <= 2:
            self.send_response(503); self.end_headers(); self.wfile.write(b'busy'); return
        if not os.path.exists(path):
            self.send_response(404); self.end_headers(); self.wfile.write(b'no such file'); return
        data = open(path, 'rb').read()
        etag = f'"{counts[self.path]}"' if mode == 'changed' else '"v1"'
        start = 0
        if asked and mode not in unable and self.headers.get('If-Range', etag) == etag:
            start = int(re.match(r'bytes=(\d+)-', asked).group(1))
        if asked and mode not in unable and start >= len(data):
            self.send_response(416); self.send_header('Content-Range', f'bytes */{len(data)}'); self.send_header('Content-Length', '0'); self.end_headers(); return
        body = data[start:]
        self.send_response(206 if start else 200)
        self.send_header('ETag', etag)
        self.send_header('Content-Length', str(len(body) + (1000 if mode == 'short' else 0)))
        if start:
            shown = start + 1 if mode == 'liar' else start
            self.send_header('Content-Range', f'bytes {shown}-{len(data) - 1}/{len(data)}')
        self.end_headers()
        if mode in ('drop', 'changed', 'liar') or (mode == 'dropnoranges' and counts[self.path] == 1): body = body[:100000]
        self.wfile.write(body)
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
with open(os.path.join(folder, 'port.tmp'), 'w') as f: f.write(str(server.server_address[1]))
os.rename(os.path.join(folder, 'port.tmp'), os.path.join(folder, 'port'))
server.serve_forever()
)";

  pid_t pid_ = -1;
  std::string url_;
};

}  // namespace nnunet::test
