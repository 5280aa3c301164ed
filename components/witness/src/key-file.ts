import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { witnessErrors } from '@countersign/contracts';
import { type CodedError, isCodedError, membersOf, parseJson } from '@countersign/kernel';
import { reimported } from '@countersign/kernel/key-pairs';
import {
  createVerifierKey,
  formatVerifierKey,
  parseVerifierKey,
  type Sign,
  type VerifierKey,
} from '@countersign/merkle-log';
import { createFileDurably, makeFolder, systemErrorCode } from '@countersign/runtime';

export interface WitnessKey {
  readonly key: VerifierKey;
  /** C2SP vkey. */
  readonly verifierKey: string;
  readonly sign: Sign;
}

export function keyFileOf(folder: string): string {
  return join(folder, 'witness.key');
}

/** Creates the key if there is none. @param name schema-less URL, fixed once @throws CodedError `witness_key_unusable` */
export function openWitnessKey(folder: string, name?: string): WitnessKey {
  makeFolder(folder, 0o700);
  const file = keyFileOf(folder);
  const found = readKeyFile(file);
  if (found === undefined) {
    if (name === undefined) throw unusable(`There is no key in ${folder} yet. Name the witness to create one.`);
    const { privateKey, publicKey } = reimported(generateKeyPairSync('ed25519'));
    // Rejects an unusable name before writing.
    createVerifierKey({ name, type: 'ed25519-cosignature', publicKey: rawOf(publicKey.export({ format: 'jwk' }).x) });
    createFileDurably(file, `${JSON.stringify({ name, jwk: privateKey.export({ format: 'jwk' }) })}\n`, 0o600);
    // If two processes create it at once, one file stays and counts.
    return openWitnessKey(folder);
  }
  if (name !== undefined && found.key.name !== name)
    throw unusable(`The key in ${file} is that of ${found.key.name}. A witness does not change its name.`);
  return found;
}

function readKeyFile(file: string): WitnessKey | undefined {
  let text: string;
  try {
    // Windows has no such bits.
    if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0)
      throw unusable(`Other users may read ${file}. Give it mode 600; if one has read it, start a new witness.`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    if (isCodedError(error)) throw error;
    throw unusable(`${file} cannot be read.`, error);
  }
  try {
    return keyOf(text);
  } catch (error) {
    throw unusable(`${file} is damaged: it does not hold the name and the private key of a witness.`, error);
  }
}

function keyOf(text: string): WitnessKey {
  const parsed = parseJson(text, { maxLength: 4_096 });
  if (!parsed.ok) throw new Error(parsed.problem);
  const { name, jwk } = membersOf(parsed.value) ?? {};
  const { kty, crv, d, x } = membersOf(jwk) ?? {};
  if (typeof name !== 'string' || kty !== 'OKP' || typeof crv !== 'string' || typeof d !== 'string')
    throw new Error('a member is missing');
  const privateKey = createPrivateKey({ key: { kty, crv, d, x: String(x) }, format: 'jwk' });
  const key = createVerifierKey({
    name,
    type: 'ed25519-cosignature',
    publicKey: rawOf(privateKey.export({ format: 'jwk' }).x),
  });
  return { key, verifierKey: formatVerifierKey(key), sign: async (data) => sign(null, data, privateKey) };
}

function rawOf(x: string | undefined): Buffer {
  return Buffer.from(x ?? '', 'base64url');
}

function unusable(detail: string, cause?: unknown): CodedError {
  return witnessErrors.error('witness_key_unusable', detail, cause === undefined ? {} : { cause });
}

/** @param vkeys C2SP verifier keys (Ed25519), named by origin @throws CodedError `log_key_malformed` */
export function parseLogKeys(vkeys: readonly string[]): readonly VerifierKey[] {
  return vkeys.map((vkey) => {
    const parsed = parseVerifierKey(vkey);
    if (!parsed.ok || parsed.key.type !== 'ed25519')
      throw witnessErrors.error(
        'log_key_malformed',
        `${JSON.stringify(vkey.slice(0, 200))} is not the verifier key of a log: <origin>+<id>+<Ed25519 key>, as its operator publishes it.`,
      );
    return parsed.key;
  });
}
