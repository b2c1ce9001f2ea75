'use strict'

// A global `serverless` may run on the machine's own Node, and an old one cannot read TypeScript.
const OLDEST = 24

/** Runs `load`, which requires a TypeScript module; says in one line why an old Node cannot. */
module.exports = (load) => {
  if (Number.parseInt(process.versions.node, 10) >= OLDEST) return load()
  Error.stackTraceLimit = 0 // The framework prints the stack.
  throw new Error(
    `Warren needs Node ${OLDEST}, this is ${process.version}: run \`npx serverless\` in the checkout, it brings its own.`,
  )
}
