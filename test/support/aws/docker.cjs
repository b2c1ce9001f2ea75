// Plays the Docker client: says what it was asked to do to the stand-in for AWS, which is the registry.
const { readFileSync } = require('node:fs')

const [, , ...args] = process.argv
const input = args.includes('--password-stdin') ? readFileSync(0, 'utf8') : ''
void fetch(`${process.env.AWS_ENDPOINT_URL}/docker`, {
  method: 'POST',
  body: JSON.stringify({ args, input }),
}).then(async (response) => {
  const text = await response.text()
  console.log(text)
  process.exitCode = response.ok ? 0 : 1
})
