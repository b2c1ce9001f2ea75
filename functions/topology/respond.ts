import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './custom-resource.ts'

const TRIES = 3
const TRY_MS = 3000
const PAUSE_MS = 500

/**
 * Puts the answer where CloudFormation waits for it: a signed URL of S3. At most 3 tries and 11 s.
 * @throws {Error} it was not taken
 */
export async function respond(url: string, answer: Answer): Promise<void> {
  // As bytes, since a text would get a content type, which the signature does not know.
  const body = Buffer.from(JSON.stringify(answer))
  for (let left = TRIES - 1; ; left -= 1) {
    try {
      return await put(url, body)
    } catch (error) {
      if (left === 0) throw new Error('CloudFormation took no answer', { cause: error })
      await sleep(PAUSE_MS)
    }
  }
}

async function put(url: string, body: Buffer): Promise<void> {
  const signal = AbortSignal.timeout(TRY_MS)
  const { ok, status } = await fetch(url, { method: 'PUT', body, signal })
  if (!ok) throw new Error(`status ${status}`)
}
