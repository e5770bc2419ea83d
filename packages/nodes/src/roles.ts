/** What every node does unless its invite says otherwise. */
export const ROLES = ['sip_proxy', 'media_relay', 'provisioning_server', 'thor_dnsmanager'] as const

/** Signs membership certificates (`ISSUER_ROLE` of overlay, named here so that the command line need not load libp2p). */
export const ISSUER_ROLE = 'issuer'
