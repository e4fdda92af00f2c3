# SPDX-License-Identifier: MIT
# Foreign peers for the soaks of restarts and closes. They talk JSON, a line at a time.
#
#   sources.py push PORT N RATE  N sockets that push [name, number], so many a second each, or as fast as it
#                                goes with 0; a line on standard input has them send [name, "end"], its end
#                                has them leave
#   sources.py stuck N           N addresses of sockets that accept connections and hardly read

import json
import sys
import threading
import time

import zmq

context = zmq.Context()
stopped, left = threading.Event(), threading.Event()


def say(**fields):
    print(json.dumps(fields), flush=True)


def await_the_end():
    sys.stdin.readline()
    stopped.set()
    sys.stdin.read()
    left.set()


threading.Thread(target=await_the_end, daemon=True).start()


def push(port, count, rate):
    sources, rate, begun = [], float(rate), time.monotonic()
    for i in range(int(count)):
        socket = context.socket(zmq.PUSH)
        socket.linger = 60000
        socket.connect("tcp://127.0.0.1:" + port)
        sources.append([b"source %d" % i, socket, 0])
    poller = zmq.Poller()
    for _, socket, _ in sources:
        poller.register(socket, zmq.POLLOUT)
    while not stopped.is_set():
        poller.poll(100)
        most = (time.monotonic() - begun) * rate if rate else float("inf")
        if rate:
            time.sleep(0.002)
        for source in sources:
            name, socket, number = source
            try:
                for _ in range(100):
                    if number >= most:
                        break
                    socket.send_multipart([name, b"%d" % (number + 1)], zmq.NOBLOCK)
                    number += 1
            except zmq.Again:
                pass
            source[2] = number
    for name, socket, _ in sources:
        socket.send_multipart([name, b"end"])
    say(sent={name.decode(): number for name, _, number in sources})
    left.wait()
    context.destroy()


def stuck(count):
    ports, kept = [], []
    for _ in range(int(count)):
        socket = context.socket(zmq.PULL)
        socket.rcvhwm, socket.rcvbuf = 1, 4096
        ports.append(socket.bind_to_random_port("tcp://127.0.0.1"))
        kept.append(socket)
    say(ports=ports)
    left.wait()
    context.destroy(0)


{"push": push, "stuck": stuck}[sys.argv[1]](*sys.argv[2:])
