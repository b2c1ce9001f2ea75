// One execution environment of Lambda, for environment.ts: it loads what is deployed, and calls it.
const { handler } = require(process.argv[2])

process.on('message', async ({ event, lambdaMs }) => {
  const endMs = performance.now() + lambdaMs
  const context = { getRemainingTimeInMillis: () => endMs - performance.now() }
  process.send(await handler(event, context))
})
process.send('ready')
