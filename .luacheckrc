-- SPDX-License-Identifier: MIT
std = "luajit"
max_line_length = 110
self = false
ignore = { "21./_.*" } -- unused on purpose: named with a leading underscore

files["spec"] = { std = "+busted" }
