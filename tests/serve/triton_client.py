"""NVIDIA's HTTP client against `nnunet serve`: triton_client.py HOST:PORT MODEL. Exits with 0 when all is as expected."""
import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException


def refused(status, message, call):
    try:
        call()
    except InferenceServerException as e:
        assert e.status() == str(status), e
        assert message in e.message(), e
    else:
        raise AssertionError(f"not refused: {message}")


def main(url, name):
    client = http.InferenceServerClient(url)
    assert client.is_server_live() and client.is_server_ready()
    assert client.get_server_metadata()["name"] == "nnunet"
    assert client.is_model_ready(name) and client.is_model_ready(name + "_volume", "1")
    assert not client.is_model_ready("other")
    metadata = client.get_model_metadata(name)
    config = client.get_model_config(name)
    shape = metadata["inputs"][0]["shape"]
    assert config["max_batch_size"] > 1 and config["input"][0]["dims"] == shape[1:], config
    assert {m["name"]: m["state"] for m in client.get_model_repository_index()} == {
        name: "READY", name + "_volume": "READY"}

    def tensor(values, binary=True, label="INPUT__0", kind="FP32"):
        t = http.InferInput(label, list(values.shape), kind)
        t.set_data_from_numpy(values, binary_data=binary)
        return t

    def infer(values, binary=True, model=name, **more):
        outputs = [http.InferRequestedOutput("OUTPUT__0", binary_data=binary)]
        return client.infer(model, [tensor(values, binary, **more)], outputs=outputs, request_id="a").as_numpy("OUTPUT__0")

    x = np.random.default_rng(0).standard_normal([2] + shape[1:], dtype=np.float32)
    by_bytes, by_json = infer(x), infer(x, binary=False)
    assert by_bytes.shape == tuple([2] + metadata["outputs"][0]["shape"][1:])
    assert np.array_equal(by_bytes, by_json)
    one = np.concatenate([infer(x[:1]), infer(x[1:])])
    assert np.allclose(one, by_bytes, atol=1e-4), np.abs(one - by_bytes).max()
    assert client.infer(name, [tensor(x)]).as_numpy("OUTPUT__0").shape == by_bytes.shape
    pending = [client.async_infer(name, [tensor(x[:1])]) for _ in range(8)]
    for p in pending:
        assert np.allclose(p.get_result().as_numpy("OUTPUT__0"), by_bytes[:1], atol=1e-4)

    volume = np.abs(np.random.default_rng(1).standard_normal([shape[1], 20, 30, 25], dtype=np.float32))
    spacing = np.array([1, 1, 1], np.float32)
    labels = client.infer(name + "_volume", [tensor(volume), tensor(spacing, label="INPUT__1")]).as_numpy("OUTPUT__0")
    assert labels.shape == volume.shape[1:] and labels.dtype == np.uint8

    refused(404, "unknown model", lambda: infer(x, model="other"))
    refused(400, "unexpected shape", lambda: infer(x[..., 1:]))
    refused(400, "expects 'FP32'", lambda: infer(x.astype(np.int32), kind="INT32"))
    refused(400, "unexpected inference input", lambda: infer(x, label="INPUT"))
    refused(400, "batch-size must be", lambda: infer(np.concatenate([x] * config["max_batch_size"])))
    refused(400, "unexpected inference output", lambda: client.infer(
        name, [tensor(x)], outputs=[http.InferRequestedOutput("other")]))
    stats = client.get_inference_statistics(name)["model_stats"][0]
    assert stats["inference_count"] >= 14 and stats["inference_stats"]["success"]["count"] >= 12, stats
    client.unload_model(name)
    assert not client.is_model_ready(name)
    refused(503, "no available versions", lambda: infer(x))
    client.load_model(name)
    assert np.array_equal(infer(x), by_bytes)
    print("tritonclient: all as expected")


if __name__ == "__main__":
    main(*sys.argv[1:])
