import { ConfigError } from '#lib/config.ts'
import { type ProblemCode, WarrenError } from '#lib/errors.ts'
import { describeError, type Log } from '#lib/log.ts'

/**
 * Wires a function once, at cold start. Wrong settings are logged then, all of them, and every
 * request is answered with that: a module that throws when it is loaded would tell callers nothing.
 * @param code what callers are told when the settings are wrong
 * @returns gives what was wired
 * @throws {WarrenError} (the returned function) `code`, or internal when the wiring itself failed
 */
export function coldStart<T>(wire: () => T, log: Log, code: ProblemCode): () => T {
  try {
    const wired = wire()
    return () => wired
  } catch (error) {
    const failure = failureOf(error, code)
    log.error({ err: describeError(error) }, 'function not started')
    return () => {
      throw failure
    }
  }
}

function failureOf(cause: unknown, code: ProblemCode): WarrenError {
  if (!(cause instanceof ConfigError)) return new WarrenError('internal', { cause })
  const detail = 'This installation is not set up completely; its log names the settings.'
  return new WarrenError(code, { detail, cause })
}
