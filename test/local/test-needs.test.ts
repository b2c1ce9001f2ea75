import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needsOf } from '#infra/local/test-needs.ts'

const NEEDS = [
  { file: 'test/unit/http-path.test.ts', rabbitmq: false, nginx: false },
  { file: 'test/unit/chaos.test.ts', rabbitmq: false, nginx: false },
  { file: 'test/http/offline.test.ts', rabbitmq: false, nginx: false },
  { file: 'test/broker/publisher.test.ts', rabbitmq: true, nginx: false },
  { file: 'test/edge/limits.test.ts', rabbitmq: false, nginx: true },
  { file: 'test/edge/gateway.test.ts', rabbitmq: true, nginx: true },
  { file: 'test/docs/readme.test.ts', rabbitmq: true, nginx: true },
  { file: 'test/long/planted-bugs.test.ts', rabbitmq: true, nginx: true },
]

for (const { file, rabbitmq, nginx } of NEEDS) {
  test(`${file} needs ${rabbitmq ? 'a' : 'no'} broker and ${nginx ? 'an' : 'no'} nginx`, () => {
    assert.deepEqual(needsOf([file]), { needRabbitmq: rabbitmq, needNginx: nginx })
  })
}

test('several files need what any of them needs', () => {
  const files = ['test/broker/publisher.test.ts', 'test/edge/limits.test.ts']
  assert.deepEqual(needsOf(files), { needRabbitmq: true, needNginx: true })
})
