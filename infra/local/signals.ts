const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

// A Ctrl-C comes twice: from the terminal to the whole foreground group, and from npm, which passes
// it on. What comes later is a person who does not want to wait.
const SAME_MS = 1000

/**
 * Aborts at the first SIGINT, SIGTERM or SIGHUP.
 * @param onSecond called at every further one, from a second after the first
 */
export function abortAtSignal(onSecond: () => void): AbortSignal {
  const controller = new AbortController()
  let firstMs: number | undefined
  const receive = () => {
    if (firstMs === undefined) {
      firstMs = performance.now()
      controller.abort(new Interrupted())
    } else if (performance.now() - firstMs > SAME_MS) onSecond()
  }
  for (const signal of SIGNALS) process.on(signal, receive)
  return controller.signal
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
