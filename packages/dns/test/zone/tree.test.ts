/** RFC 1034 §4.3.2 and RFC 4592, one line per question. */
import { SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RCODE, typeName, typeNumber } from '../../src/wire/codes.ts'
import { formatRdata } from '../../src/wire/rdata.ts'
import { answerQuestion } from '../../src/zone/answer.ts'
import { tree, zonesOf } from '../fixtures.ts'

const zone = suite('dns: zones')

// The example of RFC 4592 §2.2.1, with aliases and a cut.
const example = tree('example', [
  'example NS ns.example.com.',
  '*.example TXT "this is a wildcard"',
  '*.example MX 10 host1.example.',
  'sub.*.example TXT "this is not a wildcard"',
  'host1.example A 192.0.2.1',
  '_ssh._tcp.host1.example SRV 0 0 22 host1.example.',
  '_ssh._tcp.host2.example SRV 0 0 22 host2.example.',
  'subdel.example NS ns.subdel.example.',
  'subdel.example NS ns.example.com.',
  'ns.subdel.example A 192.0.2.53',
  'alias.example CNAME host1.example.',
  'far.example CNAME www.other.',
  'out.example CNAME www.nowhere.',
  'round.example CNAME about.example.',
  'about.example CNAME round.example.',
  'dead.example CNAME gone.subname.host1.example.',
  '*.wild.example CNAME host1.example.',
  'escaped\\.dot.example A 192.0.2.9',
])
const other = tree('other', ['www.other AAAA 2001:db8::80', 'www.other A 192.0.2.80'])
const zones = zonesOf(example, other)

const cases: [question: string, rcode: keyof typeof RCODE, answers: string, authority?: string][] = [
  ['host3.example MX', 'NOERROR', 'host3.example MX 10 host1.example.'],
  ['host3.example A', 'NOERROR', '', 'SOA'],
  ['foo.bar.example TXT', 'NOERROR', 'foo.bar.example TXT "this is a wildcard"'],
  ['host1.example MX', 'NOERROR', '', 'SOA'],
  ['sub.*.example MX', 'NOERROR', '', 'SOA'],
  ['_telnet._tcp.host1.example SRV', 'NXDOMAIN', '', 'SOA'],
  ['host.subdel.example A', 'NOERROR', '', 'NS NS'],
  ['subdel.example A', 'NOERROR', '', 'NS NS'],
  ['ghost.*.example MX', 'NXDOMAIN', '', 'SOA'],
  ['*.example TXT', 'NOERROR', '*.example TXT "this is a wildcard"'],
  ['_tcp.host1.example A', 'NOERROR', '', 'SOA'],
  ['alias.example A', 'NOERROR', 'alias.example CNAME host1.example. | host1.example A 192.0.2.1'],
  ['alias.example CNAME', 'NOERROR', 'alias.example CNAME host1.example.'],
  ['alias.example MX', 'NOERROR', 'alias.example CNAME host1.example.', 'SOA'],
  ['far.example AAAA', 'NOERROR', 'far.example CNAME www.other. | www.other AAAA 2001:db8::80'],
  ['out.example A', 'NOERROR', 'out.example CNAME www.nowhere.'],
  ['round.example A', 'NOERROR', 'round.example CNAME about.example. | about.example CNAME round.example.'],
  ['dead.example A', 'NXDOMAIN', 'dead.example CNAME gone.subname.host1.example.', 'SOA'],
  ['x.wild.example A', 'NOERROR', 'x.wild.example CNAME host1.example. | host1.example A 192.0.2.1'],
  ['escaped\\.dot.example A', 'NOERROR', 'escaped\\.dot.example A 192.0.2.9'],
  ['other.org A', 'REFUSED', ''],
  ['xexample A', 'REFUSED', ''],
]
for (const [question, rcode, answers, authority = ''] of cases) {
  zone(question, () => {
    const [name = '', type = ''] = question.split(' ')
    const sections = answerQuestion(zones, { name, type: typeNumber(type) as number, class: 1 }, new SimRandom(1))
    const shown = sections.answers.map((one) => `${one.name} ${typeName(one.type)} ${formatRdata(one.type, one.data)}`)
    assert.is(sections.rcode, RCODE[rcode])
    assert.is(shown.join(' | '), answers)
    assert.is(sections.authorities.map(({ type: number }) => typeName(number)).join(' '), authority)
    const referred = authority.startsWith('NS')
    assert.is(sections.authoritative, rcode !== 'REFUSED' && !referred)
    const glue = sections.additionals.map((one) => one.name)
    if (referred) assert.equal(glue, ['ns.subdel.example'])
  })
}

zone('a chain of aliases ends after eight', () => {
  const links = Array.from({ length: 20 }, (_, i) => `a${i}.long CNAME a${i + 1}.long.`)
  const long = zonesOf(tree('long', [...links, 'a20.long A 192.0.2.1']))
  const sections = answerQuestion(long, { name: 'a0.long', type: 1, class: 1 }, new SimRandom(1))
  assert.is(sections.answers.length, 8)
})

zone.run()
