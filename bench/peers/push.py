# SPDX-License-Identifier: MIT
"""Sends a number of messages."""

import zmq
import job

push = zmq.Context().socket(zmq.PUSH)
push.connect(job.ENDPOINT)
message = b"x" * job.SIZE
before = job.clocks()
for _ in range(job.COUNT):
    push.send(message)
job.report(job.COUNT, before)
