/** Certificates of one node; those after it in the alphabet are not used. */
export const CERTIFICATES_MAX = 1_000

/** How often files are looked at. */
export const LOOK_MS = 10_000

/** Life of a certificate that the node makes itself, and how long before its end another one is made, or an alarm is raised. */
export const SELF_SIGNED_MS = 825 * 86_400_000
export const ENDS_SOON_MS = 14 * 86_400_000
