-- SPDX-License-Identifier: MIT
-- Serializes zeroless.state for the next generation: plain data, validated first, so that an error names the
-- place of what cannot be carried over. Messages wait meanwhile, so a fast first check keeps no record of
-- tables or places; only if it fails, a second check examines everything.

local ffi = require "ffi"
local buffer = require "string.buffer"

local state = {}

local plain = { string = true, number = true, boolean = true }

-- The nesting limit of string.buffer; the most table copies caused by tables that are referenced from several
-- places.
local DEEPEST, COPIES = 100, 100000

-- state.users["a b"][3]
local function place(path, key)
  if type(key) == "string" and key:match "^[%a_][%w_]*$" then return path .. "." .. key end
  return ("%s[%s]"):format(path, type(key) == "string" and ("%q"):format(key) or tostring(key))
end

-- Whether the table is plain data, and how many more tables may be checked. A table that contains itself, or
-- that contains others many times, reaches the limit of depth or of tables.
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

-- The number of tables in a copy of `value`. `sizes` holds this number for tables already checked, and false
-- for those that contain this one.
local function check_table(value, path, depth, sizes, copied)
  local size = sizes[value]
  if size == false then refuse(path, "it is a reference to a table that contains it") end
  if size then
    copied.count = copied.count + size
    if copied.count > COPIES then
      refuse(path, "its tables are referenced from so many places that more than %d copies would be made", COPIES)
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

-- The limit of tables to check: a table takes at least 32 bytes, so a higher number means that tables are
-- referenced many times.
local function count_at_most()
  return math.min(collectgarbage "count" * 1024 / 32, 4e6)
end

-- Serializes a table of strings, numbers, booleans and such tables. Returns the buffer, the address of its
-- bytes and their number. Raises, naming the place, for anything else.
function state.pack(value)
  if type(value) ~= "table" then
    error(("zeroless.state cannot be carried over: it is a %s, not a table"):format(type(value)), 0)
  end
  if not is_plain(value, 1, count_at_most()) then check_table(value, "zeroless.state", 1, {}, { count = 0 }) end
  local bytes = buffer.new():encode(value)
  local data, size = bytes:ref()
  return bytes, tonumber(ffi.cast("uintptr_t", data)), size
end

-- Restores the table from bytes made by pack, given by their address. The collector is stopped meanwhile,
-- because decoding creates no garbage.
function state.unpack(address, size)
  collectgarbage "stop"
  local bytes = buffer.new():set(ffi.cast("const char *", ffi.cast("uintptr_t", address)), size)
  local ok, value = pcall(bytes.decode, bytes)
  collectgarbage "restart"
  if not ok then error(value, 0) end
  return value
end

return state
