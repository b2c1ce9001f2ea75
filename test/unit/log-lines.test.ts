import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

const MODULE = JSON.stringify(new URL('../../lib/log-lines.ts', import.meta.url).href)

/** A program that logs `count` lines of 100 characters, one every `everyMs`, then says so on standard error. */
const program = (writer: string, count: number) => `
  import { droppedLines, gatheredToStdout, toStdout } from ${MODULE}
  const write = ${writer}
  for (let id = 0; id < ${count}; id += 1) {
    write(JSON.stringify({ id, filler: 'x'.repeat(80) }))
    if (id % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  process.stderr.write('dropped ' + droppedLines() + '\\n')
  process.stdin.once('data', () => {
    write(JSON.stringify({ id: 'last' }))
    process.stdin.unref()
  })
`

function start(t: TestContext, source: string, stdout: 'pipe' | number) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['pipe', stdout, 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  return child
}

const WRITERS = { 'each line at once': 'toStdout', 'lines gathered': 'gatheredToStdout()' }

for (const [name, writer] of Object.entries(WRITERS)) {
  describe(`a log, ${name}`, () => {
    test('all lines arrive, in order, and none is lost at the end', async (t) => {
      const child = start(t, program(writer, 5000), 'pipe')
      child.stdin?.end('end')
      const lines = (await text(child.stdout as NodeJS.ReadableStream)).trimEnd().split('\n')
      assert.deepEqual(
        lines.map((line) => JSON.parse(line).id),
        [...Array(5000).keys(), 'last'],
      )
    })

    test('a full disk ends nothing, and what is lost is counted', async (t) => {
      const child = start(t, program(writer, 20_000), openSync('/dev/full', 'w'))
      const [said] = await once(child.stderr as NodeJS.ReadableStream, 'data')
      assert.ok(Number(/^dropped (\d+)/.exec(String(said))?.[1]) > 5000, String(said))
      child.stdin?.end('end')
      assert.deepEqual(await once(child, 'exit'), [0, null])
    })

    test('a reader that has gone ends nothing', async (t) => {
      const child = start(t, program(writer, 20_000), 'pipe')
      child.stdout?.destroy()
      const [said] = await once(child.stderr as NodeJS.ReadableStream, 'data')
      assert.match(String(said), /^dropped \d+/)
      child.stdin?.end('end')
      assert.deepEqual(await once(child, 'exit'), [0, null])
    })

    test('a reader that stands still keeps nothing waiting; it is told how many lines were dropped', async (t) => {
      const child = start(t, program(writer, 30_000), 'pipe')
      const [said] = await once(child.stderr as NodeJS.ReadableStream, 'data')
      const dropped = Number(/^dropped (\d+)/.exec(String(said))?.[1])
      assert.ok(dropped > 10_000, `${said}`)
      const all = text(child.stdout as NodeJS.ReadableStream)
      await sleep(500) // All that was waiting is read.
      child.stdin?.end('end')
      const lines = (await all)
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
      const kept = 30_000 - dropped
      assert.deepEqual(
        lines.slice(0, kept).map(({ id }) => id),
        [...Array(kept).keys()],
      )
      const [notice, last, ...more] = lines.slice(kept)
      assert.equal(notice.message, 'lines of this log were dropped: nobody took them')
      assert.deepEqual(
        [notice.level, notice.dropped, last.id, more.length],
        ['warn', dropped, 'last', 0],
      )
    })

    test('a reader that stands still for ever does not keep the process from its end', async (t) => {
      const child = start(t, program(writer, 30_000), 'pipe')
      await once(child.stderr as NodeJS.ReadableStream, 'data')
      const endedMs = performance.now()
      child.stdin?.end('end')
      assert.deepEqual(await once(child, 'exit'), [0, null])
      assert.ok(performance.now() - endedMs < 5000)
    })
  })
}
