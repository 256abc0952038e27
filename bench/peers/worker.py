"""What the network peers share: a worker prepares once, then times a step whenever it is told to.

Protocol, a line each way: the worker prints {"ready": true}; a number n on stdin makes it time n steps and print
{"ms": [...]}. Between measurements it sleeps, so that workers never compute at the same time.
"""
import json
import sys
import time


def serve(step, warmup):
    for _ in range(warmup):
        step()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        step()  # wakes the threads up and brings the weights back into the caches
        milliseconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            step()
            milliseconds.append(1000 * (time.perf_counter() - start))
        print(json.dumps({"ms": milliseconds}), flush=True)
