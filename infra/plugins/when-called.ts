import type { Plugin } from 'esbuild'

/**
 * What amqplib requires at its start, and most functions never call: loading it took 15 of the 40 ms of
 * CPU time of a start (Node 24, November 2026). It is loaded with its first call: TLS with the first
 * connection to an `amqps://`, unless the SDK has brought it before.
 */
const MODULES: Readonly<Record<string, string>> = {
  'node:tls': `exports.connect = (...args) => require('node:tls').connect(...args)`,
  'node:assert': `
    module.exports = (ok, message) => { if (!ok) require('node:assert')(ok, message) }
    module.exports.equal = (a, b) => { if (a !== b) require('node:assert').equal(a, b) }`,
}

const FROM = /[\\/]node_modules[\\/]amqplib[\\/]/
const NAMESPACE = 'when-called'

/** Gives amqplib these modules only when it calls them. */
export const whenCalled: Plugin = {
  name: 'when-called',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:/ }, ({ path, importer }) =>
      path in MODULES && FROM.test(importer) ? { path, namespace: NAMESPACE } : null,
    )
    onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
      contents: MODULES[path] ?? '',
    }))
  },
}
