import type { ResourceType } from '../cloudformation/resource-type.ts'
import { unknown } from '../errors.ts'
import { restApiTypes } from '../rest-api/resources.ts'
import { brokerTypes } from './broker.ts'
import { customResource } from './custom.ts'
import { ecsTypes } from './ecs.ts'
import { functionTypes } from './functions.ts'
import { recordTypes } from './records.ts'
import { storageTypes } from './storage.ts'

/** Those that do something, and those that are only noted down. */
const TYPES: Readonly<Record<string, ResourceType>> = {
  ...recordTypes,
  ...storageTypes,
  ...functionTypes,
  ...restApiTypes,
  ...brokerTypes,
  ...ecsTypes,
}

/** @throws {AwsError} this stand-in does not know the type */
export function typeOf(type: string): ResourceType {
  if (type.startsWith('Custom::')) return customResource
  const found = TYPES[type]
  if (found === undefined) throw unknown(`the resource type ${type}`)
  return found
}
