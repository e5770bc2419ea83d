/** What other programs say of the descriptions that this one writes. */
import { spawnSync } from 'node:child_process'
import { deadline } from '@thor-node/core/testing'
import { openApi, writeWsdl } from '@thor-node/provision'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('interop: descriptions')
const PYTHON = '/usr/bin/python3'
const pythons = [PYTHON, 'python3']
const validator = pythons.find((python) => spawnSync(python, ['-c', 'import openapi_spec_validator']).status === 0)
const hasXmllint = spawnSync('xmllint', ['--version']).status === 0
if (!validator) console.log('SKIP OpenAPI is not validated: no openapi_spec_validator (PyPI openapi-spec-validator)')
if (!hasXmllint) console.log('SKIP the WSDL is not read by xmllint (Debian package libxml2-utils)')

;(validator ? test : test.skip)(
  'openapi-spec-validator finds nothing wrong with the OpenAPI document',
  deadline(60_000, async () => {
    const script = `
import json, sys
from openapi_spec_validator import validate
try:
    validate({"openapi": "3.1.0", "info": {}, "paths": {}})
    sys.exit("it does not find what is wrong")
except Exception:
    pass
validate(json.load(sys.stdin))`
    const input = JSON.stringify(openApi('http://192.0.2.1:9200/api/v1'))
    const { status, stderr } = spawnSync(validator as string, ['-c', script], { input, encoding: 'utf8' })
    assert.is(status, 0, stderr)
  }),
)

;(hasXmllint ? test : test.skip)(
  'xmllint reads the WSDL',
  deadline(20_000, async () => {
    const read = (text: string) => spawnSync('xmllint', ['--noout', '-'], { input: text, encoding: 'utf8' })
    const { status, stderr } = read(writeWsdl('http://192.0.2.1:9200/'))
    assert.is(status, 0, stderr)
    assert.is.not(read('<a>').status, 0)
  }),
)

test.run()
