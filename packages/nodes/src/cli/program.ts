/** All verbs together, and what becomes of their errors. */
import { errorCode, errorMessage } from '@thor-node/core'
import { Command, CommanderError } from 'commander'
import { accountVerb } from './account.ts'
import { exportVerb, importVerb } from './accounts-file.ts'
import { adminVerb } from './admin.ts'
import { apiVerb } from './api.ts'
import { auditVerb } from './audit.ts'
import { callsVerb } from './calls.ts'
import { certificatesVerb } from './certificates.ts'
import { configVerb } from './config.ts'
import type { Console } from './console.ts'
import { demoVerb } from './demo.ts'
import { dnsVerb } from './dns.ts'
import { domainVerb } from './domain.ts'
import { drainVerb } from './drain.ts'
import { enumVerb } from './enum.ts'
import { guardVerb } from './guard.ts'
import { inviteVerb } from './invite.ts'
import { joinVerb } from './join.ts'
import { leaveVerb } from './leave.ts'
import { membersVerb } from './members.ts'
import { peerVerb } from './peer.ts'
import { recoverVerb } from './recover.ts'
import { revokeVerb } from './revoke.ts'
import { ringVerb } from './ring.ts'
import { rotateVerb } from './rotate.ts'
import { statusVerb } from './status.ts'
import { tokenVerb } from './token.ts'
import { traceVerb } from './trace.ts'
import { trunkVerb } from './trunk.ts'
import { examplesText, type Verb } from './verb.ts'
import { packageVersion, versionVerb } from './version.ts'
import { whereVerb } from './where.ts'

export const EXIT_FAILURE = 1
export const EXIT_USAGE = 2
/** EX_UNAVAILABLE of sysexits.h: no node runs there. */
export const EXIT_NOT_RUNNING = 69

const verbs: readonly Verb[] = [
  joinVerb,
  statusVerb,
  accountVerb,
  domainVerb,
  callsVerb,
  whereVerb,
  traceVerb,
  guardVerb,
  peerVerb,
  trunkVerb,
  dnsVerb,
  enumVerb,
  inviteVerb,
  membersVerb,
  ringVerb,
  drainVerb,
  certificatesVerb,
  leaveVerb,
  revokeVerb,
  rotateVerb,
  recoverVerb,
  importVerb,
  exportVerb,
  apiVerb,
  auditVerb,
  adminVerb,
  tokenVerb,
  configVerb,
  demoVerb,
  versionVerb,
]

export function createProgram(console: Console): Command {
  const program = new Command('thor-node')
    .description('Any number of servers, one SIP service.')
    .version(packageVersion(), '-V, --version')
    .addHelpText(
      'after',
      examplesText(`thor-node join                         start the first node
       thor-node account add alice@thor.local
       thor-node status
       thor-node <command> --help             what it does, with examples`),
    )
  for (const verb of verbs) program.addCommand(verb(console))
  const settle = (command: Command): void => {
    command.showHelpAfterError('(add --help for usage and examples)')
    command.exitOverride().configureOutput({
      writeOut: (text) => console.print(text.trimEnd()),
      writeErr: (text) => console.complain(text.trimEnd()),
    })
    for (const below of command.commands) settle(below)
  }
  settle(program)
  return program
}

function exitCode(error: unknown): number {
  const code = errorCode(error) ?? ''
  if (code === 'CONTROL_NOT_RUNNING') return EXIT_NOT_RUNNING
  if (code === 'NODE_NOT_CONFIRMED' || code === 'NODE_ROTATE') return EXIT_USAGE
  return code === 'CONTROL_BAD_QUERY' || code.startsWith('CONFIG_') ? EXIT_USAGE : EXIT_FAILURE
}

/** Runs one command line and returns the exit code. `argv` is as in process.argv. */
export async function runProgram(argv: readonly string[], console: Console): Promise<number> {
  try {
    await createProgram(console).parseAsync(argv)
    return console.exitCode
  } catch (error) {
    // Commander has printed its own errors already; 0 is --help and --version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
    console.complain(`thor-node: ${errorMessage(error)}`)
    return exitCode(error)
  }
}
