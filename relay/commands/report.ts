/** What a command has to say. */
export interface Report {
  /** 0: done. 1: it failed on the way. 3: not done, or not as it should be. */
  readonly exitCode: 0 | 1 | 3
  /** For people. */
  readonly lines: readonly string[]
  /** The same for programs. */
  readonly json: Readonly<Record<string, unknown>>
}

/** Lines with aligned columns. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length)
    }
  }
  const padded = (cell: string, column: number) => cell.padEnd(widths[column] as number)
  return rows.map((row) => row.map(padded).join('  ').trimEnd())
}

/** `1 message`, `2 messages`. */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`
