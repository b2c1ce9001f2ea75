import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts CPU time in hundredths of a second for user space (USER_HZ, all architectures). */
const TICKS_PER_S = 100

interface Stat {
  readonly parent: number
  readonly ticks: number
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }
  } catch {
    return undefined // It has ended.
  }
}

/** A process and all that come from it. */
function familyOf(root: number): number[] {
  const parents = new Map<number, number>()
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    const stat = Number.isInteger(pid) ? statOf(pid) : undefined
    if (stat) parents.set(pid, stat.parent)
  }
  const family = [root]
  for (const member of family) {
    for (const [pid, parent] of parents) if (parent === member) family.push(pid)
  }
  return family
}

/** CPU seconds that these processes and their children have used. */
export const cpuSeconds = (roots: readonly number[]): number =>
  roots.flatMap(familyOf).reduce((sum, pid) => sum + (statOf(pid)?.ticks ?? 0), 0) / TICKS_PER_S

/** CPU seconds that the whole machine has used. */
export function machineCpuSeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq) / TICKS_PER_S
}

/** Resident set of a process and its children, in MB. */
export function residentMb(roots: readonly number[]): number {
  const kib = roots.flatMap(familyOf).map((pid) => {
    try {
      return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
    } catch {
      return 0
    }
  })
  return kib.reduce((sum, value) => sum + value, 0) / 1000
}
