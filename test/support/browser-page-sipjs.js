/** What runs in the page of a `BrowserPhone` of SIP.js: the same functions and reports as `browser-page.js`. */
import { Inviter, Registerer, RegistererState, SessionState, UserAgent } from '/sip.js/index.js'

const REGISTERED_LIMIT_MS = 15_000
const AGAIN_MS = 1_000
const options = { sessionDescriptionHandlerOptions: { constraints: { audio: true, video: false } } }
/** @type {{ messages: string[], calls: string[], connections: string[], contacts: string[] }} */
const seen = { messages: [], calls: [], connections: [], contacts: [] }
let agent
let registerer
let session
let mine = false

const follow = (started) => {
  session = started
  mine = false
  seen.calls.length = 0
  session.stateChange.addListener((state) => {
    if (state === SessionState.Established) seen.calls.push('accepted', 'confirmed')
    if (state === SessionState.Terminated) seen.calls.push(`ended ${mine ? 'local' : 'remote'} Terminated`)
  })
}

/** Connects to the first of the URLs that works, and registers. */
async function connect(urls, account) {
  for (const url of urls) {
    const made = new UserAgent({
      ...account,
      transportOptions: { server: url, connectionTimeout: 3 },
      delegate: {
        onConnect: () => seen.connections.push(url),
        onDisconnect: (error) => error && setTimeout(() => connect(urls, account), AGAIN_MS),
        onInvite: (invitation) => {
          follow(invitation)
          seen.contacts.push(invitation.request.getHeader('Contact'))
          seen.calls.push('progress')
        },
        onMessage: (message) => {
          message.accept()
          seen.messages.push(message.request.body)
        },
      },
    })
    try {
      await made.start()
    } catch {
      continue
    }
    agent = made
    registerer = new Registerer(agent, { instanceId: account.instanceId, regId: 1, expires: 600 })
    registerer.stateChange.addListener((state) => {
      if (state === RegistererState.Registered) seen.connections.push('registered')
    })
    await registerer.register()
    return
  }
  setTimeout(() => connect(urls, account), AGAIN_MS)
}

globalThis.phone = {
  seen,

  start({ user, password, domain, urls }) {
    const instanceId = crypto.randomUUID?.() ?? '6f6b94e4-34eb-40d8-9bb4-3a04a69116a1'
    connect(urls, {
      uri: UserAgent.makeURI(`sip:${user}@${domain}`),
      authorizationUsername: user,
      authorizationPassword: password,
      instanceId,
      logLevel: 'warn',
      sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] } },
    })
    return new Promise((done, fail) => {
      const look = setInterval(() => {
        if (!seen.connections.includes('registered')) return
        clearInterval(look)
        done(true)
      }, 50)
      setTimeout(() => fail(new Error(`not registered; connected: ${seen.connections}`)), REGISTERED_LIMIT_MS)
    })
  },

  /** Status of the final response. */
  message({ to, text }) {
    return new Promise((done) => {
      const answered = ({ message }) => done(message.statusCode)
      const request = agent.userAgentCore.makeOutgoingRequestMessage(
        'MESSAGE',
        UserAgent.makeURI(to),
        agent.configuration.uri,
        UserAgent.makeURI(to),
        {},
        ['Content-Type: text/plain'],
        { contentDisposition: 'render', contentType: 'text/plain', content: text },
      )
      agent.userAgentCore.request(request, { onAccept: answered, onReject: answered })
    })
  },

  async call(to) {
    const inviter = new Inviter(agent, UserAgent.makeURI(to), options)
    follow(inviter)
    await inviter.invite({
      requestDelegate: {
        onProgress: () => seen.calls.push('progress'),
        onAccept: ({ message }) => seen.contacts.push(message.getHeader('Contact')),
        onReject: ({ message }) => seen.calls.push(`failed remote ${message.reasonPhrase}`),
      },
    })
  },
  pickUp: () => session.accept(options),
  async hangUp() {
    mine = true
    if (session.state === SessionState.Established) await session.bye()
    else if (session instanceof Inviter) await session.cancel()
    else await session.reject()
  },

  async media() {
    const { peerConnection } = session.sessionDescriptionHandler
    const report = { sent: 0, received: 0, lost: 0, connection: peerConnection.connectionState, remote: '' }
    const stats = await peerConnection.getStats()
    for (const entry of stats.values()) {
      if (entry.type === 'outbound-rtp') report.sent += entry.packetsSent
      if (entry.type === 'inbound-rtp') {
        report.received += entry.packetsReceived
        report.lost += entry.packetsLost
      }
      if (entry.type === 'candidate-pair' && entry.nominated) {
        const { address, port } = stats.get(entry.remoteCandidateId)
        report.remote = `${address}:${port}`
      }
    }
    return report
  },

  stop: () => agent?.stop(),
}
