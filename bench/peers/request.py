# SPDX-License-Identifier: MIT
"""Asks again and again, and times every round trip."""

import time

import zmq
import job

ask = zmq.Context().socket(zmq.REQ)
ask.connect(job.ENDPOINT)
message = b"x" * job.SIZE
for _ in range(job.WARMUP):
    ask.send(message)
    ask.recv()

trips = []
before = job.clocks()
for _ in range(job.COUNT):
    asked = time.perf_counter()
    ask.send(message)
    if len(ask.recv()) != job.SIZE:
        raise SystemExit("a reply of another size")
    trips.append(time.perf_counter() - asked)
job.report(len(trips), before)

trips.sort()
for name, part in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
    print(f"{name}={trips[min(int(len(trips) * part), len(trips) - 1)]:.9f}")
