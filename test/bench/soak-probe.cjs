'use strict'
// Preloaded into the gateway of the soak: what the process holds, as one line of JSON every SOAK_SAMPLE_S
// seconds, appended to SOAK_FILE. Every SOAK_COLLECT-th line follows a full garbage collection, for what
// is left after one is what is held; the others show what the process would do without us.
// Plain JavaScript: stripping types in that process would cost memory which is measured.

const { appendFileSync, readFileSync } = require('node:fs')
const { isMainThread } = require('node:worker_threads')

const { SOAK_FILE, SOAK_SAMPLE_S, SOAK_COLLECT } = process.env
const started = Date.now()
let lines = 0

/** How many of each kind keep the process busy, e.g. `{ TCPSocketWrap: 12 }`. */
function resources() {
  const counts = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] || 0) + 1
  return counts
}

/** In kB: memory that the allocator or V8 holds, apart from files mapped. */
const anonymous = () =>
  Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1])

function sample() {
  lines += 1
  const collected = lines % Number(SOAK_COLLECT) === 0
  if (collected) globalThis.gc()
  const line = {
    second: Math.round((Date.now() - started) / 1000),
    collected,
    ...process.memoryUsage(),
    anonymous: anonymous() * 1024,
    resources: resources(),
  }
  appendFileSync(SOAK_FILE, `${JSON.stringify(line)}\n`)
}

// A thread of the gateway's loads this as well.
if (isMainThread) setInterval(sample, Number(SOAK_SAMPLE_S) * 1000).unref()
