/** Settings of numbers: where domains have no dial plan of their own, and regions no emergency gateways. */
import { isGatewayText } from '@thor-node/sip'
import { z } from 'zod'
import { digits, integer, texts } from './fields.ts'

export const dial = z
  .strictObject({
    country: digits(
      {
        doc:
          'Country code of this place, such as 31. Dialled numbers become E.164 by it before accounts, ENUM and trunks are ' +
          'looked up; a domain may have a plan of its own (setDialPlan). Empty: only what names its country does.',
      },
      4,
    ).prefault(''),
    area: digits({ doc: 'Code of the area in which numbers are dialled without one.' }, 8).prefault(''),
    international: digits(
      { doc: 'What is dialled before a country code: 00 in most countries, 011 in North America.' },
      5,
      'in quotes',
    ).prefault('00'),
    national: digits(
      {
        doc: 'What is dialled before the code of an area and is no part of the number: 0 in most countries, 1 in North America.',
      },
      4,
      'in quotes',
    ).prefault(''),
    nationalDigits: integer(
      {
        doc: 'Digits of a number with its area, where all have as many: those may be dialled without prefix. 0: they vary.',
      },
      0,
      15,
    ).prefault(0),
    keep: texts(
      { doc: 'Numbers that stay as they are dialled; with * at the end all that begin so.' },
      'numbers like 112, or 0800* for all that begin so',
      (text) => /^\d{1,15}\*?$/.test(text),
    ).prefault(''),
  })
  .prefault({})

export const emergency = z
  .strictObject({
    numbers: texts(
      {
        doc: 'Emergency numbers where the ring has no region for the account, the site of the node, or default (setEmergencyRegion). The first one stands for urn:service:sos.',
      },
      'numbers of three to fifteen digits',
      (text) => /^\d{3,15}$/.test(text),
    ).prefault('112, 911, 999'),
    gateways: texts(
      {
        doc: 'Where those calls go: names of trunks, and SIP URIs, tried in this order, and nothing else. Without any, those numbers are dialled as all others.',
      },
      'names of trunks, or SIP URIs like sip:psap.example.net',
      isGatewayText,
    ).prefault(''),
  })
  .prefault({})
