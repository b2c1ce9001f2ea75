import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { haveInstalled } from '../support/installed.ts'

const run = promisify(execFile)

export interface Load {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly connections: number
  readonly seconds: number
  /** For the script that wrk is given. */
  readonly folder: string
}

export interface LoadResult {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers that are no 2xx, and broken connections. A run that has any is no measurement. */
  readonly failed: number
}

/** Installs wrk if it is missing. @throws {Error} one clear line, where that cannot be */
export const haveWrk = (): Promise<void> => haveInstalled({ wrk: 'wrk' })

/** Lets wrk post the same body over and over, each connection waiting for its answer. */
export async function load(options: Load): Promise<LoadResult> {
  const { url, connections, seconds, folder } = options
  const script = join(folder, 'load.lua')
  await writeFile(script, scriptOf(options))
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url]
  const { stdout } = await run('wrk', args)
  const line = stdout.split('\n').find((text) => text.startsWith('RESULT '))
  if (line === undefined) throw new Error(`wrk gave no result: ${stdout}`)
  const [requests, micros, p50, p99, failed] = line.split(' ').slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ]
  return {
    requests,
    perSecond: requests / (micros / 1e6),
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
    failed,
  }
}

/** A Lua string of any text. */
const quoted = (text: string) => `"${[...Buffer.from(text)].map((byte) => `\\${byte}`).join('')}"`

const scriptOf = ({ headers, body }: Load): string => `
wrk.method = "POST"
wrk.body = ${quoted(body)}
${Object.entries(headers)
  .map(([name, value]) => `wrk.headers[${quoted(name)}] = ${quoted(value)}`)
  .join('\n')}
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`
