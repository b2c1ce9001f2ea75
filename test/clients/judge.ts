import { type Body, sha256 } from './bodies.ts'
import type { Taken } from './fronts.ts'
import type { Ran } from './snippet.ts'

/**
 * What became of one body: `identical`; `refused`, when no message is there and the client was not
 * told that it is; or a `lie`: told and there are different things.
 */
export interface Finding {
  readonly kind: 'identical' | 'refused' | 'lie'
  /** What is wrong, for a person. */
  readonly says?: string
}

/** @param type of the message that the body must become */
export function judge(body: Body, type: string, ran: Ran, taken: readonly Taken[]): Finding {
  const accepted = ran.printed.includes('"status":"OK"')
  const [message, ...more] = taken
  if (!accepted && message === undefined) return { kind: 'refused', says: said(ran) }
  if (message === undefined) return lie('answered OK, but there is no message')
  if (!accepted) return lie(`a message is there, but the answer was not OK: ${said(ran)}`)
  if (more.length > 0) return lie(`${taken.length} messages instead of one`)
  if (sha256(message.content) !== sha256(body.bytes)) {
    return lie(`${body.bytes.length} bytes became ${message.content.length} others`)
  }
  if (message.contentType !== type) return lie(`type ${type} became ${message.contentType}`)
  if (!ran.printed.includes(`"messageId":"${message.messageId}"`)) {
    return lie(`the answer names another id than ${message.messageId}`)
  }
  return { kind: 'identical' }
}

const lie = (says: string): Finding => ({ kind: 'lie', says })

const SHOWN = 300

const said = ({ printed, succeeded }: Ran) =>
  `${succeeded ? '' : '(the client failed) '}${printed.slice(-SHOWN) || 'it printed nothing'}`

/** What the type is when none was given: `curl -d` calls everything a form. */
export const typeWithout = ({ name }: Body): string =>
  name === 'JSON' || name === 'BOM' ? 'application/json' : 'application/x-www-form-urlencoded'
