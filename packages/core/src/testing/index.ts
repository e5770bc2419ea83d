/** For tests alone: simulated time and chance, and guards. */
export { deadline, eventually } from './deadline.ts'
export { SimClock, settle } from './sim-clock.ts'
export { type DiskImage, SimDisk, type SimDiskInit } from './sim-disk.ts'
export { SimRandom } from './sim-random.ts'
