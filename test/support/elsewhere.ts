import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Ending } from './ending.ts'

const run = promisify(execFile)

/** A machine beside this one: a network namespace of our own, joined to it by a cable. */
export interface Elsewhere {
  /** Its address. */
  readonly address: string
  /** The address at which it reaches this machine. */
  readonly here: string
  /** Runs a program there; gives what it prints. */
  run(command: string, args: readonly string[]): Promise<string>
}

/** RFC 5737: for documentation, so nobody's. */
const HERE = '198.51.100.1'
const THERE = '198.51.100.2'

/** Makes it, as root; it goes with the test. */
export async function startElsewhere(ending: Ending): Promise<Elsewhere> {
  const name = `warren${process.pid}`
  const ip = (...args: readonly string[]) => run('ip', args)
  await ip('netns', 'add', name)
  ending.after(() => ip('netns', 'delete', name)) // The cable goes with it.
  await ip('link', 'add', `${name}a`, 'type', 'veth', 'peer', 'name', `${name}b`, 'netns', name)
  await ip('address', 'add', `${HERE}/30`, 'dev', `${name}a`)
  await ip('link', 'set', `${name}a`, 'up')
  await ip('-n', name, 'address', 'add', `${THERE}/30`, 'dev', `${name}b`)
  await ip('-n', name, 'link', 'set', `${name}b`, 'up')
  return {
    address: THERE,
    here: HERE,
    run: async (command, args) =>
      (await run('ip', ['netns', 'exec', name, command, ...args])).stdout.trim(),
  }
}
