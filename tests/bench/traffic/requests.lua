-- What a shop's pages ask of its services: mostly small JSON, some files, some
-- orders; 7 in 100 answers are 404 and 2 in 100 are 500. Ends after $REQUESTS
-- answers, so that a run does not depend on the machine's speed. With $CLOSE
-- every request has a connection of its own.

local wanted = tonumber(os.getenv("REQUESTS"))
local answered = 0
local order = string.rep('{"sku":"A-1042","count":3},', 20)

local function get(path, headers)
  headers = headers or {}
  headers["Accept"] = "application/json"
  if os.getenv("CLOSE") then headers["Connection"] = "close" end
  return wrk.format("GET", path, headers)
end

function init(_)
  math.randomseed(7)
end

function request()
  local pick = math.random(100)
  local n = math.random(200)
  if pick <= 55 then return get("/api/carts/" .. n) end
  if pick <= 70 then
    return get("/api/search?q=shoes&page=" .. n, { ["Accept-Encoding"] = "gzip" })
  end
  if pick <= 74 then return get("/static/app.js") end
  if pick <= 79 then return get("/static/logo.png") end
  if pick <= 88 then
    local headers = { ["Content-Type"] = "application/json" }
    return wrk.format("POST", "/api/orders", headers, "[" .. order .. "{}]")
  end
  if pick <= 91 then -- already known: 304 (wrk cannot do HEAD)
    local known = "Fri, 01 Jan 2100 00:00:00 GMT"
    return get("/static/app.js", { ["If-Modified-Since"] = known })
  end
  if pick <= 98 then return get("/api/carts/missing-" .. n) end
  return get("/api/payments/" .. n)
end

function response(_, _, _)
  answered = answered + 1
  -- wrk:stop() would end the thread, but not wrk, before its time.
  if answered == wanted then os.exit(0) end
end
