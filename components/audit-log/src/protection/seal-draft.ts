import type { Commitment, RecordDraft } from '@countersign/contracts';
import type { Random } from '@countersign/kernel';
import { draftJson } from '../record-json.ts';
import type { SealedValue } from '../store/protected-values.ts';
import type { DeclaredValue } from './declared-values.ts';
import type { SealedDraft } from './protection.ts';
import type { SubjectKey } from './subject-keys.ts';
import { encipher, placeOf } from './value-cipher.ts';

export function openDraft(draft: RecordDraft): SealedDraft {
  return { json: openPart(draft), commitments: undefined, values: [], restricted: '' };
}

/** @param keys one for each declared value @throws CodedError `record_too_large`, `not_canonicalizable` */
export function sealDraft(
  draft: RecordDraft,
  declared: readonly DeclaredValue[],
  keys: readonly SubjectKey[],
  random: Random,
): SealedDraft {
  const json = openPart(draft);
  const values: SealedValue[] = [];
  let commitments = '';
  for (const [place, { path, kind, text }] of declared.entries()) {
    const key = keys[place];
    if (key?.bytes === undefined) throw new Error(`there is no key to protect ${path} with`);
    const { commitment, ciphertext, bytes } = encipher(key.bytes, placeOf(draft.id, path), text, random);
    values.push({ path, key: key.id, ciphertext: bytes });
    commitments += `,"${path}":${commitmentJson({ kind, key: key.id, commitment, ciphertext })}`;
  }
  return { json, commitments: `{${commitments.slice(1)}}`, values, restricted: restrictedText(declared) };
}

/** Unambiguous: canonical JSON has no line feed, and a path no equals sign. */
export function restrictedText(values: readonly Pick<DeclaredValue, 'path' | 'text'>[]): string {
  let all = '';
  for (const { path, text } of values) all += `${path}=${text}\n`;
  return all;
}

function commitmentJson({ kind, key, commitment, ciphertext }: Commitment): string {
  return `{"kind":"${kind}","key":"${key}","commitment":"${commitment}","ciphertext":"${ciphertext}"}`;
}

function openPart(draft: RecordDraft): string {
  if (draft.address === undefined && draft.protectedValues === undefined) return draftJson(draft);
  const { address, protectedValues, ...rest } = draft;
  return draftJson(rest);
}
