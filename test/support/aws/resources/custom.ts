import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Made, ResourceType, Wanted } from '../cloudformation/resource-type.ts'
import { AwsError } from '../errors.ts'
import { invoke } from '../functions.ts'
import { answerTo, expectAnswer } from './custom-answers.ts'

/** A custom resource: its function is invoked for real, and answers by a PUT to a URL that it is given. */
export const customResource: ResourceType = {
  create: (wanted) => request(wanted, { RequestType: 'Create' }),
  update: (wanted, made, before) =>
    request(wanted, {
      RequestType: 'Update',
      PhysicalResourceId: made.id,
      OldResourceProperties: asTexts(before),
    }),
  remove: async (wanted, { id }) => {
    await request(wanted, { RequestType: 'Delete', PhysicalResourceId: id })
  },
}

async function request(wanted: Wanted, more: object): Promise<Made> {
  const { account, properties, logicalId, stackId, type } = wanted
  const token = String(properties['ServiceToken'])
  const name = token.split(':').at(-1) ?? ''
  const deployed = account.functions.get(name)
  if (deployed === undefined || deployed.arn !== token) {
    throw new AwsError('ValidationError', `ServiceToken is no function: ${token}`)
  }
  const RequestId = randomUUID()
  expectAnswer(RequestId)
  const outcome = await invoke(deployed, {
    ...more,
    RequestId,
    ResponseURL: `${account.endpoint}/custom-resource-answers/${RequestId}?X-Amz-Signature=0`,
    StackId: stackId,
    LogicalResourceId: logicalId,
    ResourceType: type,
    ServiceToken: token,
    ResourceProperties: asTexts(properties),
  })
  const answer = answerTo(RequestId)
  if (answer === undefined) {
    // CloudFormation would wait for an hour.
    const why = outcome.error?.errorMessage ?? 'it ended without an answer'
    throw new AwsError(
      'CustomResource',
      `CloudFormation did not receive a response from ${name}: ${why}`,
    )
  }
  const echoed = { StackId: stackId, RequestId, LogicalResourceId: logicalId }
  const { Status, Reason, PhysicalResourceId, Data = {} } = answer
  if (!isDeepStrictEqual(echoed, pick(answer, Object.keys(echoed)))) {
    throw new AwsError('CustomResource', 'Invalid response: it names another request')
  }
  if (Status !== 'SUCCESS')
    throw new AwsError(
      'CustomResource',
      `Received response status [FAILED] from custom resource. Message returned: ${Reason}`,
    )
  if (typeof PhysicalResourceId !== 'string') {
    throw new AwsError('CustomResource', 'Invalid PhysicalResourceId')
  }
  return { id: PhysicalResourceId, attributes: Data }
}

const pick = (value: object, names: readonly string[]) =>
  Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)))

/** CloudFormation hands every scalar over as a text. */
function asTexts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asTexts)
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, asTexts(member)]))
}
