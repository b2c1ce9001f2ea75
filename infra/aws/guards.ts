import type { Resource } from '../cloudformation.ts'
import type { Installation } from './installation.ts'

export type Guard = Pick<Resource, 'DeletionPolicy' | 'UpdateReplacePolicy'>

/**
 * Keeps what holds messages, and what that hangs on, when the stack goes or would replace it; a first
 * deployment that fails leaves nothing behind.
 */
export const guardOf = ({ protect }: Installation): Guard =>
  protect
    ? { DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' }
    : { DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' }

/** Statements on updates of the stack, as CloudFormation takes them. */
export type StackPolicy = readonly { readonly [key: string]: unknown }[]

/** Resources with messages or secrets in them, which no update may replace or remove. */
const GUARDED = [
  'ApiTokensSecret',
  'Broker',
  'BrokerAdminSecret',
  'BrokerBootstrapSecret',
  'BrokerConfiguration',
  'Vpc',
]

const ALLOW_ALL = { Effect: 'Allow', Principal: '*', Action: 'Update:*', Resource: '*' }

/**
 * Holds from the second deployment on: the first one makes these resources. It is set again when
 * nothing is protected any more, or the stack would keep the former one.
 */
export const stackPolicy = ({ protect }: Installation): StackPolicy =>
  protect
    ? [
        ALLOW_ALL,
        {
          Effect: 'Deny',
          Principal: '*',
          Action: ['Update:Replace', 'Update:Delete'],
          Resource: GUARDED.map((id) => `LogicalResourceId/${id}`),
        },
      ]
    : [ALLOW_ALL]
