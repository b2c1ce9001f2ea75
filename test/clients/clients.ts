import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { Body } from './bodies.ts'
import { FAMILIES, type Family, type Style } from './families.ts'

/** One way to send a message, with all that it takes to run it. */
export interface Client extends Style {
  readonly family: Family
  /** As in the report: `PHP, streams`. */
  readonly name: string
  /** The text of the file. */
  readonly snippet: string
  /** Its name when it is run. */
  readonly program: string
  /** A line of shell that runs it. */
  readonly run: string
}

const SNIPPETS = join(import.meta.dirname, 'snippets')

export const CLIENTS: readonly Client[] = FAMILIES.flatMap((family) =>
  family.styles.map((style) => clientOf(family, style)),
)

function clientOf(family: Family, style: Style): Client {
  const program = `Send${extname(style.file)}`
  return {
    ...style,
    family,
    name: `${family.title}, ${style.title}`,
    snippet: readFileSync(join(SNIPPETS, style.file), 'utf8'),
    program,
    run: family.run(program),
  }
}

/** Whether the client can send this body at all. */
export const canSend = ({ textOnly }: Client, { bytes }: Body): boolean =>
  textOnly === undefined || !bytes.includes(0)
