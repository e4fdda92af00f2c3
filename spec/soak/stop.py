# SPDX-License-Identifier: MIT
# The foreign peers of the soak of stopping: pyzmq, as fast as it goes. The first line on standard input
# ends what they do, and they say what they were told is sent, or answered.
#
#   stop.py push ENDPOINT SENDER SIZE   sends [sender, number, padding] until told, leaves when all is sent
#   stop.py ask ENDPOINT COUNT          COUNT requesters that ask one after the other: "busy" once each
#                                       has had a reply; from the first line on those that get none any
#                                       more are counted. They leave when each has had one, if that line
#                                       is "leave"; otherwise when they have had as many replies as the
#                                       second line says

import json
import struct
import sys
import threading
import time

import zmq

PATIENCE = 30
stopped, lines = threading.Event(), []


def read_lines():
    for line in sys.stdin:
        lines.append(line.strip())
        stopped.set()
    stopped.set()


threading.Thread(target=read_lines, daemon=True).start()
context = zmq.Context()


def push(endpoint, sender, size):
    socket = context.socket(zmq.PUSH)
    socket.linger, socket.sndtimeo = 60000, 100
    socket.connect(endpoint)
    padding, pack, sent = b"x" * (int(size) - 9), struct.Struct("<BQ").pack, 0
    while not stopped.is_set():
        try:
            socket.send(pack(int(sender), sent) + padding)
            sent += 1
        except zmq.Again:
            pass
    socket.close()
    context.term()
    return {"sent": sent}


def ask(endpoint, count):
    poller, numbers, waiting, until = zmq.Poller(), {}, None, None
    sockets = [context.socket(zmq.REQ) for _ in range(int(count))]
    for socket in sockets:
        socket.linger = 0
        socket.connect(endpoint)
        poller.register(socket, zmq.POLLIN)
        numbers[socket] = 0
        socket.send(b"0")
    answered, is_busy = 0, False
    while True:
        if lines and waiting is None:
            waiting, until = set(sockets), time.monotonic() + PATIENCE
            print("ready", flush=True)
        is_over = len(lines) > 1 and answered >= int(lines[1])
        if until and (is_over or (lines[0] == "leave" and not waiting) or time.monotonic() > until):
            return {"answered": answered, "unanswered": len(waiting)}
        for socket, _ in poller.poll(10):
            number = int(socket.recv())
            assert number == numbers[socket], "a wrong reply"
            answered += 1
            if waiting:
                waiting.discard(socket)
            numbers[socket] = number + 1
            socket.send(b"%d" % (number + 1))
        if not is_busy and all(numbers.values()):
            is_busy = True
            print("busy", flush=True)


print(json.dumps({"push": push, "ask": ask}[sys.argv[1]](*sys.argv[2:])), flush=True)
