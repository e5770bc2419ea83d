import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Member, MemberState } from '../../src/membership/contract.ts'
import { digestNews } from '../../src/membership/news.ts'
import { memberOf } from '../ranges/ring.fixture.ts'

const test = suite('membership: news')

const of = (state: MemberState, incarnation: number, version = 'old'): Member =>
  memberOf('m', { state, incarnation, version })

test('what a member says of itself is a fact, what others say is evidence', () => {
  const table: [known: Member, news: Member, from: string, state: MemberState, verdict: string, accused: boolean][] = [
    [of('alive', 5), of('suspect', 5), 'x', 'alive', '', false],
    [of('alive', 5), of('dead', 5), 'x', 'alive', '', true],
    [of('alive', 5), of('dead', 6), 'x', 'alive', '', true],
    [of('alive', 5), of('dead', 6), 'm', 'alive', '', false],
    [of('dead', 5), of('alive', 5), 'm', 'dead', '', false],
    [of('dead', 5), of('alive', 6), 'x', 'alive', 'back', false],
    [of('suspect', 5), of('alive', 6), 'm', 'alive', 'back', false],
    [of('suspect', 5), of('suspect', 6), 'x', 'suspect', '', false],
    [of('alive', 5), of('left', 5), 'x', 'left', 'left', false],
    [of('left', 5), of('left', 5), 'x', 'left', 'left', false],
    [of('left', 5), of('dead', 6), 'x', 'dead', '', true],
    [of('left', 5), of('alive', 6), 'x', 'alive', 'back', false],
  ]
  for (const [known, news, from, state, verdict, accused] of table) {
    const told = digestNews(known, { ...news, version: 'new' }, from)
    const row = `${known.state}@${known.incarnation} hears ${news.state}@${news.incarnation} from ${from}`
    assert.is(told.member.state, state, row)
    assert.is(told.verdict ?? '', verdict, row)
    assert.is(told.accused, accused, row)
    if (news.incarnation > known.incarnation) assert.is(told.member.version, 'new', row)
  }
})

test.run()
