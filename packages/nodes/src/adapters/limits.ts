/** Failed log-ins whose answer is held back a little, at one home: one more is answered at once. */
export const FAILED_LOGINS_WAITING_MAX = 1_000
