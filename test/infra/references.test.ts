import assert from 'node:assert/strict'
import { test } from 'node:test'
import { danglingReferences } from '../support/references.ts'

const role = (Properties: Record<string, unknown>, more: object = {}) => ({
  Resources: {
    Role: { Type: 'AWS::IAM::Role', Properties: {} },
    User: { Type: 'AWS::Some::Thing', Properties, ...more },
  },
  Outputs: {},
})

test('references that lead somewhere are no problem', () => {
  const template = role(
    {
      a: { Ref: 'Role' },
      b: [{ 'Fn::GetAtt': ['Role', 'Arn'] }, { 'Fn::GetAtt': 'Role.Arn' }],
      c: { 'Fn::Sub': '$' + '{Role} $' + '{Role.Arn} $' + '{AWS::Region} $' + '{!Anything}' },
      d: { 'Fn::Sub': ['$' + '{own}', { own: { Ref: 'AWS::StackName' } }] },
    },
    { DependsOn: ['Role'] },
  )
  assert.deepEqual(danglingReferences(template), [])
})

const DANGLING: readonly [string, unknown, string][] = [
  ['Ref', { Ref: 'Nobody' }, 'resource Nobody'],
  ['GetAtt of nothing', { 'Fn::GetAtt': ['Nobody', 'Arn'] }, 'resource Nobody'],
  [
    'GetAtt of no attribute',
    { 'Fn::GetAtt': ['Role', 'Colour'] },
    'attribute Colour of AWS::IAM::Role',
  ],
  ['Sub', { 'Fn::Sub': 'arn:$' + '{Nobody}' }, 'resource Nobody'],
  [
    'Sub of no attribute',
    { 'Fn::Sub': '$' + '{Role.Colour}' },
    'attribute Colour of AWS::IAM::Role',
  ],
  ['a deep one', { 'Fn::Join': ['', ['a', { Ref: 'Nobody' }]] }, 'resource Nobody'],
]
for (const [name, value, missing] of DANGLING) {
  test(`a reference that leads nowhere is found: ${name}`, () => {
    const [first, ...more] = danglingReferences(role({ value }))
    assert.match(first ?? '', new RegExp(`^/Resources/User/Properties/value.*: ${missing}$`))
    assert.deepEqual(more, [])
  })
}

test('a DependsOn that leads nowhere is found', () => {
  const template = role({}, { DependsOn: ['Role', 'Nobody'] })
  assert.deepEqual(danglingReferences(template), ['/Resources/User: resource Nobody'])
})
