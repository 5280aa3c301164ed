import type {
  ConsentStore,
  Directory,
  DirectorySnapshot,
  EvidenceRecord,
  RecordType,
  RevocationTarget,
} from '@countersign/contracts';
import { directoryErrors } from '@countersign/contracts';
import { epochSeconds, type Json, parseId } from '@countersign/kernel';
import { clockLeadSeconds, maxAccessTokenLifetimeSeconds, revocationKey } from '@countersign/oauth';
import type { EndedEntry } from './live-entries.ts';

/** The kinds of record that end something. */
export const endingRecordTypes = [
  'token.revoked',
  'grant.revoked',
  'mandate.revoked',
  'mandate.suspended',
  // A token contains the terms in force when it was issued; the terms agreed since may be narrower.
  'mandate.amended',
  'mandate.expired',
  'directory.applied',
  'directory.departure',
] as const satisfies readonly RecordType[];

export interface EntrySources {
  readonly consentStore: Pick<ConsentStore, 'withDescendants'>;
  readonly directory: Pick<Directory, 'snapshotAtLeast'>;
}

/**
 * Derives what a record of the log ends. The log is the only source: every ending is in it before it takes effect, on any
 * node, and a node that was offline continues from where it stopped.
 */
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
      // A person who changed institution is still in the directory, but what they received before the change has ended.
      const { principal } = membersOf(record.data);
      return typeof principal === 'string' ? [entryOf({ kind: 'principal', id: principal }, at)] : [];
    }
    case 'directory.applied':
      return [
        ...addedTargets(record.data).map(
          (target) => ({ key: revocationKey(target), at, before: at, beginsAnew: true }) as const,
        ),
        ...(await removedTargets(record.data, sources.directory)).map((target) => entryOf(target, at)),
      ];
    default:
      return [];
  }
}

/**
 * An entry for something that ends at `at` (seconds). Tokens and consents cannot be issued again, so they stay ended for as
 * long as they could live. For other targets, a node with a fast clock could issue a token that appears newer than the end,
 * so the allowed clock difference is added.
 */
export function entryOf(target: RevocationTarget, at: number): EndedEntry {
  const final = target.kind === 'token' || target.kind === 'grant';
  return {
    key: revocationKey(target),
    at,
    before: at + (final ? maxAccessTokenLifetimeSeconds : clockLeadSeconds),
  };
}

export function isRevocationKind(value: unknown): value is RevocationTarget['kind'] {
  return ['token', 'grant', 'mandate', 'client', 'principal', 'partner'].some((kind) => kind === value);
}

function targetsOf(data: Json | undefined): readonly RevocationTarget[] {
  const found = revocationOf(data);
  return found === undefined ? [] : [found.target];
}

/** What a `token.revoked` record ended, and the party that revoked it until the revocation is lifted. */
export function revocationOf(
  data: Json | undefined,
): { readonly target: RevocationTarget; readonly untilLifted: Json | undefined } | undefined {
  const { kind, id, until_lifted: untilLifted } = membersOf(data);
  return isRevocationKind(kind) && typeof id === 'string' ? { target: { kind, id }, untilLifted } : undefined;
}

function grantOf(data: Json | undefined): readonly string[] {
  const { grant } = membersOf(data);
  return typeof grant === 'string' ? [grant] : [];
}

interface Change {
  readonly change: Json | undefined;
  readonly kind: Json | undefined;
  readonly id: string;
}

function changesOf(data: Json | undefined): readonly Change[] {
  return listOf(membersOf(data)['changes']).flatMap((entry) => {
    const { change, kind, id } = membersOf(entry);
    return typeof id === 'string' ? [{ change, kind, id }] : [];
  });
}

function targetOf({ kind, id }: Change): RevocationTarget | undefined {
  if (kind === 'client') return { kind: 'client', id };
  return kind === 'person' || kind === 'service' || kind === 'agent' ? { kind: 'principal', id } : undefined;
}

/** All principals that joined or rejoined: tokens issued from now on are valid. */
function addedTargets(data: Json | undefined): readonly RevocationTarget[] {
  return changesOf(data).flatMap((each) => (each.change === 'add' ? (targetOf(each) ?? []) : []));
}

/**
 * All principals that act for an institution. Its software may be an actor or the client in a token whose subject belongs to
 * another institution, and such a token names only the subject's institution.
 */
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

/** All principals that left the directory, and all institutions whose registration has lapsed. */
async function removedTargets(
  data: Json | undefined,
  directory: EntrySources['directory'],
): Promise<readonly RevocationTarget[]> {
  const { version } = membersOf(data);
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
 * The record precedes its change, so this reads the directory at the version that the change produced. Undefined if the
 * change never took effect. In that case the result is unknown, so everything issued until then ends and reading the log
 * continues: stopping here would stop every node.
 */
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

function membersOf(value: Json | undefined): { readonly [name: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as { readonly [name: string]: Json })
    : {};
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
