export type { Destination, FlowToken, Source, TransportLayer, TransportName } from './contract.ts'
export { type Flow, parseFlow, udpFlow } from './flow.ts'
export { type ListenPoint, type TransportComponents, type TransportInit, Transports } from './layer.ts'
export { replaceTopVia, responseAddress, stampVia } from './stamp.ts'
