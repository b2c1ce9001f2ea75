import { randomUUID } from 'node:crypto'
import { type Account, arnOf } from '../account.ts'
import type { Made } from './resource-type.ts'
import type { Template } from './template.ts'

/** A stack and all that happened to it. */
export interface Stack {
  readonly id: string
  readonly name: string
  status: string
  template: Template
  tags: Readonly<Record<string, string>>
  /** What is there, by logical id. */
  readonly resources: Map<string, StackResource>
  outputs: readonly Output[]
  /** The newest first. */
  readonly events: StackEvent[]
  changeSet: ChangeSet | undefined
  policy: readonly PolicyStatement[]
  terminationProtection: boolean
  /** What goes on at the moment. */
  working: Promise<void>
}

export interface StackResource {
  readonly type: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly made: Made
  status: string
}

export interface Output {
  readonly OutputKey: string
  readonly OutputValue: string
}

export interface StackEvent {
  readonly EventId: string
  readonly StackId: string
  readonly StackName: string
  readonly LogicalResourceId: string
  readonly PhysicalResourceId: string
  readonly ResourceType: string
  readonly ResourceStatus: string
  readonly ResourceStatusReason?: string
  readonly Timestamp: Date
}

export interface ChangeSet {
  readonly id: string
  readonly type: string
  readonly template: Template
  /** `<logical id>.<property>` */
  readonly createOnly: ReadonlySet<string>
  readonly tags: Readonly<Record<string, string>>
  readonly status: 'CREATE_COMPLETE' | 'FAILED'
  readonly reason?: string
}

/** Of a stack policy. */
export interface PolicyStatement {
  readonly Effect: 'Allow' | 'Deny'
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
}

/** A stack that has nothing yet. */
export function createStack(account: Account, name: string): Stack {
  const id = arnOf(account, 'cloudformation', `stack/${name}/${randomUUID()}`)
  const stack: Stack = {
    id,
    name,
    status: 'REVIEW_IN_PROGRESS',
    template: { Resources: {} },
    tags: {},
    resources: new Map(),
    outputs: [],
    events: [],
    changeSet: undefined,
    policy: [],
    terminationProtection: false,
    working: Promise.resolve(),
  }
  account.stacks.set(name, stack)
  return stack
}

/** Notes what happened to a resource, or with the type `STACK` to the whole. */
export function note(
  stack: Stack,
  logicalId: string,
  type: string,
  status: string,
  reason?: string,
): void {
  const PhysicalResourceId =
    type === STACK ? stack.id : (stack.resources.get(logicalId)?.made.id ?? '')
  stack.events.unshift({
    EventId: randomUUID(),
    StackId: stack.id,
    StackName: stack.name,
    LogicalResourceId: logicalId,
    PhysicalResourceId,
    ResourceType: type,
    ResourceStatus: status,
    ...(reason === undefined ? {} : { ResourceStatusReason: reason }),
    Timestamp: new Date(),
  })
}

export const STACK = 'AWS::CloudFormation::Stack'

export function setStatus(stack: Stack, status: string, reason?: string): void {
  stack.status = status
  note(stack, stack.name, STACK, status, reason)
}
