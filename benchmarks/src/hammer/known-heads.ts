import { type TlogPolicy, type VerifierKey, verifyByPolicy, verifyConsistency } from '@countersign/merkle-log';

export interface KnownHead {
  readonly size: bigint;
  readonly root: Uint8Array;
}

const maxHeads = 1_000;

/** Every head that was shown, as far as it is remembered: each new one is held against some of the others. */
export function createKnownHeads({ key, policy }: { readonly key: VerifierKey; readonly policy: TlogPolicy }) {
  const heads: KnownHead[] = [];
  let consistent = 0;

  return {
    /** Of those that were added. */
    newest: () => heads.at(-1),
    /** Proofs of consistency that were verified. */
    consistent: () => consistent,

    /** @throws Error when the checkpoint is not signed and cosigned by the policy */
    open(note: string): KnownHead {
      const verdict = verifyByPolicy({ signedNote: note, policy, logKeys: [key] });
      if (!verdict.ok) throw new Error(`a checkpoint was shown that does not verify (${verdict.reason})`);
      return verdict.checkpoint;
    },

    /**
     * Holds a head against the newest one, and one from long ago.
     *
     * @throws Error when they are not of one history
     */
    async add(head: KnownHead, prove: (from: bigint, to: bigint) => Promise<readonly Uint8Array[]>): Promise<void> {
      const older = [heads.at(-1), heads[Math.floor(Math.random() * heads.length)]];
      for (const known of older) {
        if (known === undefined || known.size === 0n) continue;
        const [from, to] = known.size <= head.size ? [known, head] : [head, known];
        const proof = await prove(from.size, to.size);
        const { ok } = verifyConsistency({
          from: from.size,
          to: to.size,
          fromRoot: from.root,
          toRoot: to.root,
          proof,
        });
        if (!ok) throw new Error(`the tree of ${to.size} does not extend the one of ${from.size}: a fork was signed`);
        consistent++;
      }
      if ((heads.at(-1)?.size ?? -1n) >= head.size) return;
      heads.push(head);
      if (heads.length > maxHeads) heads.splice(1, maxHeads / 2);
    },
  };
}

export type KnownHeads = ReturnType<typeof createKnownHeads>;
