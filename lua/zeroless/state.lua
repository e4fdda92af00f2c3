-- SPDX-License-Identifier: MIT
-- zeroless.state as bytes, on its way from one generation to the next: plain data, checked first, so that
-- what cannot be carried is named by its place. Messages wait meanwhile: the first look marks nothing and
-- writes no places; only where it objects, a second one looks closely.

local ffi = require "ffi"
local buffer = require "string.buffer"

local state = {}

local plain = { string = true, number = true, boolean = true }

-- string.buffer goes no deeper; the most tables that come to be because one is found in several places.
local DEEPEST, COPIES = 100, 100000

-- state.users["a b"][3]
local function place(path, key)
  if type(key) == "string" and key:match "^[%a_][%w_]*$" then return path .. "." .. key end
  return ("%s[%s]"):format(path, type(key) == "string" and ("%q"):format(key) or tostring(key))
end

-- Whether there is nothing in the table that cannot be carried, and how many more tables may be looked at.
-- A table that holds itself, or others many times, comes to the end of depth or of tables.
local function is_plain(value, depth, left)
  if depth > DEEPEST or left <= 0 or getmetatable(value) ~= nil then return false, left end
  left = left - 1
  for key, item in next, value do
    if not plain[type(key)] then return false, left end
    local kind = type(item)
    if kind == "table" then
      local ok
      ok, left = is_plain(item, depth + 1, left)
      if not ok then return false, left end
    elseif not plain[kind] then
      return false, left
    end
  end
  return true, left
end

local function refuse(path, why, ...)
  error(("%s cannot be carried over: " .. why):format(path, ...), 0)
end

local check

-- The number of tables that its copy has. `sizes` has those of the tables seen before, and false for those
-- around this one.
local function check_table(value, path, depth, sizes, copied)
  local size = sizes[value]
  if size == false then refuse(path, "it is also the table around it") end
  if size then
    copied.count = copied.count + size
    if copied.count > COPIES then
      refuse(path, "its tables are found in so many places that more than %d copies would be made", COPIES)
    end
    return size
  end
  if getmetatable(value) ~= nil then refuse(path, "it has a metatable; keep plain data in zeroless.state") end
  if depth > DEEPEST then refuse(path, "it is more than %d tables deep", DEEPEST) end
  size, sizes[value] = 1, false
  for key, item in next, value do
    if not plain[type(key)] then
      error(("%s has a key that cannot be carried over: a %s"):format(path, type(key)), 0)
    end
    size = size + check(item, path, key, depth, sizes, copied)
  end
  sizes[value] = size
  return size
end

function check(item, path, key, depth, sizes, copied)
  local kind = type(item)
  if kind == "table" then return check_table(item, place(path, key), depth + 1, sizes, copied) end
  if not plain[kind] then refuse(place(path, key), "it is a %s; keep plain data in zeroless.state", kind) end
  return 0
end

-- A table takes 32 bytes at least; one that would be looked at more often is found in many places.
local function count_at_most()
  return math.min(collectgarbage "count" * 1024 / 32, 4e6)
end

-- A buffer with the bytes of a table of strings, numbers, booleans and such tables. Raises, with the place
-- of what it cannot carry.
function state.pack(value)
  if type(value) ~= "table" then
    error(("zeroless.state cannot be carried over: it is a %s, not a table"):format(type(value)), 0)
  end
  if not is_plain(value, 1, count_at_most()) then check_table(value, "zeroless.state", 1, {}, { count = 0 }) end
  local bytes = buffer.new():encode(value)
  local data, size = bytes:ref()
  return bytes, tonumber(ffi.cast("uintptr_t", data)), size
end

-- The table again. The bytes, given by their address, must be pack's own. There is no garbage among what
-- they become, so none is looked for.
function state.unpack(address, size)
  collectgarbage "stop"
  local bytes = buffer.new():set(ffi.cast("const char *", ffi.cast("uintptr_t", address)), size)
  local ok, value = pcall(bytes.decode, bytes)
  collectgarbage "restart"
  if not ok then error(value, 0) end
  return value
end

return state
