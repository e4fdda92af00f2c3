-- SPDX-License-Identifier: MIT
std = "luajit"
max_line_length = 120
self = false
ignore = { "21./_.*" } -- unused on purpose: named with a leading underscore

files["spec"] = { std = "+busted" }
files["lua/zeroless/coroutine.lua"] = { globals = { "coroutine" } } -- replaces its functions
