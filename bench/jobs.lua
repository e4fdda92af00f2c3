-- SPDX-License-Identifier: MIT
-- The jobs, in the order they run. Each is done by two sides, `base` and then the script:
--   name, about   what ./dev bench NAME takes, and words for people
--   base          floor (C), pyzmq, luajit, or alone (the same script with nothing idle beside it)
--   listener, connector
--                 the programs of a run; with a listener alone it is one process
--   peer          for luajit: the script in peers/
--   timed         the program whose seconds count, and the messages it must have seen
--   arguments     for all its programs; base_arguments: others for the base
--   count, quick  messages and the like in a run, and with --quick
--   share         how many get each message
--   measures      what is compared, see bench/measures.lua; cpu: whether processor time is too
--   aim           for the ratio of the first measure, for people

local jobs = {}

local function add(job)
  job.base = job.base or "floor"
  job.arguments = job.arguments or {}
  job.cpu = job.cpu ~= false
  jobs[#jobs + 1] = job
end

local function add_push_pull(name, about, job)
  job.name, job.about = name, about
  job.listener, job.connector, job.timed = "pull", "push", "pull"
  job.measures = job.measures or { "rate" }
  add(job)
end

add_push_pull("tcp-16", "push/pull, tcp, 16 B", {
  arguments = { size = 16 }, count = 2000000, quick = 2000, aim = ">= 1.0",
})
add_push_pull("tcp-256", "push/pull, tcp, 256 B", {
  arguments = { size = 256 }, count = 1000000, quick = 2000, aim = ">= 0.95",
})
add_push_pull("tcp-4k", "push/pull, tcp, 4 KB", {
  arguments = { size = 4096 }, count = 200000, quick = 1000, aim = ">= 0.95",
})
-- A thousand such messages in each queue would be a gigabyte.
add_push_pull("tcp-1m", "push/pull, tcp, 1 MB", {
  arguments = { size = 1048576, hwm = 10 }, count = 2000, quick = 20, aim = ">= 0.95",
})
add_push_pull("differ-16", "push/pull, tcp, 16 B, no two alike", {
  arguments = { size = 16, differ = 1 }, count = 2000000, quick = 2000,
})
add_push_pull("differ-1m", "push/pull, tcp, 1 MB, no two alike", {
  arguments = { size = 1048576, hwm = 10, differ = 1 }, count = 2000, quick = 20,
})
-- Over ipc, libzmq loses what a peer that has left had sent while the receiver was behind.
add_push_pull("ipc-16", "push/pull, ipc, 16 B", {
  arguments = { size = 16, transport = "ipc", stay = 1 }, count = 2000000, quick = 2000,
})
add_push_pull("frames-2", "push/pull, tcp, 2 frames of 16 B", {
  arguments = { size = 16, frames = 2 }, count = 1000000, quick = 2000,
})
add_push_pull("frames-8", "push/pull, tcp, 8 frames of 16 B", {
  arguments = { size = 16, frames = 8 }, count = 300000, quick = 1000,
})
add {
  name = "inproc-16", about = "send and receive in one thread, inproc, 16 B",
  listener = "inproc", timed = "inproc", measures = { "each" },
  arguments = { size = 16 }, count = 3000000, quick = 5000, aim = "<= 1.4",
}
add {
  name = "trip", about = "request/reply, tcp, 16 B",
  listener = "reply", connector = "request", timed = "request", measures = { "p50", "p99", "p999" },
  arguments = { size = 16, warmup = 1000 }, count = 20000, quick = 200, aim = "<= 1.05",
}
for _, subscribers in ipairs { 1, 10, 100 } do
  add {
    name = "pub-" .. subscribers, about = "pub to " .. subscribers .. " sub, tcp, 16 B, none dropped",
    listener = "publish", connector = "subscribe", timed = "subscribe", measures = { "rate" },
    arguments = { size = 16, subscribers = subscribers }, share = subscribers,
    count = 1000000 / subscribers, quick = 1000 / subscribers,
  }
end
for _, sockets in ipairs { 1, 100, 1000 } do
  add_push_pull("sockets-" .. sockets, sockets .. " pull, one busy, tcp, 16 B", {
    arguments = { size = 16, sockets = sockets }, count = 1000000, quick = 2000,
  })
end
add_push_pull("tasks-1", "1 task, tcp, 16 B", {
  arguments = { size = 16, tasks = 1 }, count = 1000000, quick = 2000,
})
for _, tasks in ipairs { 1000, 100000 } do
  add_push_pull("tasks-" .. tasks, tasks .. " tasks, one busy, tcp, 16 B", {
    base = "alone", arguments = { size = 16, tasks = tasks }, base_arguments = { size = 16, tasks = 1 },
    measures = { "each" }, count = 1000000, quick = 2000, aim = tasks == 100000 and "<= 1.1" or nil,
  })
end
add {
  name = "start", about = "start to end of an empty script", base = "luajit",
  listener = "start", timed = "start", measures = { "each" }, cpu = false,
  count = 30, quick = 3, aim = "<= 2",
}
add {
  name = "memory-task", about = "an idle task, beside a coroutine of luajit", base = "luajit",
  listener = "memory", timed = "memory", measures = { "bytes" }, cpu = false,
  peer = "coroutines", arguments = { what = "tasks" }, count = 100000, quick = 20000, aim = "<= 1500 bytes",
}
add {
  name = "memory-socket", about = "a bound socket",
  listener = "memory", timed = "memory", measures = { "bytes" }, cpu = false,
  arguments = { what = "sockets" }, count = 2000, quick = 500,
}
add {
  name = "memory-generation", about = "a small script's, beside a bare state of luajit", base = "luajit",
  peer = "states", listener = "generations", timed = "generations", measures = { "bytes" }, cpu = false,
  count = 100, quick = 5,
}
add_push_pull("pyzmq-tcp-16", "push/pull, tcp, 16 B, beside pyzmq", {
  base = "pyzmq", arguments = { size = 16 }, count = 1000000, quick = 2000, aim = ">= 3",
})
add {
  name = "pyzmq-trip", about = "request/reply, tcp, 16 B, beside pyzmq", base = "pyzmq",
  listener = "reply", connector = "request", timed = "request", measures = { "p50", "p99", "p999" },
  arguments = { size = 16, warmup = 1000 }, count = 20000, quick = 200,
}

return jobs
