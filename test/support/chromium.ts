import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { until } from './until.ts'
import type { Ending } from './upstream.ts'

/** One page of a headless Chromium, spoken to in the DevTools protocol. */
export interface Page {
  open(url: string): Promise<void>
  /** The value of a JavaScript expression in the page. @throws {Error} when it throws */
  evaluate(expression: string): Promise<unknown>
  /** Waits until an expression is true in the page. */
  until(expression: string): Promise<void>
  screenshot(file: string): Promise<void>
}

type Call = (method: string, params?: object) => Promise<Record<string, unknown>>

/** Starts Debian's Chromium; it ends with the test. @throws {Error} it is not installed */
export async function startChromium(ending: Ending): Promise<Page> {
  const profile = mkdtempSync(join(tmpdir(), 'warren-chromium-'))
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']
  const browser = spawn(
    'chromium',
    [
      ...flags,
      '--window-size=1280,1000',
      `--user-data-dir=${profile}`,
      '--remote-debugging-port=0',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  ending.after(async () => {
    browser.kill('SIGTERM')
    if (browser.exitCode === null) await once(browser, 'exit')
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  })
  for await (const line of createInterface(browser.stderr)) {
    const url = /^DevTools listening on (ws:\S+)/.exec(line)?.[1]
    if (url !== undefined) {
      browser.stderr.resume()
      return newPage(new URL(url).port, ending)
    }
  }
  throw new Error('chromium ended before it was ready')
}

async function newPage(port: string, ending: Ending): Promise<Page> {
  const answer = await fetch(`http://127.0.0.1:${port}/json/new?about:blank`, { method: 'PUT' })
  const { webSocketDebuggerUrl } = (await answer.json()) as { webSocketDebuggerUrl: string }
  const call = await connect(webSocketDebuggerUrl, ending)
  await call('Page.enable')
  const evaluate = async (expression: string) => {
    const { result, exceptionDetails } = (await call('Runtime.evaluate', {
      ...{ expression, awaitPromise: true, returnByValue: true },
    })) as { result: { value: unknown }; exceptionDetails?: { text: string } }
    if (exceptionDetails) throw new Error(exceptionDetails.text)
    return result.value
  }
  return {
    open: async (url) => void (await call('Page.navigate', { url })),
    evaluate,
    // The page may be on its way to another: then there is nothing to ask yet.
    until: async (expression) =>
      void (await until(expression, () => evaluate(`Boolean(${expression})`).catch(() => false))),
    screenshot: async (file) => {
      const { data } = await call('Page.captureScreenshot', { format: 'png' })
      writeFileSync(file, Buffer.from(data as string, 'base64'))
    },
  }
}

async function connect(url: string, ending: Ending): Promise<Call> {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  ending.after(() => socket.close())
  let last = 0
  const waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>()
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error } = JSON.parse(String(data))
    if (error) waiting.get(id)?.reject(new Error(error.message))
    else waiting.get(id)?.resolve(result)
    waiting.delete(id)
  })
  return (method, params = {}) => {
    last += 1
    const answer = Promise.withResolvers<Record<string, unknown>>()
    waiting.set(last, answer)
    socket.send(JSON.stringify({ id: last, method, params }))
    return answer.promise
  }
}
