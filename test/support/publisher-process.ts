import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Publisher, Receipt } from '#lib/amqp/message.ts'
import { createPublisher } from '#lib/amqp/publisher.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import { createLog } from '#lib/log.ts'
import { message } from './messages.ts'

/** What the process answers to one publish. */
export interface Answer extends Partial<Receipt> {
  readonly code?: string
  readonly ms: number
}

/** A publisher in a process of its own, so that it can be frozen. */
export interface PublisherProcess {
  publish(exchange: string, messageId: string): Promise<Answer>
  /** SIGSTOP, and SIGCONT after `ms`; `meanwhile` runs in between. */
  freeze(ms: number, meanwhile?: () => void): Promise<void>
  stop(): Promise<void>
}

export async function startPublisherProcess(
  amqpUrl: string,
  heartbeatS: number,
): Promise<PublisherProcess> {
  const child = fork(import.meta.filename, [amqpUrl, String(heartbeatS)])
  await once(child, 'message')
  return {
    publish: (exchange, messageId) => ask(child, { exchange, messageId }),
    freeze: async (ms, meanwhile = () => {}) => {
      child.kill('SIGSTOP')
      await new Promise((resolve) => setTimeout(resolve, ms / 2))
      meanwhile()
      await new Promise((resolve) => setTimeout(resolve, ms / 2))
      child.kill('SIGCONT')
    },
    stop: async () => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

interface Request {
  readonly exchange: string
  readonly messageId: string
}

async function ask(child: ChildProcess, request: Request): Promise<Answer> {
  child.send(request)
  const [answer] = (await once(child, 'message')) as [Answer]
  return answer
}

async function answer(publisher: Publisher, { exchange, messageId }: Request): Promise<Answer> {
  const started = performance.now()
  const took = () => performance.now() - started
  try {
    const receipt = await publisher.publish(message(exchange, { messageId }), deadlineIn(7000))
    return { ...receipt, ms: took() }
  } catch (error) {
    return { code: error instanceof WarrenError ? error.code : String(error), ms: took() }
  }
}

if (process.argv[1] === import.meta.filename) {
  const [, , url = '', heartbeatS] = process.argv
  const publisher = createPublisher({
    broker: { url, heartbeatS: Number(heartbeatS) },
    connectionName: 'frozen',
    log: createLog({ level: 'silent' }),
  })
  process.on('message', (request: Request) => {
    void answer(publisher, request).then((result) => process.send?.(result))
  })
  process.send?.('ready')
}
