import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { whyNotFree } from '#infra/local/ports.ts'
import { identify, isAlive, type ProcessId } from '#infra/local/processes.ts'

/** What a program that runs leaves behind if it does not clean up. */
export interface Traces {
  readonly processes: readonly ProcessId[]
  /** On which one of them listens. */
  readonly ports: readonly number[]
}

/** All that this process has started, and the ports of it. */
export function tracesOf(pid: number): Traces {
  const processes = processesBelow(pid)
  return { processes, ports: portsOf(processes.map((each) => each.pid)) }
}

/** No such process is alive and every such port is free. */
export async function assertGone({ processes, ports }: Traces): Promise<void> {
  assert.ok(processes.length > 0 && ports.length > 0, 'nothing was running')
  assert.deepEqual(processes.filter(isAlive), [])
  for (const port of ports) assert.equal(await whyNotFree(port), undefined, `port ${port}`)
}

/** Every process below this one. */
export function processesBelow(pid: number): ProcessId[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=']).toString().trim().split('\n')
  const parents = lines.map((line) => line.trim().split(/\s+/).map(Number))
  const found = [pid]
  for (const parent of found) {
    found.push(...parents.filter(([, ppid]) => ppid === parent).map(([child]) => child as number))
  }
  return found.slice(1).flatMap((each) => identify(each) ?? [])
}

/** Ports on which one of these processes listens. From /proc, so on Linux only. */
function portsOf(pids: readonly number[]): number[] {
  const sockets = new Set(pids.flatMap(socketsOf))
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      // proc(5): field 2 local address, 4 state (0A is LISTEN), 10 the socket's inode.
      .filter((fields) => fields[3] === '0A' && sockets.has(fields[9] as string))
      .map((fields) => Number.parseInt(fields[1]?.split(':')[1] as string, 16)),
  )
}

function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).flatMap((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${fd}`))?.[1]
    return inode === undefined ? [] : [inode]
  })
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file)
  } catch {
    return '' // Closed meanwhile.
  }
}
