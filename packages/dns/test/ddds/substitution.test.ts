/** RFC 3402 §3.2, and the examples of RFC 3403, 3404 and 6116. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { expressionFor, parseSubstitution, substitute } from '../../src/ddds/substitution.ts'

const test = suite('ddds: substitution')

const good: [expression: string, text: string, result: string | undefined][] = [
  ['!^.*$!sip:info@example.com!', '+441632960083', 'sip:info@example.com'],
  ['!^(\\+44)(.*)$!sip:\\2@gw.example;cc=\\1!', '+441632960083', 'sip:1632960083@gw.example;cc=+44'],
  ['!^\\+44163(.*)$!sip:\\1@example.com!', '+49', undefined],
  ['!^urn:cid:.+@([^\\.]+\\.)(.*)$!\\2!i', 'urn:cid:199606121851.1@bar.example.com', 'example.com'],
  ['/^http:\\/\\/([^\\/:]+)/\\1/i', 'HTTP://www.foo.com/software/latest-beta.exe', 'www.foo.com'],
  ['!([^/:]*)://.*!\\1!', 'http://x', 'http'],
  ['!^\\+([0-9]*)$!tel:+\\1!', '+31', 'tel:+31'],
  ['!^\\+([[:digit:]]{2})!\\1!', '+31208', '31'],
  ['!(a)(b)(c)(d)(e)(f)(g)(h)(i)!\\9\\1!', 'abcdefghi', 'ia'],
  ['!(a)|(b)!<\\1\\2>!', 'b', '<b>'],
  ['!^[]a]$!x!', ']', 'x'],
  ['!^[\\d]$!x!', '\\', 'x'],
  ['!^.*$!a\\!b!', 'x', 'a!b'],
]
for (const [expression, text, result] of good) {
  test(`${expression} of ${text}`, () => {
    const parsed = parseSubstitution(expression)
    assert.ok(parsed.ok, 'why' in parsed ? parsed.why : '')
    assert.is(parsed.ok && substitute(parsed.substitution, text), result)
  })
}

const bad: [expression: string, why: RegExp][] = [
  ['', /empty/],
  ['1^.*$1x1', /delimiter/],
  ['i^.*$ixi', /delimiter/],
  ['!^.*$!x', /delimiters/],
  ['!^.*$!x!y!z!', /delimiters/],
  ['!^.*$!x!g', /flag g/],
  ['!!x!', /empty expression/],
  ['!^(.*$!x!', /no extended/],
  ['!^[a!x!', /no extended/],
  ['!^.*$!\\1!', /group 1, and has 0/],
  ['!^(.)(.)$!\\3!', /group 3, and has 2/],
  ['!^(.)$!\\x!', /no back-reference/],
  ['!^(.)$!\\0!', /no back-reference/],
  ['!^(?:.*)$!x!', /no extended/],
  ['!^.*?$!x!', /no extended/],
  ['!^\\d+$!x!', /backslash before a letter/],
  ['!^(.+)+$!x!', /repeats what is repeated/],
  [`!^.*$!${'x'.repeat(260)}!`, /longer/],
]
for (const [expression, why] of bad) {
  test(`${expression.slice(0, 30)} is refused`, () => {
    const parsed = parseSubstitution(expression)
    assert.not(parsed.ok)
    assert.match('why' in parsed ? parsed.why : '', why)
  })
}

test('an expression made of a URI gives that URI for any number', () => {
  for (const uri of ['sip:a@b', 'http://x/y!z', 'mailto:a!b/c~d|e#f@g', 'tel:+31;rn=+1']) {
    const parsed = parseSubstitution(expressionFor(uri))
    assert.is(parsed.ok && substitute(parsed.substitution, '+31208005100'), uri)
  }
})

test.run()
