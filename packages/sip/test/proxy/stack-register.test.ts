import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { house } from './scene.ts'

const test = suite('sip: stack registers')

for (const algorithm of ['MD5', 'SHA-256']) {
  test(
    `a device registers with ${algorithm}`,
    deadline(5_000, async () => {
      const { it, node } = await house()
      const bob = it.phone('bob@example.com', '127.4.1.2', node)
      const ok = await bob.register(algorithm)
      assert.is(ok.status, 200)
      assert.match(ok.headers.get('Contact') ?? '', /^<sip:bob@127\.4\.1\.2:5070>;expires=600$/)
      assert.ok(ok.headers.has('Date'))
      assert.is(it.bindings.get('bob@example.com')?.[0]?.edge, '127.4.0.1:5060')
      await it.stop()
    }),
  )
}

test(
  'the 401 offers each algorithm in a header of its own, the stronger one first',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    const { challenge } = await bob.authenticated('REGISTER', 'sip:example.com', { to: '<sip:bob@example.com>' })
    const offered = challenge.headers.getAll('WWW-Authenticate').map((value) => /algorithm=([^,]+)/.exec(value)?.[1])
    assert.equal(offered, ['SHA-256', 'MD5'])
    await it.stop()
  }),
)

test(
  'a wrong password and an unknown user are refused alike',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const wrong = await it.phone('bob@example.com', '127.4.1.2', node, 'guess').register()
    const unknown = await it.phone('nobody@example.com', '127.4.1.3', node, 'guess').register()
    assert.equal([wrong.status, wrong.reason], [403, 'Forbidden'])
    assert.equal([unknown.status, unknown.reason], [403, 'Forbidden'])
    await it.stop()
  }),
)

test(
  'an account with MD5 digests only is asked for MD5 when it answers with SHA-256',
  deadline(5_000, async () => {
    const { it, node } = await house()
    it.account('old@example.com', { md5Only: true })
    const again = await it.phone('old@example.com', '127.4.1.2', node).register('SHA-256')
    assert.is(again.status, 401)
    assert.equal(again.headers.getAll('WWW-Authenticate').length, 1)
    assert.match(again.headers.get('WWW-Authenticate') ?? '', /algorithm=MD5/)
    await it.stop()
  }),
)

test(
  'the same credentials a second time are challenged as stale',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    const { request } = await bob.authenticated('REGISTER', 'sip:example.com', { to: '<sip:bob@example.com>' })
    assert.is((await bob.response('REGISTER')).status, 200)
    const authorization = request.headers.get('Authorization') as string
    const headers = [['Authorization', authorization]] as const
    bob.send(bob.build('REGISTER', 'sip:example.com', { to: '<sip:bob@example.com>', cseq: 9, headers }))
    const replay = await bob.response('REGISTER')
    assert.is(replay.status, 401)
    assert.match(replay.headers.get('WWW-Authenticate') ?? '', /stale=true/)
    await it.stop()
  }),
)

test(
  'a domain that is not served is refused',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const eve = it.phone('eve@elsewhere.org', '127.4.1.2', node)
    eve.send(eve.build('REGISTER', 'sip:elsewhere.org', { to: '<sip:eve@elsewhere.org>' }))
    assert.is((await eve.response('REGISTER')).status, 403)
    eve.send(eve.build('REGISTER', 'sip:127.4.0.1', { to: '<sip:eve@elsewhere.org>' }))
    assert.is((await eve.response('REGISTER')).status, 404)
    eve.send(eve.build('INVITE', 'sip:victim@elsewhere.net'))
    assert.is((await eve.response('INVITE')).status, 403)
    await it.stop()
  }),
)

test.run()
