/** For tests alone: simulated time and chance, and guards. */
export { deadline, eventually } from './deadline.ts'
export { SimClock, settle } from './sim-clock.ts'
export { SimRandom } from './sim-random.ts'
