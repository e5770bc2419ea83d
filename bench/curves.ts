/** Small SVG line charts, by hand: two logarithmic axes, lines of points, dashed where a formula goes on. */
export interface Curve {
  name: string
  points: readonly (readonly [x: number, y: number])[]
  /** Continues the curve; drawn dashed. */
  beyond?: readonly (readonly [x: number, y: number])[]
}

export interface Chart {
  title: string
  x: string
  y: string
  curves: readonly Curve[]
  /** Linear instead of logarithmic, from … to. */
  linearY?: readonly [number, number]
}

const WIDTH = 560
const HEIGHT = 320
const LEFT = 64
const RIGHT = 12
const TOP = 30
const BOTTOM = 44
const COLOURS = ['#1f5fa8', '#b4451f', '#2f7d32', '#7b3fa0', '#8a6d00']

const decades = (low: number, high: number): number[] => {
  const ticks: number[] = []
  for (let at = 10 ** Math.floor(Math.log10(low)); at <= high * 1.0001; at *= 10) if (at >= low * 0.9999) ticks.push(at)
  return ticks
}

const short = (value: number): string => {
  if (value >= 1e9) return `${Number((value / 1e9).toPrecision(3))} G`
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))} k`
  return `${Number(value.toPrecision(3))}`
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

export function draw({ title, x, y, curves, linearY }: Chart): string {
  const all = curves.flatMap(({ points, beyond = [] }) => [...points, ...beyond])
  const xs = all.map(([at]) => at)
  const ys = all.map(([, value]) => value)
  const [xLow, xHigh] = [Math.min(...xs), Math.max(...xs)]
  const [yLow, yHigh] = linearY ?? [
    10 ** Math.floor(Math.log10(Math.min(...ys))),
    10 ** Math.ceil(Math.log10(Math.max(...ys))),
  ]
  const atX = (value: number): number =>
    LEFT + ((Math.log10(value) - Math.log10(xLow)) / (Math.log10(xHigh) - Math.log10(xLow))) * (WIDTH - LEFT - RIGHT)
  const shareY = (value: number): number =>
    linearY
      ? (value - yLow) / (yHigh - yLow)
      : (Math.log10(value) - Math.log10(yLow)) / (Math.log10(yHigh) - Math.log10(yLow))
  const atY = (value: number): number => HEIGHT - BOTTOM - shareY(value) * (HEIGHT - TOP - BOTTOM)
  const path = (points: readonly (readonly [number, number])[]): string =>
    points.map(([a, b], index) => `${index === 0 ? 'M' : 'L'}${atX(a).toFixed(1)} ${atY(b).toFixed(1)}`).join('')
  const ticksY = linearY ? Array.from({ length: 6 }, (_, i) => yLow + ((yHigh - yLow) * i) / 5) : decades(yLow, yHigh)
  const ticksX = [...new Set([...decades(xLow, xHigh), xLow])]
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${LEFT}" y="16" font-size="13">${escaped(title)}</text>`,
    ...ticksY.map((value) => {
      const at = atY(value).toFixed(1)
      return `<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#ddd"/><text x="${LEFT - 6}" y="${at}" dy="4" text-anchor="end">${short(value)}</text>`
    }),
    ...ticksX.map((value) => {
      const at = atX(value).toFixed(1)
      return `<path d="M${at} ${TOP}V${HEIGHT - BOTTOM}" stroke="#eee"/><text x="${at}" y="${HEIGHT - BOTTOM + 14}" text-anchor="middle">${short(value)}</text>`
    }),
    `<text x="${(WIDTH + LEFT) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escaped(x)}</text>`,
    `<text transform="translate(13 ${(HEIGHT - BOTTOM + TOP) / 2}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>`,
  ]
  curves.forEach(({ name, points, beyond = [] }, index) => {
    const colour = COLOURS[index % COLOURS.length]
    parts.push(`<path d="${path(points)}" fill="none" stroke="${colour}" stroke-width="2"/>`)
    for (const [a, b] of points)
      parts.push(`<circle cx="${atX(a).toFixed(1)}" cy="${atY(b).toFixed(1)}" r="3" fill="${colour}"/>`)
    const last = points.at(-1)
    if (beyond.length > 0 && last) {
      parts.push(`<path d="${path([last, ...beyond])}" fill="none" stroke="${colour}" stroke-dasharray="5 4"/>`)
    }
    const top = TOP + 12 + index * 15
    parts.push(
      `<path d="M${LEFT + 8} ${top - 4}h16" stroke="${colour}" stroke-width="2"/><text x="${LEFT + 30}" y="${top}">${escaped(name)}</text>`,
    )
  })
  return `${parts.join('\n')}\n</svg>\n`
}
