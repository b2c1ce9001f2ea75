import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Env } from '#lib/config.ts'
import { EXTERNAL, listener, type Resources, resourcesOf } from '../support/installation.ts'

const TWO = [listener('topic1'), listener('topic2')]

/** What the third entry changes: ids that it adds, and ids of resources that are not as before. */
function added(third: Parameters<typeof listener>, parameters: Env = {}) {
  const before = resourcesOf(parameters, TWO)
  const after = resourcesOf(parameters, [...TWO, listener(...third)])
  const changed = Object.keys(before).filter((id) => text(before, id) !== text(after, id))
  assert.deepEqual(changed, [], 'nothing that was there changes')
  return Object.keys(after)
    .filter((id) => !(id in before))
    .map((id) => `${id} ${after[id]?.Type}`)
}

const text = (resources: Resources, id: string) => JSON.stringify(resources[id])

test('one more relay is its task, service, log, user, custom resource and alarms, and nothing else', () => {
  assert.deepEqual(added(['eu-orders']).toSorted(), [
    'RelayEuXordersBacklogAlarm AWS::CloudWatch::Alarm',
    'RelayEuXordersListener Custom::WarrenListener',
    'RelayEuXordersLogGroup AWS::Logs::LogGroup',
    'RelayEuXordersParkedAlarm AWS::CloudWatch::Alarm',
    'RelayEuXordersRotation AWS::SecretsManager::RotationSchedule',
    'RelayEuXordersSecretPolicy AWS::IAM::Policy',
    'RelayEuXordersService AWS::ECS::Service',
    'RelayEuXordersTask AWS::ECS::TaskDefinition',
    'RelayEuXordersTaskRole AWS::IAM::Role',
    'RelayEuXordersUrlSecret AWS::SecretsManager::Secret',
  ])
})

test('one more listener that binds is its custom resource', () => {
  assert.deepEqual(added(['eu-orders', 'bind']), ['RelayEuXordersListener Custom::WarrenListener'])
})

test('with an external broker a relay has no user of its own', () => {
  assert.deepEqual(added(['topic3'], EXTERNAL).toSorted(), [
    'RelayTopic3BacklogAlarm AWS::CloudWatch::Alarm',
    'RelayTopic3Listener Custom::WarrenListener',
    'RelayTopic3LogGroup AWS::Logs::LogGroup',
    'RelayTopic3ParkedAlarm AWS::CloudWatch::Alarm',
    'RelayTopic3Service AWS::ECS::Service',
    'RelayTopic3Task AWS::ECS::TaskDefinition',
    'RelayTopic3TaskRole AWS::IAM::Role',
  ])
})

test('names that differ never share a resource', () => {
  const names = ['a-b', 'ab', 'axb', 'a-1', 'a1', 'a--1']
  const resources = resourcesOf(
    { size: 'ha' },
    names.map((name) => listener(name)),
  )
  const tasks = Object.values(resources).filter(({ Type }) => Type === 'AWS::ECS::Service')
  assert.equal(tasks.length, names.length + 1)
})
