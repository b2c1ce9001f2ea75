const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

// A Ctrl-C comes twice: from the terminal to the whole foreground group, and from npm, which passes
// it on. What comes later is a person who does not want to wait.
const SAME_MS = 1000

/** What the person or the system wants of us. */
export interface Wishes {
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP: stop in order. */
  readonly stop: AbortSignal
  /** Aborts at a further one, from a second after the first: stop at once. */
  readonly hurry: AbortSignal
}

export function listenForSignals(): Wishes {
  const stop = new AbortController()
  const hurry = new AbortController()
  let firstMs: number | undefined
  const receive = () => {
    firstMs ??= performance.now()
    if (!stop.signal.aborted) stop.abort(new Interrupted())
    else if (performance.now() - firstMs > SAME_MS) hurry.abort()
  }
  for (const signal of SIGNALS) process.on(signal, receive)
  return { stop: stop.signal, hurry: hurry.signal }
}

/** The person or the system asked us to stop. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** The promise's result; rejects as soon as the signal aborts. */
export async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
