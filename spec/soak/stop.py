# SPDX-License-Identifier: MIT
# The foreign peers of the soak of stopping: pyzmq, as fast as it goes. The first line on standard input
# ends what they do, and they say what they were told is sent, or answered.
#
#   stop.py push ENDPOINT SENDER SIZE   sends [sender, number, padding] until told, leaves when all is sent
#   stop.py ask ENDPOINT COUNT          COUNT requesters that ask one after the other; at the line on
#                                       standard input those that wait for a reply then are counted, and
#                                       those among them that got none within two seconds

import json
import struct
import sys
import threading
import time

import zmq

stopped = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stopped.set()), daemon=True).start()
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
    poller, numbers, due = zmq.Poller(), {}, None
    sockets = [context.socket(zmq.REQ) for _ in range(int(count))]
    for socket in sockets:
        socket.linger = 0
        socket.connect(endpoint)
        poller.register(socket, zmq.POLLIN)
        numbers[socket] = 0
        socket.send(b"0")
    answered, waiting, until = 0, {}, None
    while until is None or (waiting and time.monotonic() < until):
        if stopped.is_set() and until is None:
            waiting, until = dict(numbers), time.monotonic() + 2
            print(json.dumps({"ready": True}), flush=True)
        for socket, _ in poller.poll(10):
            number = int(socket.recv())
            assert number == numbers[socket], "a wrong reply"
            answered += 1
            waiting.pop(socket, None)
            numbers[socket] = number + 1
            socket.send(b"%d" % (number + 1))
    return {"answered": answered, "unanswered": len(waiting)}


print(json.dumps({"push": push, "ask": ask}[sys.argv[1]](*sys.argv[2:])), flush=True)
