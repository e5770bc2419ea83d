/**
 * The one schema of all settings: kinds and limits are in `fields.ts`; each field here has its doc and its default. A default
 * is written as a person would write it. Durations are milliseconds once parsed.
 *
 * To add a setting, add a line here: file key, environment variable, option, `config check` and docs/CONFIG.md follow.
 */
import { defaultGuard, parsePrefix } from '@thor-node/sip'
import { z } from 'zod'
import { dial, emergency } from './dial.ts'
import { dns, trees } from './dns.ts'
import {
  choice,
  choices,
  decimal,
  domainName,
  duration,
  type FieldMeta,
  integer,
  ipAddress,
  label,
  path,
  port,
  portOrOff,
  portRange,
  texts,
} from './fields.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

export const schema = z.strictObject({
  data: path({
    doc: 'Directory of everything that the node keeps: identity, membership, records, control socket.',
    computed: '/var/lib/thor-node for root, else ~/.local/share/thor-node',
    important: true,
  }),
  name: label({
    doc: 'Name of this node, unique in the ring; also its host name below the domain.',
    computed: 'the next free of n1, n2, …, kept from then on',
    important: true,
  }).optional(),
  domain: domainName({
    doc: 'Domain of the service when this node makes the ring; a node that joins takes it from the ring.',
    important: true,
  }).prefault('thor.local'),
  address: ipAddress({
    doc: 'The address to bind and to advertise to phones and to other nodes.',
    computed: 'the first IPv4 address that is not loopback, else 127.0.0.1',
    important: true,
  }),
  address6: ipAddress(
    { doc: 'A second address, for SIP and media over IPv6; DNS names it beside the first.', computed: 'none' },
    'IPv6',
  ).optional(),
  zone: label({
    doc: 'Site of the node. Replicas of a range are spread over zones as far as possible.',
    important: true,
  }).prefault('default'),
  weight: decimal(
    { doc: 'Share of ranges and work, relative to the other nodes.', important: true },
    0.1,
    100,
  ).prefault(1),
  sip: z
    .strictObject({
      udp: port({ doc: 'SIP over UDP.', important: true }).prefault(5060),
      tcp: port({ doc: 'SIP over TCP.', important: true }).prefault(5060),
      tls: portOrOff({ doc: 'SIP over TLS.', important: true }).prefault(5061),
      ws: portOrOff({ doc: 'SIP over WebSocket (RFC 7118), for browsers in a laboratory.' }).prefault('off'),
      wss: portOrOff({ doc: 'SIP over secure WebSocket (RFC 7118), for browsers.' }).prefault('off'),
      wsOrigins: texts(
        { doc: 'Pages that may connect over WebSocket, by their origin; * is any.' },
        'origins like https://phone.example.com, or *',
        (text) => text === '*' || /^https?:\/\/[^/\s]+$/.test(text),
      ).prefault('*'),
      tlsCertificates: path({
        doc:
          'Directory of certificates, chosen by the name that a peer asks for: NAME.crt with NAME.key, or folders with ' +
          'fullchain.pem and privkey.pem. Changed files are taken without a restart.',
        computed: 'tls in the data directory; without any there the node makes a self-signed one',
      }).optional(),
      tlsCa: path(
        {
          doc: 'PEM file of the authorities that certificates of peers are checked against.',
          computed: 'those that Node.js brings',
        },
        'file',
      ).optional(),
      tlsVerify: choice(
        {
          doc: 'Whether a peer that this node connects to over TLS must show a trusted certificate for the right name.',
        },
        ['on', 'off'],
      ).prefault('on'),
      dnsServers: texts(
        {
          doc: 'DNS servers that are asked for foreign SIP hosts, with a port where it is not 53; the first that answers counts. None: those of the system.',
        },
        'addresses like 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53',
        (text) => /^(\d{1,3}(\.\d{1,3}){3}(:\d{1,5})?|[0-9a-fA-F:]+|\[[0-9a-fA-F:]+\](:\d{1,5})?)$/.test(text),
      ).prefault(''),
      dnsTimeout: duration(
        { doc: 'How long a DNS server is waited for, twice, until a foreign host counts as not found.' },
        100,
        10 * SECOND_MS,
      ).prefault('2s'),
      algorithms: choices(
        {
          doc: 'Digest algorithms to challenge with, one header each, in this order. Many clients know only MD5 and look only at the first; over WebSocket MD5 comes last.',
        },
        ['SHA-512-256', 'SHA-256', 'MD5'],
      ).prefault('MD5, SHA-256'),
      qop: choices(
        {
          doc: 'Qualities of protection offered in challenges; auth-int signs the body too. An answer with auth-int is always taken.',
        },
        ['auth', 'auth-int'],
      ).prefault('auth'),
      trusted: texts(
        {
          doc: 'Addresses and prefixes from which this node takes requests without digest and without limits. For all nodes, with limits: thor-node peer add.',
        },
        'addresses or prefixes such as 192.0.2.7 and 198.51.100.0/24, or nothing',
        (text) => parsePrefix(text) !== undefined,
      ).prefault(''),
      latency: duration(
        {
          doc: 'When requests are older than this by the time they are read, new ones are answered 503 with Retry-After until they are not.',
        },
        5,
        SECOND_MS,
      ).prefault('100ms'),
      sourceRate: integer(
        {
          doc: 'Messages per second of one source, of which more are dropped unread; 0 means any number. Trusted peers are not limited.',
        },
        0,
        10_000_000,
      ).prefault('20000'),
      recordRoute: choice(
        {
          doc:
            'What stands in Record-Route: the address of this node, or the domain, so that a phone that asks DNS finds ' +
            'another node when this one is gone.',
        },
        ['address', 'domain'],
      ).prefault('address'),
      t1: duration({ doc: 'Timer T1: estimate of the round-trip time (RFC 3261 §17).' }, 50, 10 * SECOND_MS).prefault(
        '500ms',
      ),
      ringing: duration(
        { doc: 'Timer C: a call that rings for longer is cancelled (RFC 3261 §16.6).' },
        SECOND_MS,
        HOUR_MS,
      ).prefault('3m'),
      groupRinging: duration(
        { doc: 'How long devices of one q ring before those of the next lower q do.' },
        SECOND_MS,
        HOUR_MS,
      ).prefault('20s'),
      sessionExpires: duration(
        { doc: 'Refreshes of a call (RFC 4028) are asked for this often, where a party can send them; 0: not at all.' },
        0,
        DAY_MS,
      ).prefault('30m'),
      sessionMin: duration(
        { doc: 'Shortest time between refreshes of a call; who asks for less gets 422.' },
        90 * SECOND_MS,
        HOUR_MS,
      ).prefault('90s'),
      expiresMin: duration(
        { doc: 'Shortest life of a registration; shorter ones get 423.' },
        SECOND_MS,
        HOUR_MS,
      ).prefault('60s'),
      expiresMax: duration(
        { doc: 'Longest life of a registration; longer ones are shortened.' },
        MINUTE_MS,
        7 * DAY_MS,
      ).prefault('10m'),
      contactsMax: integer({ doc: 'Devices that an account may have registered; one more gets 403.' }, 1, 10).prefault(
        10,
      ),
      natKeepAlive: choice(
        {
          doc:
            'What keeps NATs open towards phones that registered over UDP, every 25 s: crlf, an OPTIONS that they answer ' +
            '(for NATs that count only what comes from inside), or off. Phones with RFC 5626 do it themselves.',
        },
        ['crlf', 'options', 'off'],
      ).prefault('crlf'),
      keepMessages: choice(
        {
          doc:
            'Keeps a MESSAGE for an account that is offline, for seven days, and sends it when a device registers. ' +
            'The property keep-messages of an account (on, off) comes first.',
        },
        ['off', 'on'],
      ).prefault('off'),
      serviceRoute: choice({ doc: 'Tells phones to send requests by way of their domain (RFC 3608).' }, [
        'off',
        'on',
      ]).prefault('off'),
    })
    .prefault({}),
  guard: z
    .strictObject({
      failures: integer(
        {
          doc: 'Failed log-ins within guard.window, over all nodes, at which their source, or the account that they were for, is blocked.',
        },
        3,
        10_000,
      ).prefault('20'),
      window: duration(
        { doc: 'So long after the last one, that many failed log-ins are forgotten.' },
        SECOND_MS,
        DAY_MS,
      ).prefault('1m'),
      block: duration(
        {
          doc: 'How long the first block lasts. Each further one of the same source or account within a day is twice as long, a day at most.',
        },
        SECOND_MS,
        DAY_MS,
      ).prefault('10m'),
      scanners: texts(
        { doc: 'Parts of User-Agent, in any case, whose senders are blocked at once and get no answer.' },
        'texts of 3 to 64 characters without commas, or nothing',
        (text) => text.length >= 3 && text.length <= 64,
      ).prefault(defaultGuard.scanners.join(', ')),
    })
    .prefault({}),
  dns,
  enum: trees,
  dial,
  emergency,
  soap: z
    .strictObject({
      port: port({ doc: 'Provisioning over SOAP (HTTP).', important: true }).prefault(9200),
    })
    .prefault({}),
  cluster: z
    .strictObject({
      port: port({ doc: 'Between nodes, encrypted (TCP).', important: true }).prefault(7400),
      profile: choice(
        {
          doc: 'How far nodes are apart: lan in one place, wan at sites up to 100 ms apart, one way; silent nodes are then dead after 6 to 24 s instead of 3 to 12. The same on all nodes.',
        },
        ['lan', 'wan'],
      ).prefault('lan'),
      copyRate: decimal(
        { doc: 'What moving and repairing ranges may send, and receive, in megabytes per second.' },
        0.1,
        1_000,
        'MB/s',
      ).prefault(8),
    })
    .prefault({}),
  admission: z
    .strictObject({
      port: port({ doc: 'Where new nodes present their invite (TLS).', important: true }).prefault(7401),
      inviteTtl: duration({ doc: 'How long an invite is good for.' }, MINUTE_MS, DAY_MS).prefault('24h'),
      certificateTtl: duration(
        {
          doc: 'Life of the membership certificates that this node signs. They are renewed at two thirds of it; a node that hears nothing of the ring for a third of it is out.',
        },
        MINUTE_MS,
        30 * DAY_MS,
      ).prefault('30d'),
    })
    .prefault({}),
  media: z
    .strictObject({
      ports: portRange({ doc: 'UDP ports of the media relay, both ends included.', important: true }).prefault(
        '40000-60000',
      ),
      silence: duration(
        { doc: 'A call in which neither side sends media for so long is ended.' },
        SECOND_MS,
        DAY_MS,
      ).prefault('60s'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: choice({ doc: 'The least that is logged.', important: true }, ['debug', 'info', 'warn', 'error']).prefault(
        'info',
      ),
      format: choice({ doc: 'Lines for people or lines of JSON.', important: true }, ['pretty', 'json']).prefault(
        'pretty',
      ),
    })
    .prefault({}),
  shutdown: z
    .strictObject({
      calls: duration(
        {
          doc: 'How long a clean stop waits for calls whose media pass through this node; the others go on without it.',
        },
        0,
        10 * MINUTE_MS,
      ).prefault('10s'),
      limit: duration({ doc: 'A clean stop that takes longer is cut short.' }, SECOND_MS, 20 * MINUTE_MS).prefault(
        '30s',
      ),
    })
    .prefault({}),
})

/** Settings, checked and complete. Durations in milliseconds. */
export type Config = z.output<typeof schema>

export interface Field {
  /** Dotted name: `sip.recordRoute`. */
  name: string
  path: string[]
  meta: FieldMeta
  /** As it would be typed; undefined when computed. */
  fallback: string | undefined
  /** `THOR_SIP_RECORD_ROUTE` */
  variable: string
  /** `--sip-record-route` */
  option: string
}

const words = (name: string): string[] => name.replace(/[A-Z]/g, (letter) => `.${letter.toLowerCase()}`).split('.')

function collect(shape: Record<string, z.ZodType>, above: string[]): Field[] {
  return Object.entries(shape).flatMap(([key, type]) => {
    const path = [...above, key]
    const inner = type instanceof z.ZodPrefault || type instanceof z.ZodOptional ? type.unwrap() : type
    if (inner instanceof z.ZodObject) return collect(inner.shape, path)
    const name = path.join('.')
    const meta = (inner as z.ZodType).meta() as FieldMeta | undefined
    if (!meta) throw new TypeError(`setting ${name} has no doc`)
    const fallback = type instanceof z.ZodPrefault ? String(type.def.defaultValue) : undefined
    return [
      {
        name,
        path,
        meta,
        fallback,
        variable: `THOR_${words(name).join('_').toUpperCase()}`,
        option: `--${words(name).join('-')}`,
      },
    ]
  })
}

/** All settings, in the order of the schema. */
export const fields: readonly Field[] = collect(schema.shape, [])
