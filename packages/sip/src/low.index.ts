export * from './message/index.ts'
export * from './transaction/index.ts'
