import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { ROOT } from './settings.ts'

/** Programs of the system that tests run. */
export interface TestNeeds {
  readonly needRabbitmq: boolean
  readonly needNginx: boolean
}

const PRIVATE_NODE = join(ROOT, 'infra/local/private-node.ts')
const NGINX = join(ROOT, 'infra/local/nginx.ts')
/** Runs `npm start`, which needs both. */
const NPM_START = join(ROOT, 'test/support/stack.ts')
/** What is tested here runs in the test's own process, also where a program around it would need more. */
const OWN_PROCESS = /^test\/unit\//
/** Tests in these folders run whole programs, which no import shows. */
const WHOLE_PROGRAMS = /^test\/(containers|local|long)\//

const IMPORT = /(?:from|import)\s*\(?\s*'([.#][^']+)'/g

/**
 * What these tests need, by what they import, directly or not: whoever asks for one test file should not
 * have to install a broker for it.
 * @param files absolute, or relative to the root of the checkout
 */
export function needsOf(files: readonly string[]): TestNeeds {
  const seen = new Set<string>()
  const others = files.filter((file) => !OWN_PROCESS.test(relativePath(file)))
  for (const file of others) follow(resolve(ROOT, file), seen)
  const isStack =
    seen.has(NPM_START) || others.some((file) => WHOLE_PROGRAMS.test(relativePath(file)))
  return {
    needRabbitmq: isStack || seen.has(PRIVATE_NODE),
    needNginx: isStack || seen.has(NGINX),
  }
}

function follow(file: string, seen: Set<string>): void {
  if (seen.has(file) || !file.endsWith('.ts') || !existsSync(file)) return
  seen.add(file)
  for (const [, target] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    follow(pathOf(target as string, file), seen)
  }
}

const relativePath = (file: string): string => relative(ROOT, resolve(ROOT, file))

/** `#lib/…` is a folder of the root; everything else is relative to the file that imports it. */
const pathOf = (target: string, from: string): string =>
  target.startsWith('#') ? join(ROOT, target.slice(1)) : resolve(dirname(from), target)
