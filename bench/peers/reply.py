# SPDX-License-Identifier: MIT
"""Answers a number of requests."""

import zmq
import job

reply = zmq.Context().socket(zmq.REP)
job.listen(reply)
before = job.clocks()
for number in range(job.WARMUP + job.COUNT):
    message = reply.recv()
    if number == job.WARMUP:
        before = job.clocks()
    reply.send(message)
job.report(job.COUNT, before)
