import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { Browser, Locator, Page } from 'playwright-core'
import { startTestApi, TOKEN } from '../support/api.ts'
import { behindStage } from '../support/behind-stage.ts'
import { startBroker } from '../support/broker.ts'
import { openPage, startChromium } from '../support/chromium.ts'
import { startEdge } from '../support/edge.ts'
import { endOfFile } from '../support/ending.ts'
import { startTestGateway } from '../support/gateway.ts'
import { declareQueues, type Queues } from '../support/queues.ts'

// The page in a real browser: what a person does with it, and what the browser does meanwhile.
const ending = endOfFile()
let places: Readonly<Record<Place, string>>
let queues: Queues
let browser: Browser

const PLACES = ['the gateway', 'API Gateway behind the edge', 'API Gateway by its stage'] as const
type Place = (typeof PLACES)[number]

before(async () => {
  browser = await startChromium(ending)
  const broker = await startBroker()
  ending.after(() => broker.dispose())
  queues = await declareQueues(ending, broker.amqpUrl)
  const env = { AMQP_URL: broker.amqpUrl }
  const functions = await startTestApi(ending, { env })
  places = {
    'the gateway': (await startTestGateway(ending, env)).origin,
    'API Gateway behind the edge': (await startEdge(ending, { API_URL: functions.origin })).origin,
    'API Gateway by its stage': await behindStage(ending, functions.origin, 'dev'),
  }
})

const VISITS: readonly (readonly [Place, string])[] = [
  ...PLACES.map((place) => [place, '/docs'] as const),
  ['API Gateway by its stage', '/docs/'],
]

for (const [place, path] of VISITS) {
  test(`${path} of ${place}: a message is published from the page, and no other origin is asked`, async (t) => {
    const { page, requested, complaints } = await openPage(t, browser)
    await page.goto(places[place] + path)
    const form = await openForm(page)

    assert.equal(await statusOf(form), '401')
    await enterToken(page)
    assert.equal(await statusOf(form), '200')
    const answer = form.locator('.live-responses-table .highlight-code').first()
    const shown = (await answer.textContent()) ?? ''
    assert.match(shown, /"status": "OK"/)

    const [taken, ...more] = await queues.drain()
    assert.deepEqual(more, [])
    assert.equal(taken?.message.content.toString(), '{"from": "a page"}')
    assert.equal(taken?.message.properties.contentType, 'application/json')
    assert.ok(shown.includes(taken?.message.properties.messageId))

    const asked = requested.filter((url) => !url.startsWith('data:'))
    assert.deepEqual(
      asked.filter((url) => !url.startsWith(`${places[place]}/`)),
      [],
    )
    // The page, its four files, the document, and the message twice.
    assert.equal(asked.length, 8, asked.join('\n'))
    assert.deepEqual(complaints, [
      'Failed to load resource: the server responded with a status of 401 (Unauthorized)',
    ])
  })
}

/** The form of "Publish one message", filled in. */
async function openForm(page: Page): Promise<Locator> {
  const form = page.locator('.opblock').filter({ hasText: '/publish/' })
  await form.locator('.opblock-summary').click()
  await form.locator('[data-param-name="exchange"] input').fill('orders')
  await form.locator('textarea.body-param__text').fill('{"from": "a page"}')
  return form
}

/** Sends what the form says; gives the status that it shows then. */
async function statusOf(form: Locator): Promise<string> {
  const page = form.page()
  const answered = page.waitForResponse((response) => response.request().method() === 'POST')
  await form.locator('button.execute').click()
  const status = String((await answered).status())
  await form.locator('.live-responses-table .response-col_status', { hasText: status }).waitFor()
  return status
}

async function enterToken(page: Page): Promise<void> {
  await page.locator('.scheme-container .authorize').click()
  await page.locator('.auth-container input').fill(TOKEN)
  await page.locator('.auth-container button.authorize').click()
  await page.locator('.auth-container button.btn-done').click()
}
