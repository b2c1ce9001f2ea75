import type { IncomingMessage } from 'node:http'
import { WarrenError } from '#lib/errors.ts'
import type { Budget } from './budget.ts'
import { refuseBrokenOff } from './parser-errors.ts'

export interface BodyLimits {
  readonly maxBytes: number
  readonly budget: Budget
}

/** A body and the room it takes, to be given back when the request has been answered. */
export interface HeldBody {
  readonly body: Buffer
  release(): void
}

/** The length that a request announces; undefined when it is chunked. */
function announcedLength(incoming: IncomingMessage): number | undefined {
  const { 'content-length': length, 'transfer-encoding': coding } = incoming.headers
  if (coding !== undefined) return undefined
  return length === undefined ? 0 : Number(length)
}

/** @throws {WarrenError} body-too-large, before a byte of it is read */
export function refuseTooLarge(incoming: IncomingMessage, maxBytes: number): void {
  if ((announcedLength(incoming) ?? 0) > maxBytes) throw tooLarge(maxBytes)
}

const tooLarge = (maxBytes: number) => new WarrenError('body-too-large', { maxBytes })

/**
 * A body that is announced to be this large is put together as it comes in: kept in pieces and joined, it
 * takes twice its room in the end (690 MB instead of 480 with 64 bodies of 20 MB, measured).
 */
const LARGE_FROM = 64 * 1024

/**
 * Reads the whole body, its bytes counted as they come in; never truncates.
 * @throws {WarrenError} body-too-large; overloaded, when too many bytes are held already;
 * request-timeout, when the caller goes away in the middle
 */
export function readBody(incoming: IncomingMessage, limits: BodyLimits): Promise<HeldBody> {
  refuseBrokenOff(incoming)
  const { maxBytes, budget } = limits
  const announced = announcedLength(incoming)
  let held = announced ?? 0
  budget.take(held)
  const release = () => {
    budget.give(held)
    held = 0
  }
  const isLarge = announced !== undefined && announced >= LARGE_FROM && announced <= maxBytes
  // Zeroed, so that nothing but the caller's bytes can ever be in it; untouched, it takes no room.
  const whole = isLarge ? Buffer.alloc(announced) : undefined
  const chunks: Buffer[] = []
  let length = 0
  const take = (chunk: Buffer) => {
    length += chunk.length
    if (length > maxBytes) throw tooLarge(maxBytes)
    if (announced === undefined) {
      budget.take(chunk.length)
      held = length
    }
    if (whole === undefined) chunks.push(chunk)
    else chunk.copy(whole, length - chunk.length)
  }
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      incoming.off('data', onData)
      release()
      reject(error instanceof WarrenError ? error : gone(error))
    }
    const onData = (chunk: Buffer) => {
      try {
        take(chunk)
      } catch (error) {
        fail(error)
      }
    }
    // Each but the first comes once; `once` would make two objects more for each, with every request.
    incoming.on('data', onData)
    incoming.on('error', fail)
    incoming.on('close', () => {
      if (!incoming.complete) fail(undefined)
    })
    incoming.on('end', () => resolve({ body: whole ?? joined(chunks, length), release }))
  })
}

const gone = (cause: unknown) => new WarrenError('request-timeout', { cause })

const joined = (chunks: readonly Buffer[], length: number): Buffer =>
  chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length)
