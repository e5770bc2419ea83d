/** `192.0.2.1:5060`, `[2001:db8::1]:5060` */
export function splitHostPort(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) || 0 }
}
