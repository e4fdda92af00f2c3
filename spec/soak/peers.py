# SPDX-License-Identifier: MIT
# The foreign peers of the soak: pyzmq, as fast as it goes. What they send is numbered, and what comes
# back is checked: lost, repeated, reordered, disconnects. A peer talks JSON, a line at a time. A line on
# its standard input has it send no more, the end of it has it leave, with its findings as the last line.
#
#   peers.py push PORT COUNT        at least COUNT numbers, then "end" and how many there were
#   peers.py pull [EVERY]           gets [number, version] in order until the end, but no multiple of EVERY
#   peers.py request PORT COUNT N   N requesters that ask at least COUNT times in all
#   peers.py echo IN OUT RATE       publishes at a rate to the worker's sub and hears its pub

import json
import select
import sys
import threading
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

LIMIT = 60  # seconds without a message
PROGRESS = 0.01  # seconds between two lines of it

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


class Watched:
    """A socket that counts the disconnects it sees."""

    def __init__(self, kind):
        self.socket = context.socket(kind)
        self.socket.rcvtimeo = self.socket.sndtimeo = self.socket.linger = LIMIT * 1000
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)

    def disconnects(self):
        count = 0
        while self.monitor.poll(0):
            recv_monitor_message(self.monitor)
            count += 1
        return count

    def close(self):
        self.socket.disable_monitor()
        self.monitor.close()
        self.socket.close()


def connect(kind, port):
    watched = Watched(kind)
    watched.socket.connect("tcp://127.0.0.1:" + port)
    return watched


class Sequence:
    """What came of a sequence 1, 2, 3...; each number under a version that never goes back."""

    def __init__(self):
        self.next = 1
        self.missing = set()
        self.repeated = self.reordered = self.gap = 0
        self.version = b""
        self.came = self.told = time.monotonic()

    def take(self, number, version):
        if number == self.next:
            self.next += 1
        elif number > self.next:
            self.missing.update(range(self.next, number))
            self.next = number + 1
        elif number in self.missing:
            self.missing.discard(number)
            self.reordered += 1
        else:
            self.repeated += 1
        now = time.monotonic()
        if now - self.came > self.gap:
            self.gap = now - self.came
        self.came = now
        if version != self.version:
            self.version, self.first = version, now
        elif now - self.told < PROGRESS:
            return
        self.told = now
        say(version=version.decode(), first=self.first, at=now, number=number)

    def findings(self):
        return dict(messages=self.next - 1 - len(self.missing), lost=len(self.missing),
                    repeated=self.repeated, reordered=self.reordered, gap=self.gap)


def push(port, count):
    peer = connect(zmq.PUSH, port)
    send, number, count = peer.socket.send, 0, int(count)
    while number < count or not stopped.is_set():
        number += 1
        send(b"%d" % number)
    send(b"end %d" % number)
    say(sent=number)
    left.wait()
    say(sent=number, disconnects=peer.disconnects())
    peer.close()
    context.term()


def pull(every=None):
    peer = Watched(zmq.PULL)
    say(port=peer.socket.bind_to_random_port("tcp://127.0.0.1"))
    sequence, receive = Sequence(), peer.socket.recv_multipart
    while True:
        number, version = receive()
        if number.startswith(b"end"):
            break
        sequence.take(int(number), version)
    total = int(number[4:])
    sequence.missing.update(range(sequence.next, total + 1))
    sequence.next = max(sequence.next, total + 1)
    poisoned = 0
    if every:
        poison = set(range(int(every), total + 1, int(every)))
        poisoned = len(poison - sequence.missing)
        sequence.missing -= poison
    say(disconnects=peer.disconnects(), poisoned=poisoned, **sequence.findings())


def at(values, share):
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0


class Requester:
    """Asks again when there is no answer for `patience` seconds: that one is lost."""

    def __init__(self, port, name, patience):
        self.peer = connect(zmq.REQ, port)
        self.peer.socket.req_relaxed = self.peer.socket.req_correlate = 1
        self.name, self.patience, self.number, self.lost = name, patience, 0, 0

    def ask(self):
        self.number += 1
        self.asked = time.monotonic()
        self.peer.socket.send_multipart([self.name, b"%d" % self.number])

    def give_up(self, now):
        if now - self.asked > self.patience and not self.peer.socket.poll(0):
            self.lost += 1
            self.ask()

    def read(self):
        """The version of the answer, and whether it is not the one to the last question."""
        name, number, version = self.peer.socket.recv_multipart()
        return version, name != self.name or number != b"%d" % self.number


def request(port, count, clients, patience):
    requesters = {}
    poller = zmq.Poller()
    for i in range(int(clients)):
        requester = Requester(port, b"client %d" % i, float(patience))
        requesters[requester.peer.socket] = requester
        poller.register(requester.peer.socket, zmq.POLLIN)
        requester.ask()
    answers, wrong, count = 0, 0, int(count)
    latencies, stalls = [], []
    sequence = Sequence()
    while answers < count or not stopped.is_set():
        ready = poller.poll(100)
        now = time.monotonic()
        if len(ready) < len(requesters):
            for requester in requesters.values():
                requester.give_up(now)
        for socket, _ in ready:
            requester = requesters[socket]
            version, is_wrong = requester.read()
            wrong += is_wrong
            answers += 1
            took = time.monotonic() - requester.asked
            if answers > len(requesters):
                (latencies if version == sequence.version else stalls).append(took)
            sequence.take(answers, version)
            requester.ask()
    latencies.sort()
    stalls.sort()
    say(messages=answers, lost=sum(r.lost for r in requesters.values()), repeated=0,
        reordered=wrong, gap=sequence.gap, usual=at(latencies, 0.5), usual99=at(latencies, 0.99),
        longest=at(latencies, 1), stalls=len(stalls), stall50=at(stalls, 0.5),
        stall99=at(stalls, 0.99), stallmax=at(stalls, 1),
        disconnects=sum(r.peer.disconnects() for r in requesters.values()))


def echo(into, out, rate):
    pub, sub = connect(zmq.PUB, into), connect(zmq.SUB, out)
    sub.socket.subscribe(b"")
    heard = {b"echo": Sequence(), b"tick": Sequence()}
    while not sub.socket.poll(20):
        pub.socket.send_multipart([b"hello", b"0"])
    number, begun, rate, first_tick = 0, time.monotonic(), float(rate), None
    ended = None
    while ended is None or time.monotonic() < ended + LIMIT:
        now = time.monotonic()
        while ended is None and number < (now - begun) * rate:
            number += 1
            pub.socket.send_multipart([b"echo", b"%d" % number])
        if ended is None and stopped.is_set():
            ended = now
        if not sub.socket.poll(1):
            if ended and heard[b"echo"].next > number:
                break
            continue
        topic, value, version = sub.socket.recv_multipart()
        if topic == b"tick" and first_tick is None:
            first_tick = heard[topic].next = int(value)
        if topic in heard:
            heard[topic].take(int(value), version)
    echoes = heard[b"echo"]
    echoes.missing.update(range(echoes.next, number + 1))
    ticks = heard[b"tick"].findings()
    found = {key: value + ticks[key] for key, value in echoes.findings().items()}
    say(ticks=ticks["messages"] - (first_tick or 1) + 1, sent=number,
        **dict(found, disconnects=pub.disconnects() + sub.disconnects()))


{"push": push, "pull": pull, "request": request, "echo": echo}[sys.argv[1]](*sys.argv[2:])
