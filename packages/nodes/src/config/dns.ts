/** Settings of the DNS server, and of the trees of numbers. */
import { parsePrefix } from '@thor-node/sip'
import { z } from 'zod'
import { DEFAULT_PRIORITY, PRIORITY_MAX, SHARE_MAX } from '../dns/load.ts'
import { decimal, duration, integer, port, texts } from './fields.ts'

const DAY_MS = 86_400_000

export const dns = z
  .strictObject({
    port: port({
      doc: 'DNS over UDP and TCP. When the port cannot be had, 1053 is used instead, then any free one.',
      important: true,
    }).prefault(53),
    ttl: duration({ doc: 'Life of an answer in caches.' }, 0, DAY_MS).prefault('5s'),
    weight: decimal(
      {
        doc: 'Share of phones that SRV leads to this node, relative to the other nodes and beside its weight; the less, the more it has to do.',
      },
      0.1,
      SHARE_MAX,
    ).prefault(1),
    priority: integer(
      {
        doc: 'Priority of this node in SRV (RFC 2782): phones use nodes of a higher number only when none of a lower one answers, so those of a site that stands by have 20.',
      },
      0,
      PRIORITY_MAX,
    ).prefault(DEFAULT_PRIORITY),
    rate: integer(
      {
        doc: 'Answers of one kind to one network (/24, /56) per second over UDP, for who shows no DNS cookie; 0: any number. Others are truncated or left out.',
      },
      0,
      1_000_000,
    ).prefault('200'),
    notify: texts(
      { doc: 'Secondary servers that are told of changes (NOTIFY), with a port where it is not 53.' },
      'addresses like 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53',
      (text) => /^(\d{1,3}(\.\d{1,3}){3}(:\d{1,5})?|[0-9a-fA-F:]+|\[[0-9a-fA-F:]+\](:\d{1,5})?)$/.test(text),
    ).prefault(''),
    transferTo: texts(
      { doc: 'Who may have whole zones (AXFR): addresses and prefixes of secondary servers.' },
      'addresses and prefixes like 192.0.2.53, 192.0.2.0/24 or 2001:db8::/32',
      (text) => parsePrefix(text) !== undefined,
    ).prefault(''),
  })
  .prefault({})

/** `enum` */
export const trees = z
  .strictObject({
    trees: texts(
      {
        doc: 'Trees of numbers that are asked after those of the ring, in this order: e164.arpa for the public one. Asked by way of sip.dnsServers.',
      },
      'domain names like e164.arpa',
      (text) => /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text),
    ).prefault(''),
  })
  .prefault({})
