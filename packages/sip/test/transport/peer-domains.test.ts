import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { distrustOf, domainsOf, standsFor } from '../../src/transport/peer-domains.ts'

const test = suite('sip transport: domains of a certificate')

test('a SIP URI counts before host names, those before the common name (RFC 5922 §7.1)', () => {
  const table: [subject: string, altNames: string, domains: string[]][] = [
    ['CN=c.example', 'DNS:h.example, URI:sip:S.example, URI:sips:t.example', ['s.example', 't.example']],
    ['CN=c.example', 'DNS:H.example, IP Address:192.0.2.1', ['h.example', '192.0.2.1']],
    ['CN=c.example', 'IP Address:2001:DB8:0:0:0:0:0:1', ['2001:db8::1']],
    ['O=x\nCN=C.example', '', ['c.example']],
    // There are alternative names, if none that says a domain: the common name is out.
    ['CN=c.example', 'email:a@b', []],
    ['CN=c.example', 'URI:sip:alice@s.example, URI:https://s.example', []],
    ['O=x', '', []],
  ]
  for (const [subject, altNames, domains] of table) {
    assert.equal(domainsOf({ trusted: true, subject, altNames }), domains, altNames)
  }
})

test('a wildcard is for one label', () => {
  assert.ok(standsFor(['a.example', '*.b.example'], 'x.b.example'))
  for (const wanted of ['b.example', 'x.y.b.example', 'aa.example', 'example', '']) {
    assert.not.ok(standsFor(['a.example', '*.b.example', '*'], wanted), wanted)
  }
})

test('who is not trusted, or somebody else, is told apart', () => {
  const peer = { subject: '', altNames: 'DNS:a.example, IP Address:2001:DB8:0:0:0:0:0:1' }
  assert.is(distrustOf({ trusted: true, ...peer }, 'A.example'), undefined)
  assert.is(distrustOf({ trusted: true, ...peer }, '2001:db8:0::1'), undefined)
  assert.match(distrustOf({ trusted: true, ...peer }, 'b.example') ?? '', /for a\.example.*not for b\.example/)
  assert.match(distrustOf({ trusted: false, error: 'expired', ...peer }, 'a.example') ?? '', /expired/)
  assert.match(distrustOf({ trusted: true, subject: '', altNames: '' }, 'a.example') ?? '', /nobody/)
})

test.run()
