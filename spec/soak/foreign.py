# SPDX-License-Identifier: MIT
# Foreign sockets of every kind for the chaos: those that stay at their ports, which are printed as JSON, and
# some that connect anew each second to the ports given. They send and answer messages of three frames.
#
#   foreign.py PORT...      until the end of standard input

import json
import random
import sys
import threading
import time

import zmq

KINDS = "PUSH PULL PUB SUB XPUB XSUB REQ REP DEALER ROUTER PAIR".split()
MESSAGE = [b"foreign", b"1", b"foreign"]

context = zmq.Context()


def make(kind):
    socket = context.socket(getattr(zmq, kind))
    socket.linger = 0
    socket.sndhwm = socket.rcvhwm = 100
    if kind == "SUB":
        socket.subscribe(b"")
    if kind == "REQ":
        socket.req_relaxed = socket.req_correlate = 1
    return socket


def send(kind, socket, message):
    try:
        socket.send_multipart(message, zmq.NOBLOCK)
    except zmq.ZMQError:
        pass


def receive(kind, socket):
    try:
        message = socket.recv_multipart(zmq.NOBLOCK)
    except zmq.ZMQError:
        return False
    if kind in ("REP", "ROUTER"):
        send(kind, socket, message)
    return True


def serve(sockets):
    for kind, socket in sockets:
        if kind in ("PUSH", "PUB", "XPUB", "PAIR", "REQ"):
            send(kind, socket, MESSAGE)
        if kind == "DEALER":
            send(kind, socket, [b""] + MESSAGE)
        if kind == "XSUB":
            send(kind, socket, [b"\1"])
        if kind not in ("PUSH", "PUB"):
            for _ in range(100):
                if not receive(kind, socket):
                    break


ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()

bound = [(kind, make(kind)) for kind in KINDS]
ports = {kind: socket.bind_to_random_port("tcp://127.0.0.1") for kind, socket in bound}
if bound:
    bound[KINDS.index("XSUB")][1].send(b"\1")
print(json.dumps(ports), flush=True)

visitors, renewed = [], 0
while not ended.wait(0.005):
    if time.monotonic() - renewed > 1:
        renewed = time.monotonic()
        for _, socket in visitors:
            socket.close()
        visitors = []
        for port in sys.argv[1:]:
            for kind in random.sample(KINDS, 2):
                visitors.append((kind, make(kind)))
                visitors[-1][1].connect("tcp://127.0.0.1:" + port)
    serve(bound)
    serve(visitors)
context.destroy(0)
