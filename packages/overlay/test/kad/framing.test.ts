import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { dialError, isConnectionRefused } from '../../src/errors.ts'
import { FrameReader, frameHeader } from '../../src/kad/framing.ts'
import { generateNodeKey, isNodeId, nodeIdOf, signAsNode, verifyNode } from '../../src/kad/node-key.ts'

const test = suite('kad: frames, keys and errors')

const frames = ['', 'a', 'hello', 'x'.repeat(300)].map((text) => Buffer.from(text))
const wire = Buffer.concat(frames.flatMap((frame) => [frameHeader(frame.length), frame]))

test('frames come out whole, however the bytes are cut', () => {
  for (let size = 1; size <= wire.length; size++) {
    const reader = new FrameReader(1_000)
    const out: Uint8Array[] = []
    for (let at = 0; at < wire.length; at += size) {
      const got = reader.push(wire.subarray(at, at + size))
      if (got === 'too-long') throw new Error('refused')
      out.push(...got)
    }
    assert.equal(
      out.map((frame) => Buffer.from(frame).toString()),
      frames.map((frame) => frame.toString()),
    )
  }
})

test('a frame above the limit is refused before its bytes come', () => {
  assert.is(new FrameReader(10).push(frameHeader(11)), 'too-long')
  assert.equal(new FrameReader(11).push(frameHeader(11)), [])
})

test('a node signs with its key, and its id verifies it', () => {
  const key = generateNodeKey()
  const message = Buffer.from('hello')
  const signature = signAsNode(key, message)
  assert.ok(isNodeId(nodeIdOf(key)))
  assert.ok(verifyNode(nodeIdOf(key), message, signature))
  assert.not(verifyNode(nodeIdOf(generateNodeKey()), message, signature))
  assert.not(verifyNode(nodeIdOf(key), Buffer.from('hullo'), signature))
  assert.not(verifyNode(nodeIdOf(key), message, signature.subarray(1)))
  for (const text of ['', 'x', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N']) {
    assert.not(isNodeId(text))
    assert.not(verifyNode(text, message, signature))
  }
  assert.throws(() => nodeIdOf(new Uint8Array(31)))
})

test('a failed dial says whether nobody was there or somebody refused', () => {
  const system = (code: string): Error => Object.assign(new Error(code), { code })
  const named = (name: string): Error => Object.assign(new Error(name), { name })
  const table: [unknown, code: string, refusedByMachine: boolean][] = [
    [system('ECONNREFUSED'), 'OVERLAY_UNREACHABLE', true],
    [new AggregateError([new Error('x'), system('ECONNREFUSED')]), 'OVERLAY_UNREACHABLE', true],
    [new Error('outer', { cause: system('EHOSTUNREACH') }), 'OVERLAY_UNREACHABLE', false],
    [system('ETIMEDOUT'), 'OVERLAY_UNREACHABLE', false],
    [named('TimeoutError'), 'OVERLAY_UNREACHABLE', false],
    [system('ECONNRESET'), 'OVERLAY_REFUSED', false],
    [new Error('cut'), 'OVERLAY_REFUSED', false],
  ]
  for (const [error, code, refused] of table) {
    const out = dialError('p', ['127.1.1.1:1'], error)
    assert.is(out.code, code)
    assert.is(isConnectionRefused(out), refused)
  }
  assert.not(isConnectionRefused(system('ECONNREFUSED')))
})

test.run()
