import { createServer } from 'node:http'

/** Baseline: the least that node:http can do for a POST; nothing is published. */
const server = createServer((request, response) => {
  request.resume()
  request.once('end', () => response.end('{"status":"OK"}'))
})

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log('"event":"ready"'))
