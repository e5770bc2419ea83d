/**
 * What runs in the page of a `BrowserPhone`: JsSIP as a user would drive it. Each function may be called from the test
 * (`globalThis.phone`); what happened is kept in `phone.seen`. Sounds come from the fake microphone of the browser.
 */
globalThis.phone = (() => {
  const { JsSIP } = globalThis
  // Messages and warnings go to the console; tests show them when something fails.
  JsSIP.debug.enable('JsSIP:Transport,JsSIP:WARN*,JsSIP:ERROR*')
  const REGISTERED_LIMIT_MS = 15_000
  const media = { mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } }
  /** @type {{ messages: string[], calls: string[], connections: string[], contacts: string[] }} */
  const seen = { messages: [], calls: [], connections: [], contacts: [] }
  let agent
  let session

  const follow = (started) => {
    session = started
    seen.calls.length = 0
    session.on('progress', () => seen.calls.push('progress'))
    session.on('accepted', () => seen.calls.push('accepted'))
    session.on('confirmed', () => seen.calls.push('confirmed'))
    session.on('ended', ({ originator, cause }) => seen.calls.push(`ended ${originator} ${cause}`))
    session.on('failed', ({ originator, cause }) => seen.calls.push(`failed ${originator} ${cause}`))
    session.on('peerconnection:setremotedescriptionfailed', (error) => seen.calls.push(`SDP ${error}`))
    session.on('getusermediafailed', (error) => seen.calls.push(`microphone ${error}`))
  }

  return {
    seen,

    /** Resolves when it is registered; connects to the first of the URLs that works, now and whenever it lost one. */
    start({ user, password, domain, urls }) {
      agent = new JsSIP.UA({
        sockets: urls.map((url, index) => ({ socket: new JsSIP.WebSocketInterface(url), weight: urls.length - index })),
        uri: `sip:${user}@${domain}`,
        password,
        session_timers: false,
        connection_recovery_min_interval: 1,
        connection_recovery_max_interval: 2,
      })
      agent.on('connected', ({ socket }) => seen.connections.push(socket.url))
      agent.on('registered', () => seen.connections.push('registered'))
      agent.on('newMessage', ({ originator, request }) => {
        if (originator === 'remote') seen.messages.push(request.body)
      })
      agent.on('newRTCSession', ({ originator, request, session: started }) => {
        follow(started)
        if (originator === 'remote') seen.contacts.push(request.getHeader('Contact'))
        else started.on('accepted', ({ response }) => seen.contacts.push(response.getHeader('Contact')))
      })
      return new Promise((done, fail) => {
        agent.once('registered', () => done(true))
        setTimeout(() => fail(new Error(`not registered; connected: ${seen.connections}`)), REGISTERED_LIMIT_MS)
        agent.on('registrationFailed', ({ cause }) => fail(new Error(`registration failed: ${cause}`)))
        agent.start()
      })
    },

    /** Status of the final response. */
    message({ to, text }) {
      return new Promise((done) => {
        const eventHandlers = {
          succeeded: ({ response }) => done(response.status_code),
          failed: ({ response, cause }) => done(response?.status_code ?? cause),
        }
        agent.sendMessage(to, text, { eventHandlers })
      })
    },

    call(to) {
      agent.call(to, media)
    },
    pickUp() {
      session.answer(media)
    },
    hangUp() {
      session.terminate()
    },

    /** Of the call: packets of sound, and what ICE and DTLS say. */
    async media() {
      const report = { sent: 0, received: 0, lost: 0, connection: session.connection.connectionState, remote: '' }
      const stats = await session.connection.getStats()
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

    stop() {
      agent?.stop()
    },
  }
})()
