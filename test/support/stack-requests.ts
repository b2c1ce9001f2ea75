import { docker, type Stack } from './docker.ts'
import { type Received, send } from './send.ts'

export interface Publication {
  readonly token: string
  readonly body: string
  /** @default 'exchange' */
  readonly exchange?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
}

/** Publishes through a stack's edge, as JSON. */
export const publishTo = (
  { origin }: Pick<Stack, 'origin'>,
  { token, body, exchange = 'exchange', headers = {} }: Publication,
): Promise<Received> =>
  send(origin, {
    path: `/publish/${exchange}`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body,
  })

/** Messages in each queue, by the broker's own account. */
export const queueLengths = async (stack: Stack): Promise<ReadonlyMap<string, number>> =>
  queueLengthsIn(await stack.container('rabbit'))

/** The same, of the broker in this container. */
export async function queueLengthsIn(container: string): Promise<ReadonlyMap<string, number>> {
  const table = await docker(
    ...['exec', container, 'rabbitmqctl', '--quiet', '--no-table-headers'],
    ...['list_queues', 'name', 'messages'],
  )
  const rows = table.split('\n').map((line) => line.split('\t'))
  return new Map(rows.map(([name = '', count]) => [name, Number(count)]))
}
