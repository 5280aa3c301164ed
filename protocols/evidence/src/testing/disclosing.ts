import { canonicalize, type Json, type RecordId, sha256 } from '@countersign/kernel';
import type { Disclosure } from '../index.ts';
import type { Draft } from './paper-log.ts';

type Members = Readonly<Record<string, Json>>;

/** Takes values out of drafts and keeps their openings, as the log does when it writes a record. */
export interface Protector {
  /** The draft with a commitment instead of each value. */
  protect(draft: Draft, paths: readonly string[], key?: string): Draft;
  readonly disclosures: readonly Disclosure[];
}

/** Salts are the same in every run; `newSalt` of a real log is random. */
export function createProtector(): Protector {
  const disclosures: Disclosure[] = [];
  return {
    disclosures,
    protect(draft, paths, key = 'key_test') {
      let left: Json = draft;
      const commitments: Record<string, Json> = {};
      for (const path of paths) {
        const names = path.slice(1).split('/');
        const text = canonicalize(names.reduce<Json>((json, name) => (json as Members)[name] ?? null, left));
        const salt = sha256(`salt ${disclosures.length}`);
        left = without(left, names);
        commitments[path] = {
          kind: 'strategy',
          key,
          commitment: sha256(Buffer.concat([salt, Buffer.from(text)])).toString('base64url'),
          ciphertext: sha256('ciphertext').toString('base64url'),
        };
        disclosures.push({ record: draft.id, path, salt: salt.toString('base64url'), text });
      }
      return { ...(left as Members), id: draft.id as RecordId, v: 2, protected: commitments };
    },
  };
}

function without(json: Json, [name = '', ...rest]: readonly string[]): Json {
  const { [name]: value = null, ...others } = json as Members;
  return rest.length === 0 ? others : { ...others, [name]: without(value, rest) };
}
