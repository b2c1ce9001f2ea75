local ltn12 = require 'ltn12'

local url = 'http://127.0.0.1:8080/publish/exchange'
local http = require(url:match '^https:' and 'ssl.https' or 'socket.http')
local file = assert(io.open('message.json', 'rb'))
local body = file:read('*a')
print(http.request {
  url = url, method = 'POST', source = ltn12.source.string(body), sink = ltn12.sink.file(io.stdout),
  headers = { ['Authorization'] = 'Bearer super_secret_key', ['Content-Type'] = 'application/json',
    ['Content-Length'] = #body },
})
