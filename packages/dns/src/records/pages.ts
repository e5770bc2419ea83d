/**
 * How the records of a zone are spread over registers. A small zone is one register. What does not fit there is in pages of its own,
 * by name: a page has the names from `from` on, up to the next one. Pages are never changed: a change writes another page and then
 * the register of the zone, which alone says what counts, so that every reader sees one state.
 */
import { ZONE_LIMITS } from '../limits.ts'
import type { FancyRecord, PageBody, PageRef, StoredZone, ZoneRecord } from './contract.ts'

type Entry = ZoneRecord | FancyRecord

export interface ArrangedPage {
  from: string
  /** A page that stays as it is, */
  kept?: PageRef
  /** or what a new one has. */
  body?: PageBody
}

export interface Arranged {
  /** In the register of the zone itself. */
  inline: PageBody
  pages: ArrangedPage[]
}

const isFancy = (entry: Entry): entry is FancyRecord => entry.type === 'MBOXFW' || entry.type === 'URL'

/** What a record takes in a register, about: names of its fields and numbers besides. */
const bytesOf = ({ name, value }: Entry): number => 100 + Buffer.byteLength(name) + Buffer.byteLength(value)
const sizeOf = (entries: readonly Entry[]): number => entries.reduce((sum, entry) => sum + bytesOf(entry), 0)

const fits = (entries: readonly Entry[]): boolean =>
  entries.length <= ZONE_LIMITS.pageRecords && sizeOf(entries) <= ZONE_LIMITS.pageBytes

const bodyOf = (entries: readonly Entry[]): PageBody => ({
  records: entries.filter((entry) => !isFancy(entry)) as ZoneRecord[],
  fancy: entries.filter(isFancy),
})

/** Which page has a name: 0 is the register of the zone itself, n is `pages[n - 1]`. */
export function placeOf(pages: readonly Pick<PageRef, 'from'>[], name: string): number {
  let low = 0
  let high = pages.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((pages[middle] as PageRef).from <= name) low = middle + 1
    else high = middle
  }
  return low
}

/** Spreads records over the pages that there are, and splits those that got too large. `loaded`: what is on each page now. */
export function arrange(
  { records, fancy }: Pick<StoredZone, 'records' | 'fancy'>,
  pages: readonly PageRef[],
  loaded: (page: PageRef) => PageBody | undefined,
): Arranged {
  const groups: Entry[][] = Array.from({ length: pages.length + 1 }, () => [])
  for (const entry of [...records, ...fancy]) (groups[placeOf(pages, entry.name)] as Entry[]).push(entry)
  const arranged: Arranged = { inline: { records: [], fancy: [] }, pages: [] }
  for (const [index, group] of groups.entries()) {
    const page = pages[index - 1]
    if (page && isSame(loaded(page), group)) {
      arranged.pages.push({ from: page.from, kept: page })
      continue
    }
    const [first = [], ...more] = fits(group) ? [group] : split(group)
    if (!page) arranged.inline = bodyOf(first)
    else if (first.length > 0) arranged.pages.push({ from: page.from, body: bodyOf(first) })
    for (const part of more) arranged.pages.push({ from: (part[0] as Entry).name, body: bodyOf(part) })
  }
  return arranged
}

/** The same records, as objects. */
function isSame(body: PageBody | undefined, group: readonly Entry[]): boolean {
  if (!body || body.records.length + body.fancy.length !== group.length) return false
  const before = [...body.records, ...body.fancy]
  return group.every((entry, index) => entry === before[index])
}

/** In order of their names, parts that are half full; records of one name stay together. */
function split(group: readonly Entry[]): Entry[][] {
  const byName = [...Map.groupBy(group, ({ name }) => name)].sort(([a], [b]) => (a < b ? -1 : 1))
  const parts: Entry[][] = []
  let part: Entry[] = []
  let bytes = 0
  for (const [, entries] of byName) {
    const more = sizeOf(entries)
    const full = part.length + entries.length > ZONE_LIMITS.pageRecords / 2 || bytes + more > ZONE_LIMITS.pageBytes / 2
    if (full && part.length > 0) {
      parts.push(part)
      part = []
      bytes = 0
    }
    part.push(...entries)
    bytes += more
  }
  parts.push(part)
  return parts
}

/** Records of one name that would not fit into a register. */
export const tooLargeName = ({ inline, pages }: Arranged): string | undefined => {
  for (const body of [inline, ...pages.flatMap((page) => page.body ?? [])]) {
    const entries = [...body.records, ...body.fancy]
    if (sizeOf(entries) > ZONE_LIMITS.nameBytesMax) return entries[0]?.name
  }
  return undefined
}
