import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const CHECKOUT = join(import.meta.dirname, '..', '..')

/**
 * What the image of this part gives to node: what is measured shall be what is run.
 * @param part the folder of its Dockerfile
 * @throws {Error} when the image starts something else
 */
export function imageArguments(part: 'gateway' | 'relay'): string[] {
  const lines = readFileSync(join(CHECKOUT, part, 'Dockerfile'), 'utf8').split('\n')
  const command = lines.flatMap((line) => /^(?:CMD|ENTRYPOINT) (\["node".*)/.exec(line)?.[1] ?? [])
  if (command[0] === undefined) throw new Error(`the image of the ${part} does not start node`)
  const [, ...args] = JSON.parse(command[0]) as string[]
  return args.map((arg) => (arg.endsWith('.ts') ? join(CHECKOUT, arg) : arg))
}
