-- SPDX-License-Identifier: MIT
-- For luajit: what bare Lua states take that have their libraries open (count=N), by the process's
-- resident size before and after. The least that a generation can take.

local ffi = require "ffi"

ffi.cdef [[
typedef struct lua_State lua_State;
lua_State *luaL_newstate(void);
void luaL_openlibs(lua_State *L);
]]

local count = tonumber(table.concat(arg, " "):match "count=(%d+)")

local function resident()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "^VmRSS:%s*(%d+)"
    if kilobytes then return tonumber(kilobytes) * 1024 end
  end
end

collectgarbage()
local before, began = resident(), os.clock()
for _ = 1, count do ffi.C.luaL_openlibs(ffi.C.luaL_newstate()) end
local bytes, cpu = resident() - before, os.clock() - began
print(("messages=%d\nseconds=%.9f\ncpu=%.9f\nbytes=%.1f"):format(count, cpu, cpu, bytes / count))
