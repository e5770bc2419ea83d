import { type Paint, width } from './paint.ts'

export interface Column {
  title: string
  /** Default: left. Numbers go to the right. */
  align?: 'left' | 'right'
}

/** Columns as wide as their widest cell, two spaces between them, no trailing space. One line per row after the titles. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[], paint: Paint): string {
  const widths = columns.map(({ title }, index) => {
    return Math.max(width(title), ...rows.map((row) => width(row[index] ?? '')))
  })
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => {
        const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - width(cell)))
        return columns[index]?.align === 'right' ? padding + cell : cell + padding
      })
      .join('  ')
      .trimEnd()
  const titles = columns.map(({ title }) => paint.dim(title))
  return [line(titles), ...rows.map(line)].join('\n')
}
