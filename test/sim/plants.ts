/**
 * Mistakes planted into the code under test, each by changing a line of it while it is loaded: the judges must find every one,
 * or they are blind. A plant whose text is not found any more (exactly once) ends the run: the code went on, and the plant
 * must follow.
 */
export interface Plant {
  /** What is wrong with it, for readers. */
  mistake: string
  changes: readonly { file: string; find: string; replace: string }[]
  /** What the judges say of it, among other things. */
  finds: RegExp
  /** Arguments of `npm run sim` with which it is found soon: the faults that bring it to light, or a scenario. */
  args: readonly string[]
}

export const plants: Readonly<Record<string, Plant>> = {
  'live-view-quorum': {
    mistake: 'whoever does not answer counts as if it had agreed: the quorum of those who can be reached',
    changes: [
      {
        file: 'packages/overlay/src/store/reg-round.ts',
        find: '() => undefined,',
        replace: `() => {
            const wall = components.clock.wall()
            const consent = {
              'reg.accept': { type: 'accepted', wall },
              'reg.prepare': { type: 'promised', accepted: [0, 0, ''], value: undefined, wall },
            }[method]
            if (consent && !ended) answers.set(nodeId, consent as never)
          },`,
      },
    ],
    finds: /unknown|lost|missed|moved|twice|began after|I2|is at/,
    args: ['--only', 'isolate,split'],
  },
  'no-joint-step': {
    mistake: 'the members of a range are exchanged in one step, without a quorum of both sides',
    changes: [
      {
        file: 'packages/overlay/src/ranges/change.ts',
        find: 'value: jointConfig(config, target) }],',
        replace:
          'value: { ...jointConfig(config, target), old: jointConfig(config, target).next ?? [], next: undefined } }],',
      },
    ],
    finds: /unknown|lost|missed|moved|twice|began after|I13|I1 |I9|is at/,
    args: ['--nodes', '4', '--spares', '4', '--only', 'join,leave,isolate,split,crash'],
  },
  'never-taken-back': {
    mistake: 'a change of members goes on for ever when its new members are gone',
    changes: [
      {
        file: 'packages/overlay/src/ranges/balancer.ts',
        find: 'return hasOldQuorum(config, live) && !hasQuorum(config, awaited) ? { config, undo: true } : undefined',
        replace: 'return hasQuorum(config, awaited) && hasOldQuorum(config, live) ? { config } : undefined',
      },
    ],
    finds: /I13|I14|come to its end/,
    args: ['--scenario', 'newcomers-gone'],
  },
  'leavings-lost': {
    mistake: 'a node that was replaced deletes its copy of records without a look at what others have',
    changes: [
      {
        file: 'packages/overlay/src/ranges/catch-up.ts',
        find: 'sure.length > 0 ? await kind.giveLeavings?.(sure, live) : undefined',
        replace: 'sure.length > RANGES_PER_BATCH_MAX ? await kind.giveLeavings?.(sure, live) : undefined',
      },
    ],
    finds: /cdr.0 is lost/,
    args: ['--scenario', 'last-copy'],
  },
  'no-re-decide': {
    mistake: 'registers are not decided anew under the new members',
    changes: [
      {
        file: 'packages/overlay/src/ranges/change.ts',
        find: 'await reg.redecide(configs, urgent)',
        replace: 'await Promise.resolve({ done: new Set(configs.map(({ range }) => range)), failure: undefined })',
      },
      {
        file: 'packages/overlay/src/store/range-digests.ts',
        find: 'boolean => configs.get(range).epoch === epochs[index]',
        replace: 'boolean => configs.get(range).epoch > 0 || epochs[index] === 0',
      },
    ],
    finds: /unknown|lost|missed|moved|twice|began after|is at/,
    args: ['--scenario', 'late-accept'],
  },
  'no-epoch-fence': {
    mistake: 'acceptors take requests of earlier configs',
    changes: [
      {
        file: 'packages/overlay/src/ranges/config-table.ts',
        find: 'return config.epoch === epoch && !this.#closed.has(range) ? { ok: true }',
        replace: 'return !this.#closed.has(range) ? { ok: true }',
      },
      {
        file: 'packages/overlay/src/ranges/config-table.ts',
        find: 'return config.epoch === epoch && !this.#closed.has(range) && entryOf',
        replace: 'return config.epoch >= 0 && epoch >= 0 && !this.#closed.has(range) || entryOf',
      },
    ],
    finds: /unknown|lost|missed|moved|twice|began after|I4|is at/,
    args: ['--scenario', 'stale-quorum'],
  },
  'half-transaction': {
    mistake: 'who meets an unfinished transaction leaves its register as it is, committed or not',
    changes: [
      {
        file: 'packages/overlay/src/store/reg.ts',
        find: `if (verdict === 'pending') return settleIntent(value, false)`,
        replace: `if (verdict) return settleIntent(value, false)`,
      },
    ],
    finds: /I9/,
    args: ['--scenario', 'open-transaction'],
  },
  'reused-promise': {
    mistake: 'a carried promise stays in the cache while it is used, and so bears two values',
    changes: [
      {
        file: 'packages/overlay/src/store/reg-carried.ts',
        find: '    this.#byKey.delete(key)\n    return carried?.ballot[0]',
        replace: '    return carried?.ballot[0]',
      },
    ],
    finds: /I2|lost|moved|twice/,
    args: ['--only', 'isolate,split,lose,disk-stall'],
  },
  'unsynced-promise': {
    mistake: 'promises and accepts are told before they are on the disk',
    changes: [
      {
        file: 'packages/overlay/src/store/acceptor-store.ts',
        find: `const write = () => disk.batch([{ type: 'put', key, value: encodeRecord(key, state) }], { sync: true })`,
        replace: `const write = () => disk.batch([{ type: 'put', key, value: encodeRecord(key, state) }], { sync: false })`,
      },
    ],
    finds: /I3/,
    args: ['--only', 'power-off,power-cut'],
  },
  'one-replica-read': {
    mistake: 'a strict read believes the first replica that answers',
    changes: [
      {
        file: 'packages/overlay/src/store/reg.ts',
        find: `return versioned<B>(mode === 'near' ?`,
        replace: `return versioned<B>(mode === 'near' || mode === 'strict' ?`,
      },
    ],
    finds: /missed/,
    args: ['--only', 'isolate,split,one-way'],
  },
  'missing-op-id-check': {
    mistake: 'an operation that is repeated is applied again',
    changes: [
      {
        file: 'packages/overlay/src/store/reg-operation.ts',
        find: 'const known = value?.recent.find(opId)',
        replace: "const known = value?.recent.find(opId.concat('?'))",
      },
    ],
    finds: /twice|moved|is at/,
    args: ['--only', 'crash,isolate,lose'],
  },
  'lease-by-wall-clock': {
    mistake: 'a relay counts the lease of a call on the wall clock',
    changes: [
      {
        file: 'test/sim/relays.ts',
        find: 'const until = clock.now() + forMs',
        replace: 'const until = clock.wall() + forMs',
      },
      {
        file: 'test/sim/relays.ts',
        find: 'const left = until - clock.now()',
        replace: 'const left = until - clock.wall()',
      },
    ],
    finds: /I7/,
    args: ['--only', 'clock-jump'],
  },
  'tombstone-dropped-early': {
    mistake: 'the marker of a removed binding is forgotten after a second',
    changes: [
      {
        file: 'packages/overlay/src/store/soft.ts',
        find: 'const ttlMs = Math.max(left, softLimits.deadTtlMsMin)',
        replace: 'const ttlMs = Math.min(left, 0) + 1_000',
      },
      {
        // Without this nothing is found: where the binding is known, its marker lives as long as it could have.
        file: 'packages/overlay/src/store/soft-table.ts',
        find: 'const expiresAt = entry.dead ? Math.max(entry.expiresAt, slot.expiresAt) : entry.expiresAt',
        replace: 'const { expiresAt } = entry',
      },
    ],
    finds: /after its removal|though/,
    args: ['--scenario', 'removed-apart'],
  },
  'warming-answer': {
    mistake: 'a node with a copy that is not complete answers for it',
    changes: [
      {
        file: 'packages/overlay/src/store/soft-replica.ts',
        find: "warming: init.isFilling() || configs.standing(request.range) === 'warming' }",
        replace: 'warming: false }',
      },
      {
        file: 'packages/overlay/src/store/set-replica.ts',
        find: "return this.#configs.standing(range) === 'member' && this.#configs.hasVoice(range)",
        replace: 'return this.#configs.get(range).epoch > 0',
      },
      {
        file: 'packages/overlay/src/store/acceptor-store.ts',
        find: "if (this.#components.configs.standing(range) !== 'member') {",
        replace: "if (this.#components.configs.standing(range) === 'outsider') {",
      },
      {
        file: 'packages/overlay/src/ranges/coverage.ts',
        find: "if (configs.standing(range) === 'member') bits",
        replace: "if (configs.standing(range) !== 'outsider') bits",
      },
    ],
    finds: /I12/,
    args: ['--scenario', 'asked-while-warming'],
  },
  'limit-not-kept': {
    mistake: 'a table grows without an end',
    changes: [
      {
        file: 'packages/overlay/src/store/reg-carried.ts',
        find: 'if (this.#byKey.size <= regLimits.carriedMax) return',
        replace: 'if (this.#byKey.size > 0) return',
      },
    ],
    finds: /I16/,
    args: ['--tight', '--only', 'crash'],
  },
}
