import { auditLogErrors, type PublicKey, type Signer } from '@countersign/contracts';
import { decodeBase64Url } from '@countersign/kernel';
import {
  type Checkpoint,
  createVerifierKey,
  signCheckpoint,
  type VerifierKey,
  verifyCheckpoint,
} from '@countersign/merkle-log';

const purpose = 'log-checkpoint';

/** The log's signing key and its predecessors. The private keys stay in the signer. */
export function createLogKeys({ signer, origin }: { readonly signer: Signer; readonly origin: string }) {
  function verifierKey(key: PublicKey): VerifierKey {
    const publicKey = decodeBase64Url(key.jwk.x ?? '');
    if (key.algorithm !== 'EdDSA' || publicKey?.length !== 32)
      throw new Error('the key of the log must be an Ed25519 key');
    return createVerifierKey({ name: origin, type: 'ed25519', publicKey });
  }

  return {
    origin,

    async current(): Promise<VerifierKey> {
      return verifierKey(await signer.current(purpose));
    },

    async sign(checkpoint: Omit<Checkpoint, 'origin'>): Promise<{ readonly note: string; readonly key: VerifierKey }> {
      const current = await signer.current(purpose);
      const key = verifierKey(current);
      const sign = async (data: Uint8Array): Promise<Uint8Array> =>
        (await signer.sign(purpose, current.kid, data)).signature;
      return { note: await signCheckpoint({ checkpoint: { ...checkpoint, origin }, key, sign }), key };
    },

    /** @throws CodedError `checkpoint_unknown` if no key of this log signed the note */
    async open(note: string): Promise<Checkpoint> {
      const logKeys = (await signer.publicKeys(purpose))
        .filter(({ algorithm }) => algorithm === 'EdDSA')
        .map(verifierKey);
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

export function keyIdText({ keyId }: Pick<VerifierKey, 'keyId'>): string {
  return keyId.toString(16).padStart(8, '0');
}
