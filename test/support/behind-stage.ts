import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Ending } from './ending.ts'

/** As API Gateway's own address has it: every path begins with the name of the stage. */
export async function behindStage(ending: Ending, origin: string, stage: string): Promise<string> {
  const server = createServer((incoming, response) => {
    const { url = '', method, headers } = incoming
    if (!url.startsWith(`/${stage}/`)) return void response.writeHead(403).end()
    const path = url.slice(stage.length + 1)
    const outgoing = request(`${origin}${path}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    return void incoming.pipe(outgoing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ending.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/${stage}`
}
