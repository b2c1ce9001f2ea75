import assert from 'node:assert/strict'
import { docker, logsOf, type Stack } from './docker.ts'

/** Where a service tells numbers. */
const METRICS = [
  'http://gateway:9090/metrics',
  'http://exchange2topic1:9091/metrics',
  'http://exchange2topic2:9091/metrics',
  'http://rabbit:15692/metrics',
  'http://rabbit:15692/metrics/detailed?family=queue_coarse_metrics&family=connection_metrics',
]

/**
 * Fails where one of these strings, as it is or encoded, stands in what a stack shows to people who may
 * see no secret: its logs, inspections of its containers, images, volumes and networks, command lines,
 * metrics, configuration; and in `more`. The password of the gateway and the relays is looked for, too.
 */
export async function assertNowhere(
  stack: Stack,
  secrets: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const texts = new Map([...Object.entries(more), ...(await shownBy(stack))])
  const wanted = [...secrets, await servicePassword(stack)].flatMap(spellings)
  for (const [where, text] of texts) {
    assert.ok(text.length > 0, `${where} is empty`)
    for (const secret of wanted) assert.ok(!text.includes(secret), `${secret} is in ${where}`)
  }
}

/** Without padding: what follows changes the last characters. */
const spellings = (secret: string) => [
  secret,
  encodeURIComponent(secret),
  ...[0, 1, 2].map((shift) =>
    Buffer.from(`${' '.repeat(shift)}${secret}`)
      .toString('base64')
      .slice(4, -4),
  ),
]

/** Found where only the services find it. */
async function servicePassword(stack: Stack): Promise<string> {
  const file = '/var/lib/warren/services/amqp-url'
  const url = await docker('exec', await stack.container('gateway'), 'cat', file)
  const { password } = new URL(url)
  assert.ok(password.length >= 32)
  return password
}

async function shownBy(stack: Stack): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  const edge = await stack.container('edge')
  for (const id of (await stack.compose(['ps', '--all', '--quiet'])).split('\n')) {
    const name = await docker('inspect', '--format', '{{.Name}}', id)
    texts.set(`the log of ${name}`, await logsOf(id))
    texts.set(`the inspection of ${name}`, await docker('inspect', id))
    const image = await docker('inspect', '--format', '{{.Image}}', id)
    texts.set(`the image of ${name}`, await docker('image', 'inspect', image))
    texts.set(`the image's history of ${name}`, await docker('history', '--no-trunc', image))
    const runs = await docker('inspect', '--format', '{{.State.Running}}', id)
    if (runs === 'true')
      texts.set(`processes of ${name}`, await docker('top', id, '-eo', 'pid,args'))
  }
  for (const url of METRICS) {
    const script = `fetch('${url}').then(async (r) => console.log(await r.text()))`
    texts.set(url, await docker('exec', edge, 'node', '-e', script))
    assert.match(texts.get(url) as string, /^# TYPE /m)
  }
  const conf = '/var/lib/warren/edge/nginx.conf'
  texts.set('nginx.conf', await docker('exec', edge, 'cat', conf))
  texts.set('the compose file as it is read', await stack.compose(['config']))
  const ours = ['--quiet', '--filter', `label=com.docker.compose.project=${stack.project}`]
  for (const kind of ['volume', 'network']) {
    const ids = (await docker(kind, 'ls', ...ours)).split('\n')
    texts.set(`the ${kind}s`, await docker(kind, 'inspect', ...ids))
  }
  return texts
}
