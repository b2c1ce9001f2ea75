import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { EXIT } from '../support/report.ts'

// That the ledger is green says something only if it turns red for what it is there to find.

const CHECKOUT = join(import.meta.dirname, '..', '..')
/** All that `npm run chaos` reads. */
const SOURCES = ['package.json', 'lib', 'functions', 'gateway', 'relay', 'infra', 'test']

/** A bug: in this file, these texts are replaced. */
interface Bug {
  readonly file: string
  readonly changes: Readonly<Record<string, string>>
  /** Faults under which it loses messages, and how many ids and faults it takes. */
  readonly only: string
  readonly ids: number
  readonly faults: number
}

const BUGS: Readonly<Record<string, Bug>> = {
  'a relay that acknowledges before the copy is confirmed': {
    file: 'lib/amqp/consumer.ts',
    changes: {
      'channel.consume(queue, receive)': 'channel.consume(queue, receive, { noAck: true })',
      'ackUpTo: (deliveryTag) => channel.ack(tagged(deliveryTag), true)': 'ackUpTo: () => {}',
      'ack: (deliveryTag) => channel.ack(tagged(deliveryTag))': 'ack: () => {}',
    },
    only: 'black hole, relay',
    ids: 800,
    faults: 2,
  },
  'a publisher without mandatory': {
    file: 'lib/amqp/raw-writing.ts',
    changes: { 'MANDATORY = Buffer.from([1])': 'MANDATORY = Buffer.from([0])' },
    only: 'binding deleted',
    ids: 400,
    faults: 1,
  },
  'a second attempt under a new id': {
    file: 'lib/amqp/publisher.ts',
    changes: {
      '() => attempt(state, message, deadline, freezes.note)':
        '() => { const sent = message; message = { ...message, properties: { ...message.properties, messageId: crypto.randomUUID() } }; return attempt(state, sent, deadline, freezes.note) }',
    },
    only: 'reset, front',
    ids: 4000,
    faults: 4,
  },
  'a confirm that is taken for routed': {
    file: 'lib/amqp/exchange-channel.ts',
    changes: { 'settle(message, !message.returned)': 'settle(message, true)' },
    only: 'binding deleted',
    ids: 400,
    faults: 1,
  },
}

/** A copy of the checkout with this bug. */
async function plant(t: TestContext, { file, changes }: Bug): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-planted-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  for (const name of SOURCES) {
    await cp(join(CHECKOUT, name), join(folder, name), { recursive: true })
  }
  await symlink(join(CHECKOUT, 'node_modules'), join(folder, 'node_modules'))
  let text = await readFile(join(folder, file), 'utf8')
  for (const [right, wrong] of Object.entries(changes)) {
    assert.equal(text.split(right).length, 2, `${file} has no longer one "${right}"`)
    text = text.replace(right, wrong)
  }
  await writeFile(join(folder, file), text)
  return folder
}

interface Run {
  readonly code: number | null
  readonly printed: string
}

function chaos(folder: string, { ids, faults, only }: Bug): Promise<Run> {
  const args = ['--ids', `${ids}`, '--faults', `${faults}`, '--only', only, '--seed', '7']
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [join(folder, 'test', 'chaos', 'main.ts'), ...args],
      { cwd: folder },
      (_, stdout, stderr) => resolve({ code: child.exitCode, printed: stdout + stderr }),
    )
  })
}

for (const [name, bug] of Object.entries(BUGS)) {
  test(`the ledger finds ${name}`, async (t) => {
    const { code, printed } = await chaos(await plant(t, bug), bug)
    t.diagnostic(printed.trimEnd().split('\n').at(-1) as string)
    assert.equal(code, EXIT.lie, printed)
    assert.match(printed, /, lost [1-9]/)
  })
}
