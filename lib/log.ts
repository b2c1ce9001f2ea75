import { toStdout } from './log-lines.ts'

/** Levels, least first. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export type LogFields = Readonly<Record<string, unknown>>

/** One JSON line per event on standard output; never a body, a token or a secret. It never throws or waits. */
export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  child(fields: LogFields): Log
}

export interface LogOptions {
  readonly level?: LogLevel
  readonly fields?: LogFields
  /** @default one line to standard output */
  readonly write?: (line: string) => void
}

const SECRET_KEY = /pass|token|secret|authorization|credential|\burl$/i
// To the last `@`: a password that should have been encoded may hold one.
const SECRET_IN_URL = /(amqps?:\/\/[^:/@\s]*):\S*@/gi

/** Hides the password of every AMQP URL in a text. */
export const redact = (text: string): string => text.replace(SECRET_IN_URL, '$1:***@')

const CAUSES_SHOWN = 5

/** An error as data for the log: its message and its chain of causes, redacted. */
export function describeError(error: unknown): string {
  const messages: string[] = []
  let current = error
  while (current !== undefined && current !== null && messages.length < CAUSES_SHOWN) {
    messages.push(redact(asText(current instanceof Error ? current.message : current)))
    current = current instanceof Error ? current.cause : undefined
  }
  return messages.join(': ')
}

/** Total: an object without a prototype has no text. */
function asText(value: unknown): string {
  try {
    return String(value)
  } catch {
    return typeof value
  }
}

function clean(key: string, value: unknown): unknown {
  if (key !== '' && SECRET_KEY.test(key)) return '***'
  if (value instanceof Error) return describeError(value)
  return typeof value === 'string' ? redact(value) : value
}

/**
 * Whether `clean` would change nothing: no value that is more than a text or a number, no URL, no secret
 * by its name. Such is the line of nearly every request.
 */
function isClean(line: LogFields): boolean {
  for (const key of Object.keys(line)) {
    if (isSecretKey(key)) return false
    const value = line[key]
    if (typeof value === 'string' ? value.includes('://') : typeof value === 'object') return false
  }
  return true
}

/** The keys of log lines are few, and all of them ours. */
const secretKeys = new Map<string, boolean>()

function isSecretKey(key: string): boolean {
  const known = secretKeys.get(key)
  if (known !== undefined) return known
  const isSecret = SECRET_KEY.test(key)
  secretKeys.set(key, isSecret)
  return isSecret
}

/** The time, made into text once for all lines of a millisecond. */
function timestamp(): string {
  const nowMs = Date.now()
  if (nowMs !== stamp.ms) stamp = { ms: nowMs, text: new Date(nowMs).toISOString() }
  return stamp.text
}

let stamp = { ms: 0, text: '' }

/** The fields as members of a JSON object that has others before them. */
function membersOf(fields: LogFields): string {
  const text = isClean(fields) ? JSON.stringify(fields) : JSON.stringify(fields, clean)
  return text === '{}' ? '' : `,${text.slice(1, -1)}`
}

/**
 * Makes a log. `fields` go into every line. The line with the event `ready` is written at every level:
 * whoever started the process waits for it.
 */
export function createLog({ level = 'info', fields = {}, write = toStdout }: LogOptions = {}): Log {
  const least = LOG_LEVELS.indexOf(level)
  const always = membersOf(fields)
  const emit = (at: LogLevel) => (more: LogFields, message: string) => {
    if (LOG_LEVELS.indexOf(at) < least && more['event'] !== 'ready') return
    const text = JSON.stringify(redact(message))
    const members = always + membersOf(more)
    write(`{"time":"${timestamp()}","level":"${at}","message":${text}${members}}`)
  }
  return {
    debug: emit('debug'),
    info: emit('info'),
    warn: emit('warn'),
    error: emit('error'),
    child: (more) => createLog({ level, fields: { ...fields, ...more }, write }),
  }
}
