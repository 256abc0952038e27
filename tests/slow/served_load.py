"""Many clients of one server at a time, bad ones among them.

    served_load.py URL PID MODEL TORCHSCRIPT IMAGES MAPS SECONDS CLIENTS

Good clients send patches and whole volumes and compare every answer: patches with PyTorch's of the exported network,
volumes byte for byte with what `nnunet predict` wrote (MAPS). Only 200 and 429 are allowed. Bad clients hang, send half
a body, or garbage. The server's memory must stay flat after a warm-up of a quarter of the time. Exits with 0 when all
was as it should be.
"""
import collections
import http.client
import json
import os
import pathlib
import random
import socket
import statistics
import sys
import threading
import time

import numpy as np
import torch

TOLERANCE = 1e-3  # logits of our convolutions beside PyTorch's, fp32


class Tally:
    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.problems = []
        self.largest = 0.0

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def problem(self, text):
        with self.lock:
            self.problems.append(text)

    def difference(self, value):
        with self.lock:
            self.largest = max(self.largest, value)


def patch_requests(file, number=16):
    """Bodies of infer requests of one or two patches, and the logits that they must give."""
    extra = {"nnunet.json": ""}
    network = torch.jit.load(file, _extra_files=extra).eval()
    metadata = json.loads(extra["nnunet.json"])
    shape = [metadata["network"]["in_channels"]] + metadata["patch_size"]
    generator = np.random.default_rng(0)
    requests = []
    for i in range(number):
        x = generator.standard_normal([1 + i % 2] + shape, dtype=np.float32)
        with torch.inference_mode():
            expected = network(torch.from_numpy(x)).numpy()
        header = json.dumps({
            "inputs": [{"name": "INPUT__0", "datatype": "FP32", "shape": x.shape,
                        "parameters": {"binary_data_size": x.nbytes}}],
            "parameters": {"binary_data_output": True}}).encode()
        requests.append((header + x.tobytes(), {"Inference-Header-Content-Length": str(len(header))}, expected))
    return requests


class GoodClient:
    def __init__(self, host, port, model, patches, volumes, tally, seed):
        self.host, self.port, self.model, self.tally = host, port, model, tally
        self.patches, self.volumes = patches, volumes
        self.random = random.Random(seed)
        self.connection = None

    def run(self, until):
        while time.monotonic() < until:
            what = "volume" if self.random.random() < 0.1 else "patch"
            try:
                status = self.volume() if what == "volume" else self.patch()
            except (OSError, http.client.HTTPException) as e:
                self.tally.problem(f"{what}: {type(e).__name__} {e}")
                self.connection = None
                continue
            self.tally.count((what, status))
            if status == 429:
                time.sleep(self.random.uniform(0.05, 1))

    def send(self, path, body, headers):
        if self.connection is None or self.random.random() < 0.1:  # now and then a new one
            self.connection = http.client.HTTPConnection(self.host, self.port, timeout=300)
        self.connection.request("POST", path, body, headers)
        response = self.connection.getresponse()
        answer = response.read()
        if response.status == 429:
            assert response.headers["Retry-After"], "429 without Retry-After"
        elif response.status != 200:
            self.tally.problem(f"{path}: status {response.status} {answer[:200]}")
        return response, answer

    def patch(self):
        body, headers, expected = self.random.choice(self.patches)
        response, answer = self.send(f"/v2/models/{self.model}/infer", body, headers)
        if response.status == 200:
            size = int(response.headers["Inference-Header-Content-Length"])
            logits = np.frombuffer(answer[size:], np.float32)
            if logits.size != expected.size:
                self.tally.problem(f"patch: {logits.size} values instead of {expected.size}")
            else:
                difference = float(np.abs(logits - expected.ravel()).max())
                self.tally.difference(difference)
                if not difference <= TOLERANCE:
                    self.tally.problem(f"patch: logits differ by {difference}")
        return response.status

    def volume(self):
        body, expected = self.random.choice(self.volumes)
        response, answer = self.send(f"/v1/segment/{self.model}", body, {})
        if response.status == 200 and answer != expected:
            self.tally.problem("volume: not the bytes of nnunet predict")
        return response.status


class BadClient:
    def __init__(self, host, port, model, tally, seed):
        self.address, self.model, self.tally = (host, port), model, tally
        self.random = random.Random(seed)

    def run(self, until):
        ways = [self.hang, self.half_head, self.half_body, self.slow, self.garbage, self.garbage_body, self.huge]
        while time.monotonic() < until:
            way = self.random.choice(ways)
            try:
                with socket.create_connection(self.address, timeout=10) as connection:
                    way(connection, until)
            except OSError:  # the server ended it
                pass
            self.tally.count(("bad", way.__name__))

    def wait(self, until, seconds):
        time.sleep(max(0.0, min(seconds, until - time.monotonic())))

    def head(self, length):
        return f"POST /v2/models/{self.model}/infer HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()

    def hang(self, connection, until):
        self.wait(until, self.random.uniform(0, 5))

    def half_head(self, connection, until):
        connection.sendall(self.head(1000)[:self.random.randrange(1, 60)])
        self.wait(until, self.random.uniform(0, 5))

    def half_body(self, connection, until):
        connection.sendall(self.head(10_000_000) + self.random.randbytes(self.random.randrange(1, 1_000_000)))
        self.wait(until, self.random.uniform(0, 5))

    def slow(self, connection, until):
        for byte in self.head(1000):
            connection.sendall(bytes([byte]))
            self.wait(until, 0.05)

    def garbage(self, connection, until):
        connection.sendall(self.random.randbytes(self.random.randrange(1, 100_000)))
        connection.recv(1000)

    def garbage_body(self, connection, until):
        body = self.random.randbytes(self.random.randrange(1, 100_000))
        if self.random.random() < 0.5:
            body = b'{"inputs": [' + b"[" * 1000 + body
        connection.sendall(self.head(len(body)) + body)
        if not connection.recv(1000).startswith(b"HTTP/1.1 4"):
            self.tally.problem("garbage was not answered with 4xx")

    def huge(self, connection, until):
        connection.sendall(self.head(1 << 50))
        if not connection.recv(1000).startswith(b"HTTP/1.1 413"):
            self.tally.problem("a body of 2^50 bytes was not answered with 413")


class Watcher:
    """Memory and descriptors of the server, once in a while."""

    def __init__(self, pid):
        self.pid = pid
        self.samples = []  # seconds, bytes, descriptors

    def run(self, until):
        start = time.monotonic()
        while time.monotonic() < until:
            status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
            rss = int(status.split("VmRSS:")[1].split()[0]) * 1024
            self.samples.append((time.monotonic() - start, rss, len(os.listdir(f"/proc/{self.pid}/fd"))))
            time.sleep(0.2)

    def check(self, seconds, tally):
        warm = [s[1] for s in self.samples if s[0] < seconds / 4]
        rest = [s[1] for s in self.samples if s[0] >= seconds / 4]
        half = len(rest) // 2
        peak_ratio = max(rest) / max(warm)
        drift = statistics.median(rest[half:]) / statistics.median(rest[:half])
        mib = 1 / (1 << 20)
        print(f"server's memory: warm-up at most {max(warm) * mib:.0f} MiB, then {min(rest) * mib:.0f} to "
              f"{max(rest) * mib:.0f} MiB; highest {100 * peak_ratio - 100:+.1f} % of the warm-up's, median of the second "
              f"half {100 * drift - 100:+.1f} % of the first's; at most {max(s[2] for s in self.samples)} descriptors")
        if peak_ratio > 1.1 or drift > 1.1:
            tally.problem("the server's memory grows")


def main(url, pid, model, torchscript, images, maps, seconds, clients):
    host, port = url.removeprefix("http://").split(":")
    port, seconds, clients = int(port), float(seconds), int(clients)
    patches = patch_requests(torchscript)
    volumes = [(file.read_bytes(), (pathlib.Path(maps) / file.name).read_bytes())
               for file in sorted(pathlib.Path(images).glob("*.nii.gz"))]
    tally, watcher = Tally(), Watcher(int(pid))
    workers = [GoodClient(host, port, model, patches, volumes, tally, i) for i in range(clients)]
    workers += [BadClient(host, port, model, tally, i) for i in range(max(1, clients // 8))]
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=w.run, args=(until,)) for w in workers + [watcher]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 400)
    if any(thread.is_alive() for thread in threads):
        tally.problem("a client still waits")
    watcher.check(seconds, tally)
    print("answers:", ", ".join(f"{a} {b}: {n}" for (a, b), n in sorted(tally.counts.items(), key=str)))
    print(f"{clients} good clients, {seconds:.0f} s; largest difference of a logit {tally.largest:.2g}")
    for kind in ("patch", "volume"):
        if tally.counts[(kind, 200)] == 0:
            tally.problem(f"no {kind} was answered")
    for problem in tally.problems[:20]:
        print("PROBLEM:", problem)
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
