import { randomUUID } from 'node:crypto'
import { arnOf } from '../account.ts'
import type { ResourceType } from '../cloudformation/resource-type.ts'
import { AwsError } from '../errors.ts'
import { withSecrets } from './storage.ts'

interface User {
  readonly Username: string
  readonly Password: string
}

/** A broker of Amazon MQ: a RabbitMQ that is there already, with the user that was wished for. */
const broker: ResourceType = {
  create: async ({ account, properties }) => {
    const { amazonMq } = account
    if (amazonMq === undefined)
      throw new AwsError('ValidationError', 'no RabbitMQ is behind Amazon MQ')
    const [user] = (properties['Users'] ?? []) as User[]
    if (user === undefined) throw new AwsError('ValidationError', 'a broker needs a user')
    const [name, password] = [user.Username, user.Password].map((text) =>
      withSecrets(account, text),
    )
    await amazonMq.createUser(name as string, password as string)
    const id = amazonMq.host.split('.')[0] as string
    const AmqpEndpoints = [`amqps://${amazonMq.host}:5671`]
    return { id, attributes: { Arn: arnOf(account, 'mq', `broker:${id}`), AmqpEndpoints } }
  },
  update: (_wanted, made) => made,
}

const configuration: ResourceType = {
  create: ({ account }) => {
    const id = `c-${randomUUID()}`
    const attributes = { Arn: arnOf(account, 'mq', `configuration:${id}`), Id: id, Revision: '1' }
    return { id, attributes }
  },
  update: (_wanted, { id, attributes }) => ({
    id,
    attributes: { ...attributes, Revision: String(Number(attributes['Revision']) + 1) },
  }),
}

export const brokerTypes: Readonly<Record<string, ResourceType>> = {
  'AWS::AmazonMQ::Broker': broker,
  'AWS::AmazonMQ::Configuration': configuration,
}
