import { type ProblemContext, WarrenError } from '#lib/errors.ts'

/** What amqplib puts on the error of a channel or connection that the broker closed. */
interface ClosedByBroker extends Error {
  /** AMQP reply code, e.g. 404; or a system error's name, e.g. ECONNREFUSED. */
  readonly code?: number | string
}

/** Translates a failed connect. Nothing was published, whatever went wrong. */
export function connectError(error: unknown): WarrenError {
  if (error instanceof WarrenError) return error
  const { message, code } = asError(error)
  const cause = { cause: error }
  // "NOT_ALLOWED … connection limit (N) is reached", "… vhost is down": it passes, unlike the others.
  if (/limit|is down/i.test(message)) return new WarrenError('broker-unavailable', cause)
  const refused = /ACCESS[-_]REFUSED|NOT[-_]ALLOWED/.test(message)
  const untrusted = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(String(code ?? ''))
  return new WarrenError(
    refused || untrusted ? 'broker-misconfigured' : 'broker-unavailable',
    cause,
  )
}

/** Whether the broker refused the login: the password may have been rotated. */
export const isLoginRefused = (error: unknown): boolean =>
  /ACCESS[-_]REFUSED/.test(asError(error).message)

/**
 * Translates a channel's end for the only publish that was unconfirmed on it: that one provoked it,
 * so it was not published. Undefined when the broker's reason does not say so.
 */
export function publishError(error: Error, context: ProblemContext): WarrenError | undefined {
  const { message, code } = asError(error)
  const more = { ...context, cause: error }
  if (code === 404) return new WarrenError('exchange-not-found', more)
  if (code === 403) {
    return /internal exchange/.test(message)
      ? new WarrenError('forbidden-destination', {
          ...more,
          detail: 'This exchange is internal: the broker takes no messages for it from outside.',
        })
      : new WarrenError('broker-misconfigured', more)
  }
  const maxBytes = sizeLimit(error)
  if (maxBytes !== undefined) return new WarrenError('body-too-large', { ...more, maxBytes })
  return undefined
}

/** The broker's `max_message_size` in bytes, if that is what it closed the channel for. */
export function sizeLimit(error: Error): number | undefined {
  if (asError(error).code !== 406) return undefined
  const limit = /message size .* max size (\d+)/i.exec(error.message)?.[1]
  return limit === undefined ? undefined : Number(limit)
}

function asError(error: unknown): ClosedByBroker {
  return error instanceof Error ? error : new Error(String(error))
}
