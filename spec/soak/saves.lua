-- SPDX-License-Identifier: MIT
-- Every way in which a file on disk becomes another one, as editors, deployments and Kubernetes do it. A
-- maker is given a folder and a text with the first version, and returns a function that saves the next.

local project = require "spec.soak.project"
local support = require "spec.support"
local uv = require "luv"

local saves = {}

local function run(...)
  local command = table.concat({ ... }, " ")
  if os.execute(command .. " >/dev/null 2>&1") ~= 0 then error("failed: " .. command, 0) end
end

saves["in-place"] = function(folder, text)
  project.write(folder .. "/main.lua", text)
  return function(next_text) project.write(folder .. "/main.lua", next_text) end
end

saves.rename = function(folder, text)
  project.write(folder .. "/main.lua", text)
  return function(next_text)
    project.write(folder .. "/main.lua~", next_text)
    assert(os.rename(folder .. "/main.lua~", folder .. "/main.lua"))
  end
end

-- main.lua is a link to a release.
saves.symlink = function(folder, text)
  local release = 0
  local function save(next_text)
    release = release + 1
    local name = ("release-%d.lua"):format(release)
    project.write(folder .. "/" .. name, next_text)
    run("ln -sfn", name, folder .. "/main.lua")
  end
  save(text)
  return save
end

-- A volume of Kubernetes: main.lua -> ..data/main.lua, ..data -> a folder with a date in its name.
saves.data = function(folder, text)
  local release = 0
  local function save(next_text)
    local before = ("%s/..release_%d"):format(folder, release)
    release = release + 1
    local name = ("..release_%d"):format(release)
    assert(uv.fs_mkdir(folder .. "/" .. name, 493))
    project.write(("%s/%s/main.lua"):format(folder, name), next_text)
    assert(uv.fs_symlink(name, folder .. "/..data_tmp"))
    assert(os.rename(folder .. "/..data_tmp", folder .. "/..data"))
    if release > 1 then run("rm -r", before) end
  end
  save(text)
  assert(uv.fs_symlink("..data/main.lua", folder .. "/main.lua"))
  return save
end

-- Each version is committed elsewhere, and checked out here.
saves.checkout = function(folder, text)
  local who = "-c user.name=soak -c user.email=soak@localhost"
  local git = "git -C " .. folder
  run(git, "init -q")
  project.write(folder .. "/main.lua", text)
  run(git, "add main.lua")
  run(git, who, "commit -qm 1")
  local tree, count = support.folder(), 1
  run(git, "worktree add -q --detach", tree)
  return function(next_text)
    count = count + 1
    project.write(tree .. "/main.lua", next_text)
    run("git -C", tree, who, "commit -qam", count)
    run("git -C", tree, "branch version-" .. count)
    run(git, "checkout -q version-" .. count)
  end
end

saves.names = { "in-place", "rename", "symlink", "data", "checkout" }

return saves
