import { parentPort } from 'node:worker_threads'
import { WarrenError } from '#lib/errors.ts'
import { readItems } from '#lib/http/batch-items.ts'
import { jsonFault, type Parsed } from '#lib/http/json.ts'
import type { JsonAnswer, JsonJob } from './json-thread.ts'

parentPort?.on('message', (job: JsonJob) => {
  parentPort?.postMessage(answer(job))
})

function answer(job: JsonJob): JsonAnswer {
  const body = Buffer.from(job.body.buffer, job.body.byteOffset, job.body.byteLength)
  if (!('batch' in job)) return { fault: jsonFault(body) }
  try {
    return { items: readItems({ ...job.batch, body }).map(sendable) }
  } catch (error) {
    if (!(error instanceof WarrenError)) throw error
    const { cause: _, ...context } = error.context
    return { code: error.code, context }
  }
}

/** Nesting that V8 cannot copy to another thread is deeper than any message may be. */
function sendable(item: Parsed): Parsed {
  try {
    structuredClone(item)
    return item
  } catch {
    return { fault: 'Must not be nested so deeply.' }
  }
}
