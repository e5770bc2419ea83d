/** Phones in a real browser: JsSIP and SIP.js in pages of headless Chromium, over secure WebSocket. */
import { globSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { pageScript } from './page-script.ts'
import { wirePorts } from './wire.ts'

/** Where Debian puts it. */
const CHROMIUM = '/usr/bin/chromium'

/** Characters. */
const OUTPUT_KEPT = 20_000

const flags = [
  '--no-sandbox',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  // Nodes of tests have certificates that they made themselves.
  '--ignore-certificate-errors',
  // A machine without any network has no other addresses.
  '--allow-loopback-in-peer-connection',
]

export interface BrowserPhoneInit {
  user: string
  password: string
  domain: string
  /** Addresses of nodes, the preferred one first. */
  nodes: readonly string[]
}

export interface MediaReport {
  sent: number
  received: number
  lost: number
  /** `connected` when ICE and DTLS are done. */
  connection: string
  /** The address that media is sent to. */
  remote: string
}

export interface Seen {
  messages: string[]
  /** Of the last call: `progress`, `accepted`, `confirmed`, `ended <by> <cause>`, `failed <by> <cause>`, `SDP <error>`. */
  calls: string[]
  /** URLs it connected to, and `registered`. */
  connections: string[]
  /** Contact of each who called or was called. */
  contacts: string[]
}

/** One page; see `browser-page.js` and `browser-page-sipjs.js`. */
export class BrowserPhone {
  readonly #page: Page

  constructor(page: Page) {
    this.#page = page
  }

  /** Resolves when it is registered. */
  async start({ nodes, ...account }: BrowserPhoneInit): Promise<this> {
    await this.#do('start', { ...account, urls: nodes.map((address) => `wss://${address}:${wirePorts.wss}/`) })
    return this
  }

  seen(): Promise<Seen> {
    return this.#page.evaluate(() => (globalThis as unknown as { phone: { seen: Seen } }).phone.seen)
  }

  /** Status of the final response. */
  message(to: string, text: string): Promise<number> {
    return this.#do('message', { to, text })
  }

  call(to: string): Promise<void> {
    return this.#do('call', to)
  }

  pickUp(): Promise<void> {
    return this.#do('pickUp')
  }

  hangUp(): Promise<void> {
    return this.#do('hangUp')
  }

  media(): Promise<MediaReport> {
    return this.#do('media')
  }

  stop(): Promise<void> {
    return this.#do('stop')
  }

  #do<Result>(name: string, argument?: unknown): Promise<Result> {
    const inPage = ([name, argument]: [string, unknown]): unknown =>
      (globalThis as unknown as { phone: Record<string, (argument: unknown) => unknown> }).phone[name]?.(argument)
    return this.#page.evaluate(inPage, [name, argument] as [string, unknown]) as Promise<Result>
  }
}

/** @default jssip */
export type BrowserLibrary = 'jssip' | 'sipjs'

export interface PhoneBrowser {
  version: string
  /** A page of its own, not yet registered. */
  phone(library?: BrowserLibrary): Promise<BrowserPhone>
  /** Everything that pages printed. */
  output(): string
  stop(): Promise<void>
}

/** The modules of a package as they are: a browser loads what they import by itself. */
function modulesOf(name: string): Record<string, [type: string, text: string]> {
  const folder = dirname(fileURLToPath(import.meta.resolve(name)))
  const files = globSync('**/*.js', { cwd: folder })
  return Object.fromEntries(
    files.map((file) => [`/${name}/${file}`, ['text/javascript', readFileSync(join(folder, file), 'utf8')]]),
  )
}

/** Serves the page at `address`, since only a page with an origin on loopback or HTTPS is given a microphone. */
function servePage(address: string): Promise<Server> {
  const files: Readonly<Record<string, [type: string, text: string]>> = {
    '/': ['text/html', '<!doctype html><script src="/jssip.js"></script><script src="/phone.js"></script>'],
    '/sipjs': ['text/html', '<!doctype html><script type="module" src="/sipjs.js"></script>'],
    '/sipjs.js': ['text/javascript', readFileSync(resolve(import.meta.dirname, 'browser-page-sipjs.js'), 'utf8')],
    ...modulesOf('sip.js'),
    '/jssip.js': ['text/javascript', pageScript('jssip', 'JsSIP')],
    '/phone.js': ['text/javascript', readFileSync(resolve(import.meta.dirname, 'browser-page.js'), 'utf8')],
  }
  const server = createServer((request, response) => {
    const [type, text] = files[request.url ?? ''] ?? ['text/plain', '']
    response.writeHead(text === '' ? 404 : 200, { 'content-type': `${type}; charset=utf-8` }).end(text)
  })
  return new Promise((done, fail) => {
    server.on('error', fail)
    server.listen({ host: address, port: 0 }, () => done(server))
  })
}

export async function startBrowser(address: string): Promise<PhoneBrowser> {
  const server = await servePage(address)
  const { port } = server.address() as { port: number }
  let browser: Browser
  try {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: flags })
  } catch (error) {
    server.close()
    throw error
  }
  let output = ''
  return {
    version: browser.version(),
    async phone(library = 'jssip') {
      const page = await browser.newPage()
      page.on('console', (line) => {
        output = `${output}${line.text()}\n`.slice(-OUTPUT_KEPT)
      })
      page.on('pageerror', (error) => {
        output += `${error}\n`
      })
      await page.goto(`http://${address}:${port}/${library === 'jssip' ? '' : library}`)
      await page.waitForFunction('globalThis.phone !== undefined')
      return new BrowserPhone(page)
    },
    output: () => output,
    async stop() {
      await browser.close()
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
