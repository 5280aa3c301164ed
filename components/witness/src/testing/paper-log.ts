import { createPrivateKey, sign } from 'node:crypto';
import { sha256 } from '@countersign/kernel';
import {
  createNodeReader,
  createVerifierKey,
  Frontier,
  formatAddCheckpoint,
  hashLeaf,
  proveConsistency,
  signCheckpoint,
  type VerifierKey,
} from '@countersign/merkle-log';

/** An in-memory log of at most 256 entries, with a key from the seed: it sends requests to a witness. */
export function paperLog(
  options: { readonly origin?: string; readonly seed?: string; readonly entries?: string } = {},
) {
  const { origin = 'log.example/paper', entries = 'entry' } = options;
  const seed = options.seed ?? origin;
  // PKCS#8 around a raw seed (RFC 8410 section 7).
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), sha256(seed)]);
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const { x = '' } = privateKey.export({ format: 'jwk' });
  const key: VerifierKey = createVerifierKey({
    name: origin,
    type: 'ed25519',
    publicKey: Buffer.from(x, 'base64url'),
  });
  const leaves = Array.from({ length: 256 }, (_, index) => hashLeaf(Buffer.from(`${entries} ${index}`)));
  const rootAt = (size: number): Buffer => Frontier.empty.append(leaves.slice(0, size)).root();

  const checkpoint = (size: number, root = rootAt(size)): Promise<string> =>
    signCheckpoint({
      checkpoint: { origin, size: BigInt(size), root },
      key,
      sign: async (data) => sign(null, data, privateKey),
    });
  const proof = (from: number, to: number): Promise<Buffer[]> =>
    proveConsistency({
      from: BigInt(from),
      to: BigInt(to),
      readHashes: createNodeReader({
        size: BigInt(to),
        readTile: async ({ level, index, width }) => {
          if (level !== 0 || index !== 0n) throw new Error('the paper log has one tile');
          return Buffer.concat(leaves.slice(0, width));
        },
      }),
    });
  return {
    origin,
    key,
    rootAt,
    checkpoint,
    proof,
    /** The body of a request as an honest log sends it. */
    async request(from: number, to: number): Promise<string> {
      return formatAddCheckpoint({
        oldSize: BigInt(from),
        proof: from === 0 ? [] : await proof(from, to),
        checkpoint: await checkpoint(to),
      });
    },
  };
}

export type PaperLog = ReturnType<typeof paperLog>;
