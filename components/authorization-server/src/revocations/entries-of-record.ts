import type {
  ConsentStore,
  Directory,
  DirectorySnapshot,
  EvidenceRecord,
  RecordType,
  RevocationTarget,
} from '@countersign/contracts';
import { directoryErrors } from '@countersign/contracts';
import { epochSeconds, type Json, membersOf, parseId } from '@countersign/kernel';
import {
  clockLeadSeconds,
  maxAccessTokenLifetimeSeconds,
  type RevocationKind,
  revocationKey,
} from '@countersign/oauth';
import type { EndedEntry } from './live-entries.ts';

export const endingRecordTypes = [
  'token.revoked',
  'grant.revoked',
  'mandate.revoked',
  'mandate.suspended',
  // The amended terms may be narrower than those in a token.
  'mandate.amended',
  'mandate.expired',
  'directory.applied',
  'directory.departure',
  'halt.tripped',
] as const satisfies readonly RecordType[];

export interface EntrySources {
  readonly consentStore: Pick<ConsentStore, 'withDescendants'>;
  readonly directory: Pick<Directory, 'snapshotAtLeast'>;
}

/** What a record ends. Every ending is recorded before it takes effect. */
export async function entriesOfRecord(record: EvidenceRecord, sources: EntrySources): Promise<readonly EndedEntry[]> {
  const at = epochSeconds(Date.parse(record.time));
  switch (record.type) {
    case 'token.revoked':
      return (await withSoftware(targetsOf(record.data), sources.directory)).map((target) => entryOf(target, at));
    case 'grant.revoked':
      return grantOf(record.data).map((id) => entryOf({ kind: 'grant', id }, at));
    case 'mandate.revoked':
    case 'mandate.suspended':
    case 'mandate.amended':
    case 'mandate.expired': {
      const id = parseId('mandate', record.mandate?.id);
      const ids = id === undefined ? [] : await sources.consentStore.withDescendants(id);
      return ids.map((each) => entryOf({ kind: 'mandate', id: each }, at));
    }
    case 'directory.departure': {
      // Also of a person who changed institution.
      const { principal } = factsOf(record.data);
      return typeof principal === 'string' ? [entryOf({ kind: 'principal', id: principal }, at)] : [];
    }
    case 'halt.tripped':
      return haltedEntries(record.data, at, sources.directory);
    case 'directory.applied':
      return [
        ...addedTargets(record.data).map(
          (target) => ({ key: revocationKey(target), at, before: at, restored: true }) as const,
        ),
        ...(await removedTargets(record.data, sources.directory)).map((target) => entryOf(target, at)),
      ];
    default:
      return [];
  }
}

/**
 * @param at seconds since the epoch. Tokens and consents are not issued again, so they stay ended; for other targets the allowed
 *   clock difference is added, because a node with a fast clock could issue a token that appears newer.
 */
export function entryOf(target: RevocationTarget, at: number): EndedEntry {
  const final = target.kind === 'token' || target.kind === 'grant';
  return { key: revocationKey(target), at, before: at + (final ? maxAccessTokenLifetimeSeconds : clockLeadSeconds) };
}

export function isRevocationKind(value: unknown): value is RevocationTarget['kind'] {
  return ['token', 'grant', 'mandate', 'client', 'principal', 'partner'].some((kind) => kind === value);
}

function targetsOf(data: Json | undefined): readonly RevocationTarget[] {
  const found = revocationOf(data);
  return found === undefined ? [] : [found.target];
}

/** From a `token.revoked` record, with the party that must lift it. */
export function revocationOf(data: Json | undefined) {
  const { kind, id, until_lifted: untilLifted } = factsOf(data);
  return isRevocationKind(kind) && typeof id === 'string'
    ? { target: { kind, id } satisfies RevocationTarget, untilLifted }
    : undefined;
}

function grantOf(data: Json | undefined): readonly string[] {
  const { grant } = factsOf(data);
  return typeof grant === 'string' ? [grant] : [];
}

interface Change {
  readonly change: Json | undefined;
  readonly kind: Json | undefined;
  readonly id: string;
}

function changesOf(data: Json | undefined): readonly Change[] {
  return listOf(factsOf(data)['changes']).flatMap((entry) => {
    const { change, kind, id } = factsOf(entry);
    return typeof id === 'string' ? [{ change, kind, id }] : [];
  });
}

function targetOf({ kind, id }: Change): RevocationTarget | undefined {
  if (kind === 'client') return { kind: 'client', id };
  return kind === 'person' || kind === 'service' || kind === 'agent' ? { kind: 'principal', id } : undefined;
}

/** Joined or rejoined. */
function addedTargets(data: Json | undefined): readonly RevocationTarget[] {
  return changesOf(data).flatMap((each) => (each.change === 'add' ? (targetOf(each) ?? []) : []));
}

/** Includes the software of partners, which may act in a token whose subject belongs to another institution. */
async function withSoftware(
  targets: readonly RevocationTarget[],
  directory: EntrySources['directory'],
): Promise<readonly RevocationTarget[]> {
  const partners = new Set(targets.filter(({ kind }) => kind === 'partner').map(({ id }) => id));
  if (partners.size === 0) return targets;
  const software: RevocationTarget[] = [];
  for (const { kind, id, institution } of (await directory.snapshotAtLeast(0)).principals())
    if (kind !== 'person' && partners.has(institution)) software.push({ kind: 'principal', id });
  return [...targets, ...software];
}

/** Left the directory, or with a lapsed registration. */
async function removedTargets(
  data: Json | undefined,
  directory: EntrySources['directory'],
): Promise<readonly RevocationTarget[]> {
  const { version } = factsOf(data);
  const changed = changesOf(data).filter(({ change }) => change !== 'add');
  if (changed.length === 0) return [];
  const snapshot = changed.some(({ kind }) => kind === 'institution')
    ? await snapshotLeftBy(typeof version === 'number' ? version : 0, directory)
    : undefined;
  const targets = changed.flatMap((each): readonly RevocationTarget[] => {
    if (each.kind === 'institution')
      return snapshot?.institution(each.id)?.leiStatus === 'ISSUED' ? [] : [{ kind: 'partner', id: each.id }];
    const target = targetOf(each);
    return each.change === 'remove' && target !== undefined ? [target] : [];
  });
  return withSoftware(targets, directory);
}

/**
 * A halt makes earlier tokens void that could start new risk. Where a token does not say whether the halt concerns it (a desk, a
 * venue), all are void, of everybody or of the institution that halted. Those that the halt does not concern are issued anew at
 * once, so no clock difference is allowed for there; decisions and steps are refused in any case.
 */
async function haltedEntries(
  data: Json | undefined,
  at: number,
  directory: EntrySources['directory'],
): Promise<readonly EndedEntry[]> {
  const entry = (kind: RevocationKind, id: string, before: number): EndedEntry => ({
    key: revocationKey({ kind, id }),
    ...{ at, before },
  });
  const { kind, id, party } = factsOf(data);
  if (typeof kind !== 'string' || typeof id !== 'string' || typeof party !== 'string')
    return [entry('halted-everything', '*', at)];
  const later = at + clockLeadSeconds;
  if (kind === 'client') return [entry('halted-client', id, later)];
  if (kind === 'trader' || kind === 'algorithm') return [entry('halted-principal', id, later)];
  const institution = kind === 'firm' ? id : kind === 'desk' ? (id.split('/')[0] ?? party) : party;
  if (institution === 'operator') return [entry('halted-everything', '*', at)];
  const ended = await withSoftware([{ kind: 'partner', id: institution }], directory);
  return ended.map((target) =>
    entry(target.kind === 'principal' ? 'halted-principal' : 'halted-partner', target.id, kind === 'firm' ? later : at),
  );
}

/** The version that the recorded change produced; undefined if it never took effect, which must not stop nodes. */
async function snapshotLeftBy(
  version: number,
  directory: EntrySources['directory'],
): Promise<DirectorySnapshot | undefined> {
  try {
    return await directory.snapshotAtLeast(version);
  } catch (error) {
    if (directoryErrors.is(error, 'directory_behind')) return undefined;
    throw error;
  }
}

const factsOf = (value: Json | undefined): { readonly [name: string]: Json | undefined } => membersOf(value) ?? {};

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
