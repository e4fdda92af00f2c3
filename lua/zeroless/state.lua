-- SPDX-License-Identifier: MIT
-- zeroless.state as bytes, on its way from one generation to the next: plain data, checked first, so that
-- what cannot be carried is named by its place.

local buffer = require "string.buffer"

local state = {}

local plain = { string = true, number = true, boolean = true }

-- state.users["a b"][3]
local function place(path, key)
  if type(key) == "string" and key:match "^[%a_][%w_]*$" then return path .. "." .. key end
  return ("%s[%s]"):format(path, type(key) == "string" and ("%q"):format(key) or tostring(key))
end

local check

local function check_table(value, path, above)
  if above[value] then
    error(("%s cannot be carried over: it is also the table around it"):format(path), 0)
  end
  if getmetatable(value) ~= nil then
    error(("%s cannot be carried over: it has a metatable; keep plain data in zeroless.state"):format(path), 0)
  end
  above[value] = true
  for key, item in next, value do
    if not plain[type(key)] then
      error(("%s has a key that cannot be carried over: a %s"):format(path, type(key)), 0)
    end
    check(item, place(path, key), above)
  end
  above[value] = nil
end

function check(value, path, above)
  local kind = type(value)
  if kind == "table" then
    check_table(value, path, above)
  elseif not plain[kind] then
    error(("%s cannot be carried over: it is a %s; keep plain data in zeroless.state"):format(path, kind), 0)
  end
end

-- The bytes of a table of strings, numbers, booleans and such tables. Raises, with the place of what it
-- cannot carry.
function state.pack(value)
  if type(value) ~= "table" then
    error(("zeroless.state cannot be carried over: it is a %s, not a table"):format(type(value)), 0)
  end
  check(value, "zeroless.state", {})
  return buffer.encode(value)
end

-- The table again. The bytes must be pack's own.
function state.unpack(bytes)
  return buffer.decode(bytes)
end

return state
