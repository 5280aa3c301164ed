import type { CodedError } from '@countersign/kernel';
import type { KeyCache } from '@countersign/oauth';
import { Type } from 'typebox';
import { attempt, type DirectoryCode, type Place } from '../../problems.ts';

/** Members are checked one by one below, so that the error can say that a private key was sent. */
export const jwkSchema = Type.Record(Type.String({ maxLength: 32 }), Type.Unknown(), { maxProperties: 24 });

interface ReadKey {
  readonly jwk: Readonly<Record<string, string>>;
  readonly thumbprint: string;
}

const keptMembers: ReadonlySet<string> = new Set(['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use']);

export function readPublicKey(
  jwk: Readonly<Record<string, unknown>>,
  place: Place,
  keys: KeyCache,
): ReadKey | undefined {
  const key = attempt(place, codeOfKeyError, () => keys.import(jwk));
  if (key === undefined) return undefined;
  const kept: Record<string, string> = {};
  for (const [name, member] of Object.entries(jwk)) {
    if (!keptMembers.has(name)) return place.at(name).report('directory_file_invalid', 'There is no such key here.');
    if (typeof member !== 'string' || !/^[\x21-\x7e]{1,1024}$/.test(member))
      return place
        .at(name)
        .report('directory_file_invalid', 'The value must be text of 1 to 1,024 printable characters.');
    kept[name] = member;
  }
  return { jwk: kept, thumbprint: key.thumbprint };
}

function codeOfKeyError(error: CodedError): DirectoryCode {
  return error.code === 'key_private' ? 'private_key_in_file' : 'key_unusable';
}
