import { invalid } from '../../errors.ts'
import { limits } from '../../limits.ts'
import { operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { ownedAddress, sipId } from '../scope.ts'

/** One entry per address asked for, in the same order; without locations when nothing is registered. */
export const getSipDeviceLocations = operation({
  port: 'Sip',
  name: 'getSipDeviceLocations',
  doc: 'Where the devices of accounts are registered now: one entry per address, in the order of the request.',
  who: 'user',
  rest: 'GET /sip/locations',
  input: { sipIds: 'SipIdArray' },
  output: 'SipDeviceLocationsArray',
  async run(context, args) {
    const ids = required(args.sipIds, 'sipIds')
    if (ids.length > limits.locationsMax) throw invalid('sipIds', `has more than ${limits.locationsMax} entries`)
    const out: Value<'SipDeviceLocations'>[] = []
    for (const [index, id] of ids.entries()) {
      const { aor } = await ownedAddress(context, id, `sipIds[${index}]`)
      const locations = await context.locations.locations(aor)
      out.push({
        id: sipId(aor),
        locations: locations.map(({ expiresSeconds, ...location }) => ({ ...location, expires: expiresSeconds })),
      })
    }
    return out
  },
})
