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
    const of = async (id: Value<'SipId'>, index: number): Promise<Value<'SipDeviceLocations'>> => {
      const { aor } = await ownedAddress(context, id, `sipIds[${index}]`)
      const locations = await context.locations.locations(aor)
      return {
        id: sipId(aor),
        locations: locations.map(({ expiresSeconds, ...location }) => ({ ...location, expires: expiresSeconds })),
      }
    }
    const out: Value<'SipDeviceLocations'>[] = []
    for (let at = 0; at < ids.length; at += limits.locationsAtOnce) {
      const some = ids.slice(at, at + limits.locationsAtOnce)
      out.push(...(await Promise.all(some.map((id, index) => of(id, at + index)))))
    }
    return out
  },
})
