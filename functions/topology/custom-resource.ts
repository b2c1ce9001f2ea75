import type { CloudFormationCustomResourceEvent as Event } from 'aws-lambda'
import { type Deadline, deadlineIn, remainingMs } from '#lib/deadline.ts'
import { describeError, type Log } from '#lib/log.ts'
import { within } from '#lib/within.ts'

/** What CloudFormation is told. */
export interface Answer extends Outcome {
  readonly StackId: string
  readonly RequestId: string
  readonly LogicalResourceId: string
}

/** A custom resource. All that it does may be done again: CloudFormation asks more than once. */
export interface CustomResource {
  /** Who it is; an update that changes this makes another one, and the old one is removed at the end. */
  readonly id: string
  /** Makes it so. @param old properties of before, when it is changed */
  put(old: unknown, deadline: Deadline): Promise<void>
  /** Takes it away. @param stack name of the CloudFormation stack */
  remove(stack: string, deadline: Deadline): Promise<void>
}

/** Makes the resource of these properties. @throws {Error} naming every wrong one */
export type ReadResource = (properties: unknown) => CustomResource

export interface CustomResourceOptions {
  /** By the name of the type. It is called with each request, so that what it throws is answered. */
  readonly typesOf: () => Readonly<Record<string, ReadResource>>
  /** Hands the answer over to CloudFormation. */
  readonly respond: (url: string, answer: Answer) => Promise<void>
  readonly log: Log
}

/** Of Lambda's time, for the answer: without one, CloudFormation waits for an hour. */
const RESERVE_MS = 12_000
/** The whole answer may have 4096 bytes. */
const REASON_CHARS = 1000
/** The id of what was never made. */
const NOT_MADE = 'not-made'

/**
 * Makes the function that CloudFormation calls. It answers each request once, whatever happens, before
 * Lambda ends it. A deletion always succeeds: it must not block the stack; what stays behind is told
 * by the log and by metrics.
 * @throws {Error} (the function) CloudFormation takes no answer: Lambda calls again then
 */
export function createCustomResource(options: CustomResourceOptions) {
  return async (event: Event, lambdaMs: number): Promise<void> => {
    const deadline = deadlineIn(lambdaMs - RESERVE_MS)
    const { StackId, RequestId, LogicalResourceId } = event
    const outcome = await outcomeOf(event, options, deadline)
    await options.respond(event.ResponseURL, { StackId, RequestId, LogicalResourceId, ...outcome })
  }
}

interface Outcome {
  readonly Status: 'SUCCESS' | 'FAILED'
  readonly Reason: string
  readonly PhysicalResourceId: string
}

async function outcomeOf(
  event: Event,
  { typesOf, log }: CustomResourceOptions,
  deadline: Deadline,
): Promise<Outcome> {
  const { RequestType: request, LogicalResourceId: resource } = event
  const about = log.child({ request, resource })
  let id = 'PhysicalResourceId' in event ? event.PhysicalResourceId : NOT_MADE
  try {
    const isNothing = request === 'Delete' && id === NOT_MADE
    if (!isNothing) {
      const made = resourceOf(event, typesOf())
      if (request === 'Create') id = made.id // What a failed one has made is removed by this id.
      await within(act(event, made, deadline), remainingMs(deadline), late)
      if (request === 'Update') id = made.id
    }
    about.info({ id }, 'done')
    return { Status: 'SUCCESS', Reason: '', PhysicalResourceId: id }
  } catch (error) {
    const Reason = describeError(error).slice(0, REASON_CHARS)
    about.error({ id, err: Reason }, request === 'Delete' ? 'left behind' : 'failed')
    const Status = request === 'Delete' ? 'SUCCESS' : 'FAILED'
    return { Status, Reason, PhysicalResourceId: id }
  }
}

const late = () => new Error('it could not be done in time')

function resourceOf(
  { ResourceType, ResourceProperties }: Event,
  types: Readonly<Record<string, ReadResource>>,
): CustomResource {
  const read = types[ResourceType]
  if (read === undefined) throw new Error(`${ResourceType} is not known here`)
  return read(ResourceProperties)
}

function act(event: Event, resource: CustomResource, deadline: Deadline): Promise<void> {
  if (event.RequestType === 'Delete') return resource.remove(stackName(event.StackId), deadline)
  const old = event.RequestType === 'Update' ? event.OldResourceProperties : undefined
  return resource.put(old, deadline)
}

/** `arn:aws:cloudformation:<region>:<account>:stack/<name>/<id>` */
const stackName = (stackId: string): string => stackId.split('/')[1] ?? stackId
