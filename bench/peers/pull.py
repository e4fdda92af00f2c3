# SPDX-License-Identifier: MIT
"""Receives a number of messages, timed from the first to the last."""

import zmq
import job

pull = zmq.Context().socket(zmq.PULL)
job.listen(pull)
pull.recv()
before = job.clocks()
for _ in range(job.COUNT - 1):
    if len(pull.recv()) != job.SIZE:
        raise SystemExit("a message of another size")
job.report(job.COUNT, before)
