/**
 * The promise's outcome, or `late()` thrown after `ms`. The promise itself goes on; its later
 * rejection is not reported as unhandled.
 */
export function within<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), Math.max(0, ms))
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
