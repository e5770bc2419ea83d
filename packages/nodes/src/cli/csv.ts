import { ThorError } from '@thor-node/core'

/** One field of a line may not be longer: a quote that nobody closes would eat the rest of the file. */
const FIELD_CHARS_MAX = 64 * 1024

/** Reads comma-separated values (RFC 4180) from pieces of text: quoted fields may have commas, quotes and lines in them. */
export async function* readCsv(pieces: AsyncIterable<string>): AsyncGenerator<string[]> {
  let row: string[] = []
  let field = ''
  let state: 'plain' | 'quoted' | 'quote' = 'plain'
  const endField = (): void => {
    row.push(field)
    field = ''
    state = 'plain'
  }
  const endRow = (): string[] => {
    endField()
    const done = row
    row = []
    return done
  }
  for await (const piece of pieces) {
    for (const character of piece) {
      if (state === 'quoted') {
        if (character === '"') state = 'quote'
        else field += character
      } else if (character === '"' && (state === 'quote' || field === '')) {
        // Two quotes within quotes are one; a first one begins a quoted field.
        if (state === 'quote') field += character
        state = 'quoted'
      } else if (character === ',') endField()
      else if (character === '\n') {
        const done = endRow()
        if (done.length > 1 || done[0] !== '') yield done
      } else if (character !== '\r' && character !== '\ufeff') field += character
      if (field.length > FIELD_CHARS_MAX) {
        throw new ThorError(
          'NODE_BAD_FILE',
          `a field is longer than ${FIELD_CHARS_MAX} characters; a quote is not closed`,
        )
      }
    }
  }
  if (state === 'quoted') throw new ThorError('NODE_BAD_FILE', 'the file ends within quotes')
  const last = endRow()
  if (last.length > 1 || last[0] !== '') yield last
}

export function csvLine(values: readonly string[]): string {
  return values.map((value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)).join(',')
}
