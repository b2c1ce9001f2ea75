import { execFileSync } from 'node:child_process'
import { constants, openSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** A way for lines from another process to this one. */
export interface LogPipe {
  /** A file descriptor for the other process, to be closed here once that one has it. */
  readonly end: number
  /** Resolves when the other process, and all that it started, have ended and their last line is passed on. */
  readonly passed: Promise<void>
}

/**
 * Makes a named pipe and passes on, line by line, what is written into it. It is read whatever becomes of the lines:
 * nginx itself would wait for whoever reads its log, and no request would be answered meanwhile. Named, since nginx
 * opens its standard output by the name /dev/stdout, which a socket (as Node makes them for a child) does not have.
 */
export function logPipe(path: string, write: (line: string) => void): LogPipe {
  rmSync(path, { force: true })
  execFileSync('mkfifo', ['-m', '600', path])
  // To open the end to write at waits for one who reads.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const end = openSync(path, constants.O_WRONLY)
  return { end, passed: passOn(new Socket({ fd, readable: true, writable: false }), write) }
}

/** Passes lines on until the input ends. */
export async function passOn(input: Readable, write: (line: string) => void): Promise<void> {
  const decoder = new StringDecoder()
  let rest = ''
  for await (const chunk of input) {
    const lines = (rest + decoder.write(chunk)).split('\n')
    rest = lines.pop() as string
    for (const line of lines) write(line)
  }
  if (rest !== '') write(rest)
}
