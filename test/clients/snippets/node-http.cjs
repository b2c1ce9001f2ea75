const { createReadStream } = require('node:fs')
const url = new URL('http://127.0.0.1:8080/publish/exchange')
const { request } = require(url.protocol === 'https:' ? 'node:https' : 'node:http')

const headers = { Authorization: 'Bearer super_secret_key', 'Content-Type': 'application/json' }
const post = request(url, { method: 'POST', headers }, (answer) => answer.pipe(process.stdout))
createReadStream('message.json').pipe(post)
