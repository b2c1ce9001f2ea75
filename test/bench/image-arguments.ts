import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { stripTypes } from '#infra/strip-types.ts'

const CHECKOUT = join(import.meta.dirname, '..', '..')

/**
 * What the image of this part gives to node, with the image's programs made in `folder`: what is measured
 * shall be what is run.
 * @param part the folder of its Dockerfile
 * @throws {Error} when the image is made or started in another way
 */
export function imageArguments(part: 'gateway' | 'relay', folder: string): string[] {
  const dockerfile = readFileSync(join(CHECKOUT, part, 'Dockerfile'), 'utf8')
  const stripped = /^RUN node infra\/strip-types\.ts \S+ (.+)$/m.exec(dockerfile)?.[1]
  const command = /^(?:CMD|ENTRYPOINT) (\["node".*)$/m.exec(dockerfile)?.[1]
  if (stripped === undefined || command === undefined) {
    throw new Error(`the image of the ${part} is made or started in a way that is not known here`)
  }
  const programs = join(folder, part)
  if (!existsSync(programs)) makePrograms(programs, stripped.split(' '))
  const [, ...args] = JSON.parse(command) as string[]
  return args.map((arg) => (arg.endsWith('.js') ? join(programs, arg) : arg))
}

function makePrograms(to: string, folders: readonly string[]): void {
  stripTypes(to, folders, CHECKOUT)
  for (const name of ['package.json', 'node_modules']) {
    symlinkSync(join(CHECKOUT, name), join(to, name))
  }
}
