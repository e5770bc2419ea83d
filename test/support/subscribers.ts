/** Subscribers made through a node that is killed meanwhile: each must be whole, or not there. */
import { errorCode } from '@thor-node/core'
import { eventually } from '@thor-node/core/testing'
import type { NodeOperations } from '@thor-node/nodes'

const TLD = 'e164.test'
const PREFIX = '3199'

export interface Found {
  whole: number
  absent: number
  /** What was found of those that are neither. */
  half: string[]
}

const call = async (node: NodeOperations, operation: string, args: Record<string, unknown>): Promise<unknown> =>
  (await node.apiCall({ operation, args })).value

export async function prepareSubscribers(node: NodeOperations): Promise<void> {
  await call(node, 'Enum.addRange', { range: { id: { prefix: PREFIX, tld: TLD } } })
}

/** No two are in one block of numbers: those are made one after the other, and a kill would meet one of them. */
const number = (index: number) => ({ number: `${PREFIX}${String(index * 1_009).padStart(7, '0')}`, tld: TLD })
const address = (name: string) => `${name}@thor.local`

/** True when it was told that it is made. */
export async function addSubscriber(node: NodeOperations, index: number): Promise<boolean> {
  const subscriber = {
    account: { id: address(`s${index}`), password: 'pw', groups: ['free-pstn'] },
    aliases: [address(`s${index}.a`), address(`s${index}.b`)],
    voicemail: { email: 's@example.com' },
    numbers: [number(index)],
    diversions: { FNOA: '<voice-mailbox>' },
    balance: 2.5,
  }
  return call(node, 'Platform.addSubscriber', { subscriber }).then(
    () => true,
    () => false,
  )
}

export const deleteSubscriber = (node: NodeOperations, index: number): Promise<boolean> =>
  call(node, 'Platform.deleteSubscriber', { sipId: address(`s${index}`) }).then(
    () => true,
    () => false,
  )

/** Which parts of a subscriber there are, read strictly. */
async function partsOf(node: NodeOperations, index: number): Promise<boolean[]> {
  const sipId = address(`s${index}`)
  const there = async (operation: string, args: Record<string, unknown>): Promise<boolean> => {
    const look = async (): Promise<'yes' | 'no'> => {
      try {
        await call(node, operation, args)
        return 'yes'
      } catch (error) {
        if (/^PROVISION_\w+_UNKNOWN$/.test(errorCode(error) ?? '')) return 'no'
        throw error
      }
    }
    // A read that found no quorum says nothing.
    return (await eventually(look, 30_000, `${operation} of s${index}`)) === 'yes'
  }
  return Promise.all([
    there('Sip.getAccount', { sipId }),
    there('Sip.getAlias', { id: address(`s${index}.a`) }),
    there('Sip.getAlias', { id: address(`s${index}.b`) }),
    there('Voicemail.getAccount', { sipId }),
    there('Enum.getNumber', { enumId: number(index) }),
  ])
}

export async function lookAtSubscribers(node: NodeOperations, indices: readonly number[]): Promise<Found> {
  const found: Found = { whole: 0, absent: 0, half: [] }
  for (const index of indices) {
    const parts = await partsOf(node, index)
    if (parts.every((part) => part)) found.whole += 1
    else if (parts.every((part) => !part)) found.absent += 1
    else found.half.push(`s${index}: ${parts.join(' ')}`)
  }
  return found
}
