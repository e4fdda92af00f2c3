-- SPDX-License-Identifier: MIT
-- One process of the chaos: it is started with a plan, disturbed as the plan says, and told to end. What it
-- owes: to end in time, by itself, with an exit code that docs/api.md has, and with nothing broken.

local process = require "spec.soak.process"
local uv = require "luv"
local zeroless = require "zeroless"

local trial = {}

local START_LIMIT = 60 -- seconds until the script begins
local END_MARGIN = 5 -- seconds beside the drain timeout
local RELOAD_LIMIT = 12 -- seconds that a reload may wait where nothing keeps it waiting

-- 3 and 4 are those of pieces, 13 and 14 those of starts of new code.
local start_codes = { [13] = true, [14] = true }
local known_codes = { [0] = true, [1] = true, [69] = true, [75] = true, [3] = true, [4] = true }
for code in pairs(start_codes) do known_codes[code] = true end

local marks = {
  { "AddressSanitizer", "sanitizer" }, { "LeakSanitizer", "sanitizer" }, { "runtime error: ", "sanitizer" },
  { "ThreadSanitizer", "sanitizer" }, { "WRONG FRAMES", "wrong frames" }, { "PANIC", "panic" },
  { "Assertion ", "assertion" },
}

local function write(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

local function prepare(plan, words)
  local folder = assert(uv.fs_mkdtemp("/tmp/zlrun-chaos-XXXXXX"))
  local own = setmetatable({ DIR = folder }, { __index = words })
  os.execute(("mkfifo %s/fifo"):format(folder))
  write(folder .. "/data.txt", "data\n")
  write(folder .. "/main.lua", plan:text(1, own))
  return folder, own
end

local function command_of(plan, folder, host)
  -- A runner that is killed takes it along; one in an endless loop that nobody ends is ended.
  local list = {
    "/usr/bin/setpriv", "--pdeathsig", "KILL", "/usr/bin/prlimit", "--cpu=120", "--core=0", host,
    "--drain-timeout", tostring(plan.drain), cwd = folder,
  }
  for _, part in plan:each "option" do
    for _, word in ipairs(part.words) do list[#list + 1] = word end
  end
  list[#list + 1] = "main.lua"
  return list
end

-- Looks at every line as it comes.
local function listen(run, line)
  run.lines = run.lines + 1
  if run.lines <= 2000 or #run.log < 2100 then
    run.log[#run.log + 1] = line
  else
    run.log[2001 + run.lines % 100] = line
  end
  for _, mark in ipairs(marks) do
    if line:find(mark[1], 1, true) then run.mark, run.mark_line = run.mark or mark[2], run.mark_line or line end
  end
  local started, alive = line:match "^chaos: started (%d+)", line:match "^chaos: alive (%d+)"
  if started then run.started = tonumber(started) end
  if alive then run.alive, run.alive_at, run.is_serving = tonumber(alive), zeroless.now(), true end
  if line:find("has failed; its sockets", 1, true) or line:find("the script has ended", 1, true) then
    run.is_serving = false
  end
  if line:find("the reload waits", 1, true) then
    run.waits = run.waits or zeroless.now()
  elseif line:find("reloaded", 1, true) or line:find("reload failed", 1, true)
    or line:find("has failed; its sockets", 1, true) then
    run.waits = nil
  end
end

local function await(run, seconds, condition)
  local deadline = zeroless.now() + seconds
  while not run.child.code and zeroless.now() < deadline and not (condition and condition()) do
    zeroless.sleep(0.005)
  end
  return run.child.code or condition and condition()
end

local happen = {}

function happen.save(run, event)
  write(run.folder .. "/main.lua", run.plan:text(event.version, run.words))
end

function happen.replace(run, event)
  write(run.folder .. "/.main.lua.new", run.plan:text(event.version, run.words))
  assert(os.rename(run.folder .. "/.main.lua.new", run.folder .. "/main.lua"))
end

function happen.touch(run)
  write(run.folder .. "/data.txt", "changed\n")
end

function happen.hup(run, event)
  for _ = 1, event.times do
    run.child:kill "sighup"
    if event.times > 5 then zeroless.sleep(0.001) end
  end
end

local function live(run)
  await(run, START_LIMIT, function() return run.started end)
  if not run.started then
    run.verdict = "did not start"
    return
  end
  await(run, run.plan.life / 4)
  for _, event in run.plan:each "event" do
    await(run, event.after)
    if run.child.code then return end
    happen[event.action](run, event)
  end
  await(run, run.plan.life * 3 / 4)
  if run.plan.prompt and run.waits then
    await(run, RELOAD_LIMIT, function() return not run.waits end)
    if run.waits and not run.child.code then run.verdict = "reload hangs" end
  end
end

-- Where the threads of a process that hangs are.
local function look_at(pid)
  local found = {}
  local entries = uv.fs_scandir(("/proc/%d/task"):format(pid))
  while entries do
    local name = uv.fs_scandir_next(entries)
    if not name then break end
    local file = io.open(("/proc/%d/task/%s/stat"):format(pid, name))
    local wchan = io.open(("/proc/%d/task/%s/wchan"):format(pid, name))
    found[#found + 1] = ("%s %s"):format(file and file:read "*a":match "%((.-%) %S)" or "?",
      wchan and wchan:read "*a" or "?")
    if file then file:close() end
    if wchan then wchan:close() end
  end
  return table.concat(found, "; ")
end

local function finish(run)
  local since = zeroless.now()
  run.child:kill "sigterm"
  if not await(run, run.plan.drain + END_MARGIN * run.patience) then
    run.where = look_at(run.child.pid)
    run.child:kill "sigkill"
    await(run, 10)
    run.verdict = run.verdict or "hangs"
  end
  run.took = zeroless.now() - since
  local deadline = zeroless.now() + 2
  while run.child.open > 0 and zeroless.now() < deadline do zeroless.sleep(0.005) end
end

-- New code whose start ended the process, while the code before served.
local function has_ended_good_code(run, ended_at)
  return start_codes[run.child.code] and run.started > 1 and run.is_serving and run.alive < run.started
    and ended_at - run.alive_at < 0.25
end

local function judge(run)
  if run.mark then return run.mark end
  if run.verdict then return run.verdict end
  if run.child.signal ~= 0 then return "signal " .. run.child.signal end
  if not known_codes[run.child.code] then return "exit code " .. run.child.code end
  if has_ended_good_code(run, run.ended) then return "new code ended the good code" end
end

local function keep(run)
  local list = { "seed " .. run.plan.seed, "parts " .. table.concat(run.plan:numbers(), ","),
    "command " .. table.concat(command_of(run.plan, run.folder, run.host), " ") }
  for number, event in run.plan:each "event" do
    list[#list + 1] = ("part %d: after %g s %s%s"):format(number, event.after, event.action,
      event.version and " version " .. event.version or " " .. (event.times or ""))
  end
  list[#list + 1] = ("verdict %s, code %s, signal %s, %.2f s after SIGTERM"):format(run.verdict,
    tostring(run.child.code), tostring(run.child.signal), run.took or 0)
  if run.where then list[#list + 1] = "threads: " .. run.where end
  list[#list + 1] = ""
  for _, line in ipairs(run.log) do list[#list + 1] = line end
  write(run.folder .. "/report.txt", table.concat(list, "\n") .. "\n")
  for version = 1, run.plan.versions do
    write(("%s/version-%d.lua"):format(run.folder, version), run.plan:text(version, run.words))
  end
end

-- Runs a plan with this host; `words` are addresses. Returns the process's run, with verdict: nil if all is
-- as it must be, else a short text; the folder is then kept, with report.txt in it.
function trial.run(plan, host, words, patience)
  local run = { plan = plan, host = host, log = {}, lines = 0, patience = patience or 1 }
  run.folder, run.words = prepare(plan, words)
  run.child = process.start(command_of(plan, run.folder, host), nil, function(line) listen(run, line) end)
  live(run)
  run.ended = zeroless.now()
  finish(run)
  run.verdict = judge(run)
  if not run.child.input:is_closing() then run.child.input:close() end
  if run.verdict then
    keep(run)
  else
    os.execute(("rm -rf '%s'"):format(run.folder))
  end
  return run
end

return trial
