import type { Operation } from '../schema/operation.ts'
import { customerPort } from './customer/index.ts'
import { dnsPort } from './dns/index.ts'
import { enumPort } from './enum/index.ts'
import { networkPort } from './network.ts'
import { platformPort } from './platform/index.ts'
import { presencePort } from './presence.ts'
import { ratingPort } from './rating.ts'
import { sipPort } from './sip/index.ts'
import { voicemailPort } from './voicemail.ts'

/** Every operation of every port. */
export const operations: readonly Operation[] = [
  ...sipPort,
  ...voicemailPort,
  ...enumPort,
  ...dnsPort,
  ...customerPort,
  ...ratingPort,
  ...networkPort,
  ...presencePort,
  ...platformPort,
]
