import { test } from 'node:test'
import { assertAgrees, mutations } from '../support/json-mutations.ts'
import { seeded } from '../support/seeded.ts'

const COUNT = 1_000_000

test(`the check of JSON agrees with JSON.parse on ${COUNT} mutated texts, and finds the same items`, (t) => {
  const seed = Date.now()
  t.diagnostic(`seed ${seed}`)
  const random = seeded(seed)
  const bodies = mutations(seed)
  for (let count = 0; count < COUNT; count += 1) {
    assertAgrees(bodies.next().value, (most) => Math.floor(random() * most))
  }
})
