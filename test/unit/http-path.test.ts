import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodePath, exchangeIn } from '#lib/http/path.ts'
import { codeOf } from '../support/errors.ts'

const exchange = (rest: string) => exchangeIn(`/publish/${rest}`, '/publish/')

describe('the name of the exchange in a path', () => {
  for (const [rest, name] of [
    ['orders', 'orders'],
    ['a/b', 'a/b'],
    ['a%2Fb', 'a/b'],
    ['a%2fb', 'a/b'],
    ['orders/', 'orders'],
    ['orders%2F', 'orders/'],
    ['my%20x', 'my x'],
    ['a+b;c', 'a+b;c'],
    ['%C3%A9', 'é'],
    // Raw bytes, as Node hands them over; and a letter that is no UTF-8.
    [Buffer.from('é').toString('latin1'), 'é'],
    ['\xe9', 'é'],
    ['...', '...'],
    ['amq.direct', 'amq.direct'],
    ['a%3Fb%23c', 'a?b#c'],
  ] as const) {
    test(`${rest} is ${name}`, () => assert.equal(exchange(rest), name))
  }

  test('nothing is not found, and never the default exchange', () => {
    assert.equal(
      codeOf(() => exchange('')),
      'not-found',
    )
  })

  for (const [rest, why] of [
    ['%25', 'a % left'],
    ['a%252Fb', 'encoded twice'],
    ['%ZZ', 'malformed'],
    ['%C3', 'cut UTF-8'],
    ['%C0%AF', 'overlong UTF-8'],
    ['%', 'malformed'],
    ['..', 'dot segment'],
    ['.', 'dot segment'],
    ['a/../b', 'dot segment'],
    ['a%2F..%2Fb', 'dot segment, encoded'],
    ['%2e%2E/b', 'dot segment, encoded'],
    ['/a', 'empty segment'],
    ['%2Fa', 'empty segment, encoded'],
    ['a//b', 'empty segment'],
    ['a%2F/b', 'empty segment, half encoded'],
    ['a//', 'empty segment'],
    ['/', 'empty segment'],
    ['a%00b', 'control character'],
    ['a%0Ab', 'control character, which the broker would strip'],
    ['x'.repeat(256), 'over 255 bytes'],
    ['%C3%A9'.repeat(128), 'over 255 bytes, though not 255 characters'],
  ] as const) {
    test(`${rest.slice(0, 20)} is refused: ${why}`, () => {
      assert.equal(
        codeOf(() => exchange(rest)),
        'invalid-request',
      )
    })
  }

  test('255 bytes are allowed', () => {
    assert.equal(exchange('x'.repeat(255)).length, 255)
  })

  test('a path with another prefix names no exchange', () => {
    assert.equal(
      codeOf(() => exchangeIn('/publish', '/publish/')),
      'not-found',
    )
    assert.equal(
      codeOf(() => exchangeIn('/health', '/publish/')),
      'not-found',
    )
    assert.equal(
      codeOf(() => exchangeIn('/publish%2Forders', '/publish/')),
      'not-found',
    )
  })
})

test('every name that can be sent comes out as it was, wherever it is encoded', () => {
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
    .filter((text) => /^[^\p{Cc}%]+$/u.test(text) && Buffer.byteLength(text) <= 255)
    .filter((text) => !`/${text}`.includes('//') && !text.split('/').some((s) => /^\.\.?$/.test(s)))
  fc.assert(
    fc.property(name, (text) => {
      assert.equal(exchange(encodeURIComponent(text)), text)
      if (!text.endsWith('/'))
        assert.equal(exchange(encodeURI(text).replaceAll(/[?#]/g, encodeURIComponent)), text)
    }),
  )
})

test('whatever a path is, what comes out has no dot segment, empty segment or control character', () => {
  const unit = fc.constantFrom(
    'a',
    '/',
    '.',
    '%',
    '2',
    'F',
    '5',
    'e',
    '%2F',
    '%2e',
    '%25',
    '%00',
    'é',
  )
  fc.assert(
    fc.property(fc.string({ unit }), (rest) => {
      const path = decodedOrUndefined(`/${rest}`)
      if (path === undefined) return
      assert.doesNotMatch(path, /%|\/\/|\/\.\.?(\/|$)|\p{Cc}/u)
    }),
  )
})

function decodedOrUndefined(path: string): string | undefined {
  try {
    return decodePath(path)
  } catch {
    return undefined
  }
}
