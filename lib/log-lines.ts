import fs from 'node:fs'

const STDOUT = 1
const STDERR = 2
/**
 * What may wait for a reader that stands still, or for a disk that is full: some seconds of a busy gateway's log,
 * and little beside the memory of the smallest process.
 */
const MOST_WAITING = 1024 * 1024
/** A reader that is slow is tried again so soon: a pipe holds 64 KiB, so 3 MB pass in a second, */
const SLOW_READER_MS = 20
/** and all else that refuses (a full disk, a reader that has gone). */
const REFUSED_MS = 1000
/** At the end of the process a slow reader gets so much time for the last lines. */
const EXIT_MS = 200
const EXIT_POLL_MS = 5

type Write = (line: string) => void

let droppedInAll = 0
let guarded = false

/** Lines of this process's log that nobody took, and that were dropped. */
export const droppedLines = (): number => droppedInAll

/**
 * Writes lines to standard output or standard error, whatever becomes of it: a full disk, a reader that has gone
 * or that stands still neither ends the process nor keeps it waiting. Up to 1 MiB waits until the lines can be
 * written; what comes then is dropped and counted, and the first line afterwards says how many.
 *
 * Only one such writer for each of the two: a line may be half written while another one begins.
 * @param gatherMs lines of so many milliseconds are written at once; 0: each at once. A write for each request
 *   was a fifth of the gateway's time, one for each turn of the event loop a tenth (measured). What is killed loses
 *   that much of its log.
 */
function linesTo(fd: typeof STDOUT | typeof STDERR, gatherMs: number): Write {
  guardStreams()
  let waiting = ''
  let bytes = Buffer.alloc(0)
  let untold = 0
  let timer: NodeJS.Timeout | undefined

  /** Gives how long to wait for the next try; undefined: all is written. */
  const flush = (): number | undefined => {
    for (;;) {
      if (bytes.length === 0) {
        if (waiting === '' && untold > 0) {
          waiting = droppedNotice(untold)
          untold = 0
        }
        if (waiting === '') return undefined
        bytes = Buffer.from(waiting)
        waiting = ''
      }
      try {
        bytes = bytes.subarray(fs.writeSync(fd, bytes))
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        return code === 'EAGAIN' ? SLOW_READER_MS : REFUSED_MS
      }
    }
  }
  const flushIn = (ms: number) => {
    timer = setTimeout(flushNow, ms)
    timer.unref() // What is left is written at the exit.
  }
  const flushNow = () => {
    timer = undefined
    const againMs = flush()
    if (againMs !== undefined) flushIn(againMs)
  }
  process.on('exit', () => lastTry(flush))
  return (line) => {
    // Until the notice is out: what is missing is missing at one place.
    if (untold > 0 || waiting.length + bytes.length > MOST_WAITING) {
      untold += 1
      droppedInAll += 1
      return
    }
    waiting += `${line}\n`
    if (timer !== undefined) return
    if (gatherMs === 0) flushNow()
    else flushIn(gatherMs)
  }
}

function lastTry(flush: () => number | undefined): void {
  const endMs = performance.now() + EXIT_MS
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  while (flush() === SLOW_READER_MS && performance.now() < endMs) {
    Atomics.wait(sleeper, 0, 0, EXIT_POLL_MS)
  }
}

const droppedNotice = (dropped: number): string =>
  `${JSON.stringify({
    time: new Date().toISOString(),
    level: 'warn',
    message: 'lines of this log were dropped: nobody took them',
    dropped,
  })}\n`

/**
 * Without a listener an error of one of the two ends the process, even of what a library prints. To ask for
 * them is also what makes a pipe non-blocking: then a reader that stands still is an error, and no wait.
 */
function guardStreams(): void {
  if (guarded) return
  guarded = true
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}

const writers = new Map<number, Write>()

function writerTo(fd: typeof STDOUT | typeof STDERR, gatherMs = 0): Write {
  const write = writers.get(fd) ?? linesTo(fd, gatherMs)
  writers.set(fd, write)
  return write
}

/** Writes one line to standard output. Never throws, and never waits for who reads. */
export const toStdout: Write = (line) => writerTo(STDOUT)(line)

/** Writes one line to standard error. Never throws, and never waits for who reads. */
export const toStderr: Write = (line) => writerTo(STDERR)(line)

/** Of a busy process: standard output gets the lines of 20 ms at once. To be called before the first line. */
export const gatheredToStdout = (): Write => writerTo(STDOUT, SLOW_READER_MS)
