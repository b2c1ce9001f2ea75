import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Ports on which one of these processes listens. From /proc, so on Linux only. */
export function portsOf(pids: readonly number[]): number[] {
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
