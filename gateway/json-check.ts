import { Worker } from 'node:worker_threads'
import { WarrenError } from '#lib/errors.ts'
import { jsonFault } from '#lib/http/json.ts'

/** Above this, parsing takes longer than other requests should wait: about 10 ms (measured). */
const ELSEWHERE_FROM = 1024 * 1024

/** Checks JSON, large bodies on another thread. */
export interface JsonChecker {
  check(body: Buffer): string | undefined | Promise<string | undefined>
  close(): Promise<void>
}

interface Job {
  readonly resolve: (fault: string | undefined) => void
  readonly reject: (error: Error) => void
}

/** The thread is started with the first large body. */
export function createJsonChecker(): JsonChecker {
  let worker: Worker | undefined
  const jobs: Job[] = []
  const start = () => {
    const started = new Worker(new URL('./json-worker.ts', import.meta.url))
    started.unref()
    started.on('message', (fault: string | undefined) => jobs.shift()?.resolve(fault))
    started.on('error', (cause) => {
      worker = undefined
      for (const job of jobs.splice(0)) job.reject(new WarrenError('overloaded', { cause }))
    })
    return started
  }
  const elsewhere = (body: Buffer) => {
    worker ??= start()
    // The body itself stays: it is what gets published.
    const copy = new Uint8Array(body)
    worker.postMessage(copy, [copy.buffer])
    return new Promise<string | undefined>((resolve, reject) => jobs.push({ resolve, reject }))
  }
  return {
    check: (body) => (body.length < ELSEWHERE_FROM ? jsonFault(body) : elsewhere(body)),
    close: async () => {
      await worker?.terminate()
    },
  }
}
