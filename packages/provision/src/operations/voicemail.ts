import { invalid } from '../errors.ts'
import { limits } from '../limits.ts'
import { checkMembers } from '../records/rules.ts'
import { type VoicemailRecord, type VoicemailRow, voicemailRules } from '../records/voicemail.ts'
import { type Operation, operation, required } from '../schema/operation.ts'
import type { Value } from '../schema/types.ts'
import { dateText, ownedAddress, sipId } from './scope.ts'
import { ownAccount } from './sip/preferences.ts'

function toWire(aor: string, { mailbox, name, email, info, deleteMailed, changedAt }: VoicemailRecord) {
  const options = { delete: deleteMailed }
  return { sipId: sipId(aor), mailbox, name, email, info, options, changeDate: dateText(changedAt) }
}

const checked = (wire: Value<'VoicemailAccount'> | undefined): Value<'VoicemailAccount'> =>
  checkMembers('VoicemailAccount', required(wire, 'account'), voicemailRules)

const unknown = ['PROVISION_VOICEMAIL_UNKNOWN'] as const

export const voicemailPort: readonly Operation[] = [
  operation({
    port: 'Voicemail',
    name: 'addAccount',
    doc: 'Adds a mailbox to a SIP account. The answer has its number.',
    rest: 'POST /voicemail/accounts',
    input: { account: 'VoicemailAccount' },
    output: 'VoicemailAccount',
    faults: ['PROVISION_VOICEMAIL_EXISTS', 'PROVISION_ACCOUNT_UNKNOWN'],
    async run(context, args) {
      const wire = checked(args.account)
      const aor = await ownAccount(context, wire.sipId)
      const { mailboxes } = context.records
      if (await mailboxes.table.find(aor)) throw mailboxes.table.existing(aor)
      return toWire(aor, await mailboxes.table.add(aor, await mailboxes.newRow(wire)))
    },
  }),
  operation({
    port: 'Voicemail',
    name: 'updateAccount',
    doc: 'Changes the members that are given; an empty password leaves it as it is.',
    rest: 'PATCH /voicemail/accounts/{account.sipId}',
    guarded: true,
    input: { account: 'VoicemailAccount' },
    faults: unknown,
    async run(context, args) {
      const wire = checked(args.account)
      const { aor } = await ownedAddress(context, wire.sipId, 'sipId')
      const given = context.records.mailboxes.rowOf(wire)
      const change = (row: VoicemailRow): VoicemailRow => ({ ...row, ...given })
      await context.records.mailboxes.table.change(aor, change, context.request.etag)
    },
  }),
  operation({
    port: 'Voicemail',
    name: 'deleteAccount',
    doc: 'Deletes the mailbox of a SIP account.',
    rest: 'DELETE /voicemail/accounts/{sipId}',
    guarded: true,
    input: { sipId: 'SipId' },
    faults: unknown,
    async run(context, args) {
      const { aor } = await ownedAddress(context, args.sipId, 'sipId')
      await context.records.mailboxes.table.remove(aor, context.request.etag)
    },
  }),
  operation({
    port: 'Voicemail',
    name: 'getAccount',
    doc: 'Reads the mailbox of a SIP account.',
    who: 'user',
    rest: 'GET /voicemail/accounts/{sipId}',
    input: { sipId: 'SipId' },
    output: 'VoicemailAccount',
    faults: unknown,
    async run(context, args) {
      const { aor } = await ownedAddress(context, args.sipId, 'sipId')
      const found = await context.records.mailboxes.table.require(aor)
      context.request.seen = found.etag
      return toWire(aor, found.body)
    },
  }),
  operation({
    port: 'Voicemail',
    name: 'setAnnouncement',
    doc: 'Sets what callers of the mailbox hear: audio in base64.',
    who: 'user',
    rest: 'PUT /voicemail/accounts/{sipId}/announcement',
    input: { sipId: 'SipId', message: 'string' },
    faults: unknown,
    async run(context, args) {
      const { aor } = await ownedAddress(context, args.sipId, 'sipId')
      await context.records.mailboxes.table.require(aor)
      const text = required(args.message, 'message').replace(/\s+/g, '')
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw invalid('message', 'is not base64')
      const audio = Buffer.from(text, 'base64')
      if (audio.length > limits.announcementBytesMax) {
        throw invalid('message', `is longer than ${limits.announcementBytesMax} bytes`)
      }
      await context.records.mailboxes.announce(aor, audio)
    },
  }),
]
