-- SPDX-License-Identifier: MIT
-- The documents point to what is there: links, scripts, specs and the cases that docs/hazards.md names.

local support = require "spec.support"
local uv = require "luv"

local documents = {
  "README.md", ".github/CONTRIBUTING.md", ".github/SECURITY.md", "scripts/README.md", "scripts/hot_reload/README.md",
}
for name in uv.fs_scandir_next, assert(uv.fs_scandir(support.root .. "/docs")) do
  documents[#documents + 1] = "docs/" .. name
end

local function exists(path)
  return uv.fs_stat(support.root .. "/" .. path) ~= nil
end

local function read(path)
  local file = assert(io.open(support.root .. "/" .. path))
  local text = file:read "*a"
  file:close()
  return text
end

-- As GitHub makes the anchors of headings.
local function anchors(text)
  local found = {}
  for heading in ("\n" .. text):gmatch "\n#+ ([^\n]+)" do
    found[heading:lower():gsub("[^%w _-]", ""):gsub(" ", "-")] = true
  end
  return found
end

for _, document in ipairs(documents) do
  describe(document, function()
    local text = read(document)
    local folder = document:match "^(.*/)" or ""

    it("links to files and headings that exist", function()
      for target in text:gmatch "%]%(([^)]+)%)" do
        local path, anchor = target:match "^([^#]*)#?(.*)$"
        if not path:find "^https?:" then
          local whole = path == "" and document or folder .. path
          assert.is_true(exists(whole), target)
          if anchor ~= "" then assert.is_true(anchors(read(whole))[anchor] or false, target) end
        end
      end
    end)

    it("names scripts and specs that exist", function()
      for _, pattern in ipairs { "%f[%w]scripts/[%w_/]+%.lua", "%f[%w]spec/[%w_/]+%.%a+" } do
        for path in text:gmatch(pattern) do
          assert.is_true(exists(path), path)
        end
      end
    end)
  end)
end

describe("docs/hazards.md", function()
  local text = read "docs/hazards.md"

  it("names specs that guard its rows, by cases that they have", function()
    local cases = 0
    for path, case in text:gmatch '(spec/[%w_/]+%.lua) "([^"]+)"' do
      cases = cases + 1
      assert.is_truthy(read(path):find(case, 1, true), path .. ": " .. case)
    end
    assert.is_true(cases > 10)
  end)

  it("has a spec or the word open in each row, and each number once", function()
    local rows = {}
    for number, rest in text:gmatch "\n| (%d+) |([^\n]*)" do
      assert.is_nil(rows[number], number)
      rows[number] = true
      local is_documented = rest:find "documented in %["
      assert.is_truthy(rest:find("spec/", 1, true) or rest:find("**open**", 1, true) or is_documented
        or rest:find("./dev test", 1, true), number)
    end
    for number = 1, 38 do assert.is_true(rows[tostring(number)], number) end
  end)

  it("has every row that a spec cites", function()
    local specs = io.popen(("grep -rhoE 'hazards.md, row [0-9]+' '%s/spec'"):format(support.root))
    for line in specs:lines() do
      local number = line:match "%d+$"
      assert.is_truthy(text:find("\n| " .. number .. " |", 1, true), number)
    end
    specs:close()
  end)
end)
