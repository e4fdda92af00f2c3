# SPDX-License-Identifier: MIT
"""What the pyzmq peers share: settings, given as key=value words; the report."""

import sys
import time

settings = {"count": 1, "warmup": 0, "size": 16}
for word in sys.argv[1:]:
    key, _, value = word.partition("=")
    settings[key] = int(value) if value.isdigit() else value

COUNT, WARMUP, SIZE = settings["count"], settings["warmup"], settings["size"]
ENDPOINT = settings.get("endpoint")


def listen(socket):
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    print(f"endpoint=tcp://127.0.0.1:{port}", flush=True)


def clocks():
    return time.perf_counter(), time.process_time()


def report(messages, before):
    seconds, cpu = (now - then for now, then in zip(clocks(), before))
    print(f"messages={messages}\nseconds={seconds:.9f}\ncpu={cpu:.9f}", flush=True)
