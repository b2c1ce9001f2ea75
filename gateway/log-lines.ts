import { writeSync } from 'node:fs'

const STDOUT = 1
/** A line is written at most this much later; what is killed loses that much of its log. */
const GATHER_MS = 20

/**
 * Writes log lines to standard output, those of 20 ms at once: a write is synchronous, and one for each
 * request was a fifth of the gateway's time, one for each turn of the event loop a tenth (measured).
 * What is left is written when the process exits. A reader that has gone ends nothing.
 */
export function bufferedLines(): (line: string) => void {
  let lines = ''
  const flush = (write: (text: string) => void) => {
    const text = lines
    lines = ''
    if (text !== '') write(text)
  }
  // Whoever read the log has gone: what callers were promised still holds.
  process.stdout.on('error', () => {})
  process.on('exit', () => {
    try {
      flush((text) => writeSync(STDOUT, text))
    } catch {
      // Nobody reads any more.
    }
  })
  return (line) => {
    if (lines === '') setTimeout(() => flush((text) => process.stdout.write(text)), GATHER_MS)
    lines += `${line}\n`
  }
}
