import { cpSync, globSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'

/**
 * Makes JavaScript of folders of TypeScript, for the images: else Node would strip the types at each
 * start, for which it takes 0.1 s, and 28 MB for as long as the process runs (measured, Node 24). It is
 * what Node itself would make, every character in its place, but for the names of the files.
 *
 * @param to a folder; each file comes to stand there as it stood, one of TypeScript with the ending `.js`
 * @param folders seen from `from`
 * @param from the checkout. @default the working directory
 */
export function stripTypes(to: string, folders: readonly string[], from = '.'): void {
  for (const folder of folders) {
    cpSync(join(from, folder), join(to, folder), { recursive: true })
    for (const name of globSync(`${folder}/**/*.ts`, { cwd: to })) {
      const file = join(to, name)
      writeFileSync(file, namingJs(stripTypeScriptTypes(readFileSync(file, 'utf8'))))
      renameSync(file, file.replace(/\.ts$/, '.js'))
    }
  }
}

/** A file of ours in quotes, as it is imported or as a worker is started from it. */
const OUR_FILE = /(['"])((?:\.{1,2}\/|#)[\w./-]+)\.ts\1/g

const namingJs = (source: string): string => source.replace(OUR_FILE, '$1$2.js$1')

if (import.meta.main) {
  const [to, ...folders] = process.argv.slice(2)
  if (to === undefined || folders.length === 0) {
    process.stderr.write('Usage: node infra/strip-types.ts TO FOLDER...\n')
    process.exit(2)
  }
  stripTypes(to, folders)
}
