/** Colours of a terminal, or none. */
export interface Paint {
  bold(text: string): string
  dim(text: string): string
  green(text: string): string
  yellow(text: string): string
  red(text: string): string
  cyan(text: string): string
}

const sequence =
  (on: number, off: number) =>
  (text: string): string =>
    `\u001b[${on}m${text}\u001b[${off}m`

const same = (text: string): string => text

export const coloured: Paint = {
  bold: sequence(1, 22),
  dim: sequence(2, 22),
  green: sequence(32, 39),
  yellow: sequence(33, 39),
  red: sequence(31, 39),
  cyan: sequence(36, 39),
}

export const plain: Paint = { bold: same, dim: same, green: same, yellow: same, red: same, cyan: same }

/** Colours only on a terminal, and not when NO_COLOR is set to something (no-color.org). */
export function paintFor(stream: { isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): Paint {
  return stream.isTTY === true && !env.NO_COLOR ? coloured : plain
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const SEQUENCES = /\u001b\[\d+m/g

/** Columns that a text takes, without its colours. */
export const width = (text: string): number => [...text.replace(SEQUENCES, '')].length
