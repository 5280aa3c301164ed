import { auditLogErrors, type PublicKey, type Signer } from '@countersign/contracts';
import { isSameKey, keyHandoverType, keysAt, readHandoverRecord } from '@countersign/evidence';
import { decodeBase64Url } from '@countersign/kernel';
import {
  type Checkpoint,
  createVerifierKey,
  formatCheckpoint,
  formatNote,
  type NoteSignature,
  parseCheckpoint,
  parseNote,
  signNote,
  type VerifierKey,
  verifyCheckpoint,
} from '@countersign/merkle-log';

const purpose = 'log-checkpoint';

/** A record of the log by which one key succeeds another: the key of a tree follows from its records, so all nodes agree on it. */
export interface KeyRotation {
  /** Trees with this entry are signed by `to`. The tree that ends with it is signed by both. */
  readonly index: bigint;
  readonly from: VerifierKey;
  readonly to: VerifierKey;
  /** The bytes of the record. */
  readonly leaf: Buffer;
}

/** Size of the tree that both keys sign. */
export function handoverSize({ index }: Pick<KeyRotation, 'index'>): bigint {
  return index + 1n;
}

interface HeldKey {
  readonly kid: string;
  readonly key: VerifierKey;
}

/** The log's signing key, its predecessors and its successor. The private keys stay in the signer. */
export function createLogKeys({ signer, origin }: { readonly signer: Signer; readonly origin: string }) {
  let rotations: readonly KeyRotation[] = [];

  function verifierKey(key: PublicKey): VerifierKey {
    const publicKey = decodeBase64Url(key.jwk.x ?? '');
    if (key.algorithm !== 'EdDSA' || publicKey?.length !== 32)
      throw new Error('the key of the log must be an Ed25519 key');
    return createVerifierKey({ name: origin, type: 'ed25519', publicKey });
  }

  /** Oldest first. */
  async function held(): Promise<readonly HeldKey[]> {
    const keys = await signer.publicKeys(purpose);
    return keys
      .filter(({ algorithm }) => algorithm === 'EdDSA')
      .map((key) => ({ kid: key.kid, key: verifierKey(key) }));
  }

  /** Before the first rotation only the oldest key has signed. */
  async function firstKey(): Promise<VerifierKey> {
    const first = rotations[0]?.from ?? (await held())[0]?.key;
    return first ?? verifierKey(await signer.current(purpose));
  }

  async function keyAt(size: bigint): Promise<VerifierKey> {
    return rotations.findLast(({ index }) => index < size)?.to ?? firstKey();
  }

  async function signWith(keys: readonly VerifierKey[], checkpoint: Omit<Checkpoint, 'origin'>): Promise<string> {
    const text = formatCheckpoint({ ...checkpoint, origin });
    const signatures: NoteSignature[] = [];
    for (const key of keys) {
      const kid = (await held()).find((one) => isSameKey(one.key, key))?.kid;
      if (kid === undefined)
        throw auditLogErrors.error(
          'log_inconsistent',
          'The signer no longer has the key by which the log must sign. Restore the key, or end this log and start a new one.',
        );
      const sign = async (data: Uint8Array): Promise<Uint8Array> => (await signer.sign(purpose, kid, data)).signature;
      const parsed = parseNote(await signNote({ text, key, sign }));
      if (!parsed.ok) throw new Error('a note that was just signed is malformed');
      signatures.push(...parsed.note.signatures);
    }
    return formatNote({ text, signatures });
  }

  return {
    origin,

    /** That of the present tree. */
    current: (): Promise<VerifierKey> => keyAt(maxPlace),
    keyAt,
    /** That which the signer wants to use from now on. */
    wanted: async (): Promise<HeldKey> => {
      const key = await signer.current(purpose);
      return { kid: key.kid, key: verifierKey(key) };
    },
    rotations: () => rotations,

    /** Every key that has signed. */
    async all(): Promise<readonly VerifierKey[]> {
      return [await firstKey(), ...rotations.map(({ to }) => to)];
    },

    /** @throws CodedError `log_inconsistent` unless the rotations form one chain of keys */
    adopt(read: readonly Omit<KeyRotation, 'from' | 'to'>[]): void {
      const chain: KeyRotation[] = [];
      for (const { index, leaf } of read) {
        const named = readHandoverRecord(leaf, origin);
        const before = chain.at(-1);
        if (named === undefined || (before !== undefined && !isSameKey(before.to, named.from)))
          throw auditLogErrors.error(
            'log_inconsistent',
            `The record ${index} (${keyHandoverType}) does not continue the keys of this log.`,
          );
        chain.push({ index, leaf, ...named });
      }
      rotations = chain;
    },

    async sign(checkpoint: Omit<Checkpoint, 'origin'>): Promise<{ readonly note: string; readonly key: VerifierKey }> {
      const key = await keyAt(checkpoint.size);
      return { note: await signWith([key], checkpoint), key };
    },

    /** By both keys. The old one signs first, so that readers see a note of the log that they know. */
    signHandover: ({ from, to }: KeyRotation, checkpoint: Omit<Checkpoint, 'origin'>): Promise<string> =>
      signWith([from, to], checkpoint),

    /** @throws CodedError `checkpoint_unknown` if no key of this log signed the note, or another one than that of its tree */
    async open(note: string): Promise<Checkpoint> {
      const parsed = parseNote(note);
      const said = parsed.ok ? parseCheckpoint(parsed.note.text) : undefined;
      // Before the rotations are read, any key of the signer counts; the head is opened again afterwards.
      const logKeys =
        rotations.length > 0 && said?.ok === true
          ? keysAt({ periods: periodsOf(rotations) }, said.checkpoint.size)
          : (await held()).map(({ key }) => key);
      const opened = verifyCheckpoint({ signedNote: note, origin, logKeys });
      if (!opened.ok)
        throw auditLogErrors.error(
          'checkpoint_unknown',
          `This is not a checkpoint that ${origin} signed (${opened.reason}).`,
        );
      return opened.checkpoint;
    },
  };
}

export type LogKeys = ReturnType<typeof createLogKeys>;

const maxPlace = 9_223_372_036_854_775_807n;

function periodsOf(rotations: readonly KeyRotation[]) {
  const keys = [...rotations.slice(0, 1).map(({ from }) => from), ...rotations.map(({ to }) => to)];
  return keys.map((key, place) => {
    const before = rotations[place - 1];
    const after = rotations[place];
    return {
      key,
      from: before === undefined ? 0n : handoverSize(before),
      ...(after === undefined ? {} : { until: handoverSize(after) }),
    };
  });
}

export function keyIdText({ keyId }: Pick<VerifierKey, 'keyId'>): string {
  return keyId.toString(16).padStart(8, '0');
}

export function isSignedBy(note: string, key: VerifierKey): boolean {
  return verifyCheckpoint({ signedNote: note, origin: key.name, logKeys: [key] }).ok;
}
