import { type Browser, chromium, type Page } from 'playwright-core'
import type { Ending } from './ending.ts'
import { haveInstalled } from './installed.ts'

/** Debian's; playwright-core brings none. */
const EXECUTABLE = '/usr/bin/chromium'

/** No sandbox: it does not run as root, and what is loaded is ours. No calls home of the browser's own. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** For one step on a busy machine; an idle one takes a fraction of a second. */
const PATIENCE_MS = 60_000

/** Starts a real, headless Chromium with a profile of its own, installed if it is missing; it ends with the test. */
export async function startChromium(ending: Ending): Promise<Browser> {
  await haveInstalled({ chromium: 'chromium' })
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: FLAGS })
  ending.after(() => browser.close())
  return browser
}

/** A page, and all that went on in it. */
export interface Watched {
  readonly page: Page
  /** The URL of everything that it asked for, in order. */
  readonly requested: readonly string[]
  /** What its security policy kept from happening, what its scripts threw, what they complained of. */
  readonly complaints: readonly string[]
}

/** Opens an empty page that shares nothing with others; it closes with the test. */
export async function openPage(ending: Ending, browser: Browser): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1000, height: 800 } })
  ending.after(() => context.close())
  context.setDefaultTimeout(PATIENCE_MS)
  const requested: string[] = []
  const complaints: string[] = []
  context.on('request', (request) => requested.push(request.url()))
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  context.on('weberror', (thrown) => complaints.push(thrown.error().message))
  return { page: await context.newPage(), requested, complaints }
}
