"""NVIDIA's clients against `nnunet serve`: triton_client.py http|grpc HOST:PORT MODEL.

Exits with 0 when all is as expected, with 77 where the client is not installed.
"""
import sys

import numpy as np

try:
    from tritonclient.utils import InferenceServerException
    import tritonclient.grpc
    import tritonclient.http
except ImportError:
    sys.exit(77)


class Http:
    """Where the two clients differ."""

    statuses = {400: "400", 404: "404", 503: "503"}

    def __init__(self, url):
        self.client = tritonclient.http.InferenceServerClient(url)

    def describe(self, name):
        """Metadata, configuration."""
        return self.client.get_model_metadata(name), self.client.get_model_config(name)

    def index(self):
        return {m["name"]: m["state"] for m in self.client.get_model_repository_index()}

    def counts(self, name):
        stats = self.client.get_inference_statistics(name)["model_stats"][0]
        return stats["inference_count"], stats["inference_stats"]["success"]["count"]

    def tensor(self, values, raw=True, label="INPUT__0", kind="FP32"):
        tensor = tritonclient.http.InferInput(label, list(values.shape), kind)
        tensor.set_data_from_numpy(values, binary_data=raw)
        return tensor

    def output(self, name="OUTPUT__0", raw=True):
        return tritonclient.http.InferRequestedOutput(name, binary_data=raw)

    def several(self, name, values, n):
        """n requests under way at a time."""
        pending = [self.client.async_infer(name, [self.tensor(values)]) for _ in range(n)]
        return [p.get_result().as_numpy("OUTPUT__0") for p in pending]


class Grpc:
    statuses = {400: "StatusCode.INVALID_ARGUMENT", 404: "StatusCode.NOT_FOUND", 503: "StatusCode.UNAVAILABLE"}

    def __init__(self, url):
        self.client = tritonclient.grpc.InferenceServerClient(url)

    def describe(self, name):
        def numbers(json):  # protobuf's JSON has 64 bits as text
            if isinstance(json, dict):
                return {k: [int(i) for i in v] if k in ("shape", "dims") else numbers(v) for k, v in json.items()}
            return [numbers(v) for v in json] if isinstance(json, list) else json

        return (numbers(self.client.get_model_metadata(name, as_json=True)),
                numbers(self.client.get_model_config(name, as_json=True)["config"]))

    def index(self):
        return {m.name: m.state for m in self.client.get_model_repository_index().models}

    def counts(self, name):
        stats = self.client.get_inference_statistics(name).model_stats[0]
        return stats.inference_count, stats.inference_stats.success.count

    def tensor(self, values, raw=True, label="INPUT__0", kind="FP32"):
        tensor = tritonclient.grpc.InferInput(label, list(values.shape), kind)
        tensor.set_data_from_numpy(values)
        if not raw:  # the client has no function for it
            tensor._raw_content = None
            tensor._get_tensor().contents.fp32_contents[:] = values.ravel().tolist()
        return tensor

    def output(self, name="OUTPUT__0", raw=True):
        return tritonclient.grpc.InferRequestedOutput(name)

    def several(self, name, values, n):
        answers = []
        self.client.start_stream(lambda result, error: answers.append(error or result.as_numpy("OUTPUT__0")))
        for _ in range(n):
            self.client.async_stream_infer(name, [self.tensor(values)])
        self.client.stop_stream()
        assert len(answers) == n and not any(isinstance(a, Exception) for a in answers), answers
        return answers


def main(protocol, url, name):
    server = {"http": Http, "grpc": Grpc}[protocol](url)
    client = server.client

    def refused(status, message, call):
        try:
            call()
        except InferenceServerException as e:
            assert e.status() == server.statuses[status], e
            assert message in e.message(), e
        else:
            raise AssertionError(f"not refused: {message}")

    def infer(values, raw=True, model=name, **more):
        return client.infer(model, [server.tensor(values, raw, **more)], outputs=[server.output(raw=raw)],
                            request_id="a").as_numpy("OUTPUT__0")

    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready(name) and client.is_model_ready(name + "_volume", "1")
    before = server.counts(name)
    metadata, config = server.describe(name)
    assert client.get_server_metadata() and metadata["platform"] == "nnunet"
    shape = metadata["inputs"][0]["shape"]
    assert config["max_batch_size"] > 1 and config["input"][0]["dims"] == shape[1:], config
    assert config["input"][0]["data_type"] == "TYPE_FP32", config
    assert server.index() == {name: "READY", name + "_volume": "READY"}

    x = np.random.default_rng(0).standard_normal([2] + shape[1:], dtype=np.float32)
    by_bytes, by_values = infer(x), infer(x, raw=False)
    assert by_bytes.shape == tuple([2] + metadata["outputs"][0]["shape"][1:])
    assert np.array_equal(by_bytes, by_values)
    one = np.concatenate([infer(x[:1]), infer(x[1:])])
    assert np.allclose(one, by_bytes, atol=1e-4), np.abs(one - by_bytes).max()
    assert client.infer(name, [server.tensor(x)]).as_numpy("OUTPUT__0").shape == by_bytes.shape
    for answer in server.several(name, x[:1], 8):
        assert np.allclose(answer, by_bytes[:1], atol=1e-4)

    volume = np.abs(np.random.default_rng(1).standard_normal([shape[1], 20, 30, 25], dtype=np.float32))
    spacing = np.array([1, 1, 1], np.float32)
    labels = client.infer(name + "_volume", [server.tensor(volume), server.tensor(spacing, label="INPUT__1")])
    labels = labels.as_numpy("OUTPUT__0")
    assert labels.shape == volume.shape[1:] and labels.dtype == np.uint8

    refused(404, "unknown model", lambda: infer(x, model="other"))
    refused(404, "version 2", lambda: client.infer(name, [server.tensor(x)], model_version="2"))
    refused(400, "unexpected shape", lambda: infer(x[..., 1:]))
    refused(400, "expects 'FP32'", lambda: infer(x.astype(np.int32), kind="INT32"))
    refused(400, "unexpected inference input", lambda: infer(x, label="INPUT"))
    refused(400, "batch-size must be", lambda: infer(np.concatenate([x] * config["max_batch_size"])))
    refused(400, "unexpected inference output", lambda: client.infer(
        name, [server.tensor(x)], outputs=[server.output("other")]))
    after = server.counts(name)
    assert after[0] - before[0] == 16 and after[1] - before[1] == 13, (before, after)
    client.unload_model(name)
    assert not client.is_model_ready(name)
    refused(503, "no available versions", lambda: infer(x))
    client.load_model(name)
    assert np.array_equal(infer(x), by_bytes)
    print("tritonclient:", protocol, "all as expected")


if __name__ == "__main__":
    main(*sys.argv[1:])
