import { Worker } from 'node:worker_threads'
import { type ProblemCode, type ProblemContext, WarrenError } from '#lib/errors.ts'
import { readItems } from '#lib/http/batch-items.ts'
import { jsonFault, type Parsed } from '#lib/http/json.ts'
import type { HttpRequest } from '#lib/http/request.ts'

/** Above this, parsing takes longer than other requests should wait: about 10 ms (measured). */
const ELSEWHERE_FROM = 1024 * 1024

/** Reads JSON, large bodies on another thread, so that no other request waits for it. */
export interface JsonThread {
  /** See {@link jsonFault}. */
  check(body: Buffer, text?: string): string | undefined | Promise<string | undefined>
  /** See {@link readItems}. */
  readItems(request: HttpRequest): readonly Parsed[] | Promise<readonly Parsed[]>
  close(): Promise<void>
}

/** What the thread is asked: why a body is no JSON, or for the items of a batch. */
export type JsonJob =
  | { readonly body: Uint8Array }
  | { readonly body: Uint8Array; readonly batch: Omit<HttpRequest, 'body'> }

/** What it answers; an error's class does not survive the way. */
export type JsonAnswer =
  | { readonly fault: string | undefined }
  | { readonly items: readonly Parsed[] }
  | { readonly code: ProblemCode; readonly context: ProblemContext }

interface Waiting {
  readonly resolve: (answer: JsonAnswer) => void
  readonly reject: (error: Error) => void
}

/** The thread is started with the first large body. */
export function createJsonThread(): JsonThread {
  let worker: Worker | undefined
  const waiting: Waiting[] = []
  const start = () => {
    const started = new Worker(new URL('./json-worker.ts', import.meta.url))
    started.unref()
    started.on('message', (answer: JsonAnswer) => waiting.shift()?.resolve(answer))
    started.on('error', (cause) => {
      worker = undefined
      for (const one of waiting.splice(0)) one.reject(new WarrenError('overloaded', { cause }))
    })
    return started
  }
  const ask = async (job: JsonJob) => {
    worker ??= start()
    worker.postMessage(job, [job.body.buffer as ArrayBuffer])
    const answer = await new Promise<JsonAnswer>((resolve, reject) => {
      waiting.push({ resolve, reject })
    })
    if ('code' in answer) throw new WarrenError(answer.code, answer.context)
    return answer
  }
  // The body itself stays here: it is what gets published.
  const check = async (body: Buffer) => {
    const answer = await ask({ body: new Uint8Array(body) })
    return 'fault' in answer ? answer.fault : undefined
  }
  const items = async ({ body, ...batch }: HttpRequest) => {
    const { method, path, query, headers, requestId } = batch
    const job = { body: new Uint8Array(body), batch: { method, path, query, headers, requestId } }
    const answer = await ask(job)
    return 'items' in answer ? answer.items : []
  }
  return {
    check: (body, text) => (body.length < ELSEWHERE_FROM ? jsonFault(body, text) : check(body)),
    readItems: (request) =>
      request.body.length < ELSEWHERE_FROM ? readItems(request) : items(request),
    close: async () => {
      await worker?.terminate()
    },
  }
}
