import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '#infra/local/settings.ts'
import { codeBlocks } from './markdown.ts'

/** A language in which docs/api.md shows how to send again. */
export interface Language {
  readonly fence: string
  readonly file: string
  readonly command: string
  /** A program that publishes what its arguments say: address, token, body. */
  readonly program: (block: string) => string
}

export const LANGUAGES: readonly Language[] = [
  {
    fence: 'php',
    file: 'send.php',
    command: 'php',
    program: (block) => `<?php\n${block}\necho publish($argv[1], $argv[2], $argv[3]);\n`,
  },
  {
    fence: 'python',
    file: 'send.py',
    command: 'python3',
    program: (block) =>
      `${block}\nimport sys\nprint(publish(sys.argv[1], sys.argv[2], sys.argv[3].encode()).decode())\n`,
  },
  { fence: 'java', file: 'Send.java', command: 'java', program: inClass },
  {
    fence: 'sh',
    file: 'send.sh',
    command: 'sh',
    program: (block) => `${block}\npublish "$@"\n`,
  },
]

function inClass(block: string): string {
  const lines = block.split('\n')
  const isImport = (line: string) => line.startsWith('import ')
  return [
    ...lines.filter(isImport),
    'class Send {',
    ...lines.filter((line) => !isImport(line)),
    'public static void main(String[] given) throws Exception {',
    'System.out.println(publish(given[0], given[1], given[2], 8));',
    '}}',
  ].join('\n')
}

/** The lines of the documentation that define `publish`. */
export async function blockOf({ fence }: Language): Promise<string> {
  const text = await readFile(join(ROOT, 'docs', 'api.md'), 'utf8')
  const [block, ...more] = codeBlocks(text, fence).filter((each) => /\bpublish\(/.test(each))
  if (block === undefined || more.length > 0) throw new Error(`one block of ${fence}, not more`)
  return block
}

/** How a run of it ended. */
export interface Run {
  readonly succeeded: boolean
  /** All it printed. */
  readonly printed: string
}

/** Runs the documentation's lines. */
export async function runSender(language: Language, given: readonly string[]): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-sender-'))
  const file = join(folder, language.file)
  await writeFile(file, language.program(await blockOf(language)))
  try {
    return await new Promise((resolve) => {
      execFile(language.command, [file, ...given], (error, stdout, stderr) =>
        resolve({ succeeded: error === null, printed: stdout + stderr }),
      )
    })
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}
