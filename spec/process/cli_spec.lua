-- SPDX-License-Identifier: MIT
-- The command: its options, what a script sees of them, and the exit codes.

local support = require "spec.support"

local function run(...) return support.run_host { ... } end

describe("zlrun SCRIPT", function()
  it("runs the script, with its arguments in ... and arg", function()
    local path = support.file [[
print(select("#", ...), ...)
print(#arg, arg[0], arg[1], arg[2], arg[3])]]
    local child = run(path, "a", "", "--version")
    assert.equal(0, child.code, child.stderr)
    assert.equal(("3\ta\t\t--version\n3\t%s\ta\t\t--version\n"):format(path), child.stdout)
  end)

  it("has the host's own words in arg before 0, as luajit has", function()
    local child = run("--log-level", "warn", support.file "print(arg[-1], arg[-2], arg[-3] ~= nil)")
    assert.equal("warn\t--log-level\ttrue\n", child.stdout)
  end)

  it("sees as many arguments as there are", function()
    local arguments = { support.file "print(select('#', ...), (select(-1, ...)))" }
    for i = 1, 5000 do arguments[i + 1] = i end
    assert.equal("5000\t5000\n", support.run_host(arguments).stdout)
  end)

  it("takes a script that begins with a shebang, and counts its lines", function()
    local child = run(support.file "#!/usr/bin/env zlrun\nprint 'ran'\nerror 'third'")
    assert.equal("ran\n", child.stdout)
    assert.matches("script.lua:3: third", child.stderr)
  end)

  it("can be the interpreter of an executable script", function()
    local path = support.file("#!" .. support.host .. "\nprint('ran', ...)")
    assert.is_true(os.execute("chmod +x '" .. path .. "'") == 0)
    local child = support.start({ path, "x" }):wait()
    assert.equal("ran\tx\n", child.stdout, child.stderr)
  end)

  it("takes compiled scripts", function()
    local bytecode = string.dump(assert(loadstring "print('compiled', ...)"))
    local child = run(support.file(bytecode, "script.luac"), "x")
    assert.equal("compiled\tx\n", child.stdout, child.stderr)
  end)

  it("takes a file whose name begins with a dash after --", function()
    local path = support.file("print 'dash'", "-x.lua")
    local child = support.run_host { "--", "-x.lua", cwd = path:match "^(.*)/" }
    assert.equal("dash\n", child.stdout, child.stderr)
  end)

  it("finds its modules as luajit does, zeroless in itself, and nothing else in its place", function()
    local path = support.file "print(require 'helper')"
    local folder = path:match "^(.*)/"
    for name, text in pairs { ["helper.lua"] = "return 'helped'", ["zeroless.lua"] = "return 'foreign'" } do
      local file = assert(io.open(folder .. "/" .. name, "w"))
      file:write(text)
      file:close()
    end
    local child = support.run_host { "script.lua", cwd = folder }
    assert.equal("helped\n", child.stdout, child.stderr)
    child = support.run_host { "-e", "print(type(require 'zeroless'))", cwd = folder }
    assert.equal("table\n", child.stdout, child.stderr)
  end)

  it("behaves as under luajit when it uses no sockets", function()
    local path = support.file [[
local ffi, bit = require "ffi", require "bit"
ffi.cdef "int abs(int);"
print(ffi.C.abs(-3), bit.bxor(5, 1), _VERSION, jit.version)
print(table.concat({ ("x"):rep(3), #arg, select(2, pcall(error, "caught")) }, " "))
local sum = 0
for i = 1, 1e6 do sum = sum + i end
print(sum, coroutine.wrap(function(...) return ... end)(1, 2))
print(package.path, package.cpath)
local names = {}
for name in pairs(_G) do names[#names + 1] = name end
table.sort(names)
print(table.concat(names, " "))
for line in io.lines() do print(line) end
os.exit(9)]]
    local reference, ours = support.start { "luajit", path }, support.start_host { path }
    for _, child in ipairs { reference, ours } do child:write "from\nstandard input\n" end
    reference:wait()
    ours:wait()
    assert.equal(reference.stdout, ours.stdout, ours.stderr)
    assert.equal(9, reference.code)
    assert.equal(9, ours.code)
  end)
end)

describe("zlrun -", function()
  it("runs standard input", function()
    local child = support.run_host { "-", "a", "b", stdin = "print(arg[0], ...)\nerror 'second'" }
    assert.equal("-\ta\tb\n", child.stdout)
    assert.equal(1, child.code)
    assert.matches("stdin:2: second", child.stderr)
  end)
end)

describe("zlrun -e", function()
  it("runs the code, with arguments", function()
    local child = run("-e", "print('code', select('#', ...), ...)", "a", "b")
    assert.equal(0, child.code)
    assert.equal("code\t2\ta\tb\n", child.stdout)
  end)

  it("names its lines (command line)", function()
    local child = run("-e", "\nerror 'here'")
    assert.equal(1, child.code)
    assert.matches("zlrun: (command line):2: here\nstack traceback:", child.stderr, 1, true)
  end)

  it("without code is wrong usage", function()
    assert.equal(2, run("-e").code)
  end)

  it("twice is wrong usage: nothing is left out silently", function()
    local child = run("-e", "print 'one'", "-e", "print 'two'")
    assert.equal(2, child.code)
    assert.equal("", child.stdout)
    assert.matches("-e takes all the code at once", child.stderr, 1, true)
  end)
end)

describe("zlrun -l", function()
  it("requires modules first, in order", function()
    local path = support.file("print(one, two)")
    local folder = path:match "^(.*)/"
    for name, text in pairs { one = "one = 1", two = "two = one + 1" } do
      local file = assert(io.open(("%s/%s.lua"):format(folder, name), "w"))
      file:write(text)
      file:close()
    end
    local child = support.run_host { "-l", "one", "-ltwo", "script.lua", cwd = folder }
    assert.equal("1\t2\n", child.stdout, child.stderr)
  end)

  it("of what is not there ends with exit code 1 and its name", function()
    local child = run("-l", "no.such.module", "-e", "print 'unreachable'")
    assert.equal(1, child.code)
    assert.equal("", child.stdout)
    assert.matches("module 'no.such.module' not found", child.stderr, 1, true)
  end)
end)

describe("zlrun -j", function()
  it("off and on switch the JIT compiler", function()
    assert.equal("false\n", run("-joff", "-e", "print((jit.status()))").stdout)
    assert.equal("false\n", run("-j", "off", "-e", "print((jit.status()))").stdout)
    assert.equal("true\n", run("-joff", "-jon", "-e", "print((jit.status()))").stdout)
  end)

  it("runs a module jit.*, with arguments", function()
    local out = support.folder() .. "/trace"
    local child = run("-jv=" .. out, "-e", "for i = 1, 1000 do local x = i * 2 end")
    assert.equal(0, child.code, child.stderr)
    local file = io.open(out)
    assert.is_not_nil(file, "no output of jit.v")
    file:close()
  end)

  it("of what is not there ends with exit code 1 and its name", function()
    local child = run("-j", "nonsense", "-e", "print 'unreachable'")
    assert.equal(1, child.code)
    assert.matches("nonsense", child.stderr)
  end)
end)

describe("the suite's own switch", function()
  it("runs the specs and their children with the JIT on or off", function()
    assert.equal(support.jit, (jit.status()))
    assert.equal(tostring(support.jit) .. "\n", run("-e", "print((jit.status()))").stdout)
  end)
end)

describe("zlrun --version", function()
  it("names zlrun and what it stands on", function()
    local child = run "--version"
    assert.equal(0, child.code)
    assert.matches("^zlrun %d+%.%d+%.%d+ %(LuaJIT 2%.1[^,]*, libzmq 4%.%d+%.%d+, libuv 1%.%d+%.%d+%)\n$",
      child.stdout)
  end)
end)

describe("zlrun --help", function()
  it("shows the options and exit codes on standard output", function()
    for _, option in ipairs { "--help", "-h" } do
      local child = run(option)
      assert.equal(0, child.code)
      assert.equal("", child.stderr)
      for _, word in ipairs { "SCRIPT", "-e", "-l", "-j", "--log-level", "--log-format", "--drain-timeout",
        "--max-memory", "--version", "75", "130" } do
        assert.matches(word, child.stdout, 1, true)
      end
    end
  end)
end)

describe("wrong usage ends with exit code 2 and a word about it:", function()
  local cases = {
    ["no script"] = { {}, "no script given" },
    ["an unknown option"] = { { "--no-such-option", "x.lua" }, "no-such-option" },
    ["an unknown letter"] = { { "-q", "x.lua" }, "q" },
    ["a level that is none"] = { { "--log-level", "loud", "-e", "" }, "--log-level takes debug, info" },
    ["a format that is none"] = { { "--log-format", "xml", "-e", "" }, "--log-format takes text" },
    ["a drain timeout that is none"] = { { "--drain-timeout", "soon", "-e", "" }, "--drain-timeout takes" },
    ["a negative drain timeout"] = { { "--drain-timeout=-1", "-e", "" }, "--drain-timeout takes" },
    ["an endless drain timeout"] = { { "--drain-timeout", "inf", "-e", "" }, "--drain-timeout takes" },
    ["a time with a unit"] = { { "--drain-timeout", "10s", "-e", "" }, "--drain-timeout takes" },
    ["an empty number"] = { { "--drain-timeout", "", "-e", "" }, "--drain-timeout takes" },
    ["no memory"] = { { "--max-memory", "0", "-e", "" }, "--max-memory takes" },
    ["memory that is no number"] = { { "--max-memory", "nan", "-e", "" }, "--max-memory takes" },
    ["an option without its value"] = { { "--log-level" }, "log-level" },
  }
  for name, case in pairs(cases) do
    it(name, function()
      local child = support.run_host(case[1])
      assert.equal(2, child.code)
      assert.equal("", child.stdout)
      assert.matches(case[2], child.stderr, 1, true)
    end)
  end
end)

describe("the exit code", function()
  it("is 0 for a script that ends, whatever it returns", function()
    for _, text in ipairs { "", "return 7", "return false", "return nil, 'x'" } do
      assert.equal(0, run(support.file(text)).code)
    end
  end)

  it("is 1 for an uncaught error, with a traceback of the script's lines", function()
    local child = run(support.file [[
local function inner()
  error "told"
end
local function outer()
  inner()
  return 1
end
outer()]])
    assert.equal(1, child.code)
    assert.matches("^zlrun: [^\n]*script.lua:2: told\nstack traceback:\n", child.stderr)
    assert.matches("script.lua:2: in function 'inner'", child.stderr)
    assert.matches("script.lua:5: in function 'outer'", child.stderr)
    assert.matches("script.lua:8: in main chunk", child.stderr)
  end)

  it("is 1 for errors that are no strings", function()
    for text, shown in pairs {
      ["error({})"] = "(error object is a table value)",
      ["error(nil)"] = "",
      ["error(false)"] = "(error object is a boolean value)",
      ["error(12)"] = "12",
      ["error(setmetatable({}, { __tostring = function() return 'told' end }))"] = "told",
      ["error(setmetatable({}, { __tostring = function() error 'worse' end }))"] = "",
      ["error('a\\0b')"] = "a",
    } do
      local child = run("-e", text)
      assert.equal(1, child.code, text)
      assert.matches(shown, child.stderr, 1, true)
    end
  end)

  it("is 1 for a script that does not compile, with the line", function()
    local child = run(support.file "\nlocal = 1")
    assert.equal(1, child.code)
    assert.matches("script.lua:2: '<name>' expected", child.stderr)
  end)

  it("is 66 for a script that is not there, or is a folder", function()
    local child = run "/no/such/script.lua"
    assert.equal(66, child.code)
    assert.matches("no script /no/such/script.lua: No such file or directory", child.stderr, 1, true)
    assert.equal(66, run "/tmp".code)
  end)

  it("is 66 with a hint where .lua was forgotten", function()
    local path = support.file "print 'x'"
    local child = run((path:gsub("%.lua$", "")))
    assert.equal(66, child.code)
    assert.matches("did you mean " .. path, child.stderr, 1, true)
  end)

  it("is 69 for an endpoint that is not to be had", function()
    local server = require "zeroless".Server { host = "127.0.0.1" }
    server:pull()
    local child = run(support.file(([[
require "zeroless".Server { port = %d, host = "127.0.0.1" }:pull()]]):format(server.port)))
    assert.equal(69, child.code)
    assert.matches(("Port %d is already in use"):format(server.port), child.stderr)
    child = run("-e", [[require "zeroless".Server { endpoint = "ipc:///no/such/folder/x" }:pull()]])
    server:close()
    assert.equal(69, child.code)
  end)

  it("is 1 for another error after a caught one of that kind", function()
    local child = run(support.file [[
pcall(function() require "zeroless".Server { endpoint = "ipc:///no/such/folder/x.sock" }:pull() end)
error "something else"]])
    assert.equal(1, child.code)
  end)

  it("is what os.exit says", function()
    for text, code in pairs {
      ["os.exit()"] = 0,
      ["os.exit(true)"] = 0,
      ["os.exit(false)"] = 1,
      ["os.exit(0)"] = 0,
      ["os.exit(255)"] = 255,
      ["coroutine.wrap(os.exit)(7)"] = 7,
      ["pcall(os.exit, 8)"] = 8,
      ["table.sort({ 1, 2 }, function() os.exit(9) end)"] = 9,
    } do
      assert.equal(code, run("-e", text).code, text)
    end
  end)
end)

describe("what a script prints", function()
  it("comes before the error that ends it", function()
    local path = support.file "io.write 'printed ' error 'failed'"
    local child = support.start({ "/bin/sh", "-c", ("'%s' '%s' 2>&1"):format(support.host, path) }):wait()
    assert.matches("^printed zlrun: [^\n]*failed", child.stdout)
  end)

  it("is written to its end when it leaves by os.exit", function()
    assert.equal(("x"):rep(10000), run("-e", "io.write(('x'):rep(10000)) os.exit(0)").stdout)
  end)
end)
