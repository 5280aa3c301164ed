import { type Digest, parseDigest, parseId, type RecordId } from '@countersign/kernel';
import { type Members, RecordMalformed } from './members.ts';

export function readRecordId(members: Members, name: string): RecordId {
  const id = parseId('record', members.value(name));
  if (id === undefined) throw new RecordMalformed(`${members.path}.${name} is not a record id`);
  return id;
}

export function readDigest(members: Members, name: string): Digest {
  const digest = parseDigest(members.value(name));
  if (digest === undefined) throw new RecordMalformed(`${members.path}.${name} is not a SHA-256 digest`);
  return digest;
}
