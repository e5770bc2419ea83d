/** Small file systems of their own, for tests that fill them up. Needs root. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Mounts a file system in memory; undefined when that is not allowed. */
export function mountMemory(path: string, megabytes: number): boolean {
  mkdirSync(path, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export function unmount(path: string): void {
  if (existsSync(path)) execFileSync('umount', ['--lazy', path], { stdio: 'ignore' })
}

/** True when `mountMemory` works here; else prints the SKIP line that the test runner repeats. */
export function canMount(): boolean {
  const path = mkdtempSync(join(tmpdir(), 'thor-mount-'))
  const can = mountMemory(path, 1)
  if (can) unmount(path)
  else console.log('SKIP no file system can be mounted here (needs root)')
  rmSync(path, { recursive: true, force: true })
  return can
}

/** Writes a file until nothing is left; `leave` it so many bytes. */
export function fillUp(path: string, leave = 0): void {
  for (const size of [1 << 20, 1 << 12]) {
    try {
      for (;;) writeFileSync(`${path}.${size}`, new Uint8Array(size), { flag: 'a' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
  if (leave > 0) execFileSync('truncate', ['-s', `-${leave}`, `${path}.${1 << 20}`])
}

export function makeRoom(path: string): void {
  for (const size of [1 << 20, 1 << 12]) rmSync(`${path}.${size}`, { force: true })
}
