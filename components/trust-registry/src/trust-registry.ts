import {
  type Actor,
  type AuditLog,
  type Directory,
  type RecordDraft,
  standing,
  type TrustProfile,
  type TrustProfileInput,
  type TrustRegistry,
  trustErrors,
} from '@countersign/contracts';
import { type Clock, type CodedError, canonicalize, isCodedError, newId, type Random } from '@countersign/kernel';
import { type ComponentAccess, keepFresh, type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { readProfile } from './profile.ts';
import { createProvenProfiles, profileClaim } from './proven-profiles.ts';
import { changeChannel, insertVersion, loadProfiles, lockIssuer, newestVersion } from './store.ts';

export interface TrustRegistryDependencies {
  readonly pool: pg.Pool;
  /** For the connection that listens for changes made by other nodes. */
  readonly access: ComponentAccess;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'find'>;
  readonly logger: Logger;
  readonly directory: Directory;
  /** Lets a partner run on this machine, over plain HTTP too: for development alone. Default false. */
  readonly allowInsecureLoopback?: boolean;
  /** How often to look for changes that nobody announced. 2 s by default. */
  readonly pollMs?: number;
}

export interface TrustRegistryComponent extends TrustRegistry {
  stop(): Promise<void>;
}

/**
 * Opens the registry: reads the newest version of each profile, as its newest record has it, and follows the changes of
 * other nodes.
 *
 * @throws CodedError `database_unavailable`
 */
export async function createTrustRegistry(dependencies: TrustRegistryDependencies): Promise<TrustRegistryComponent> {
  const { pool, audit, clock, directory, logger } = dependencies;
  const rules = { allowInsecureLoopback: dependencies.allowInsecureLoopback ?? false };
  const proven = createProvenProfiles(dependencies);
  const profiles = new Map<string, TrustProfile>();

  /** Versions only grow, so a slow load never brings an older one back. */
  function remember(profile: TrustProfile): void {
    const known = profiles.get(profile.issuer);
    if (known === undefined || known.version < profile.version) profiles.set(profile.issuer, profile);
  }
  async function refresh(): Promise<void> {
    const rows = await loadProfiles(pool);
    // Those known already are asked about too: a newer version may have been taken out before it was seen here.
    const issuers = new Set([...profiles.keys(), ...rows.map(({ issuer }) => issuer)]);
    for (const profile of await proven.newest([...issuers], rows)) remember(profile);
  }

  const freshness = await keepFresh({
    access: dependencies.access,
    channel: changeChannel,
    pollMs: dependencies.pollMs ?? 2_000,
    logger,
    refresh,
  });

  function checkInstitution({ institution }: TrustProfileInput): void {
    const known = directory.snapshot().institution(institution);
    if (known === undefined)
      throw trustErrors.error(
        'partner_institution_unknown',
        'The directory has no institution with this LEI; apply it there first.',
      );
    if (known.leiStatus !== 'ISSUED')
      throw trustErrors.error(
        'partner_institution_not_issued',
        `The LEI ${institution} is ${known.leiStatus}: nobody may speak for this institution.`,
      );
  }

  async function store(input: TrustProfileInput, by: Actor): Promise<TrustProfile> {
    return transaction(pool, async (client) => {
      const profileId = newId('profile', dependencies);
      const holder = await lockIssuer(client, { issuer: input.issuer, profileId, institution: input.institution });
      const kept = await newestVersion(client, holder.profileId);
      const [before] = await proven.newest([input.issuer], kept === undefined ? [] : [kept]);
      if (before !== undefined && before.institution !== input.institution)
        throw trustErrors.error('issuer_taken', 'This issuer speaks for another institution already.');
      if (before !== undefined && before.recordId === kept?.recordId && sameContent(before, input)) return before;
      const recordId = newId('record', dependencies);
      const version = Math.max(before?.version ?? 0, kept?.version ?? 0) + 1;
      const profile: TrustProfile = { ...input, id: holder.profileId, version, recordId };
      await audit.append(registeredRecord(profile, by));
      await insertVersion(client, profile, clock.now());
      return profile;
    });
  }

  return {
    async register(input, by) {
      const read = readProfile(input, rules);
      if (!read.ok) {
        const [first] = read.problems;
        throw trustErrors.error(
          'profile_invalid',
          `The profile is not accepted. ${first?.path ?? ''}: ${first?.detail ?? ''}`,
          {
            facts: { problems: read.problems },
          },
        );
      }
      try {
        checkInstitution(read.profile);
        const profile = await store(read.profile, by);
        remember(profile);
        return profile;
      } catch (error) {
        throw await recorded(error, read.profile, by);
      }
    },
    profileOf: async (issuer) => profiles.get(issuer),
    list: async () => [...profiles.values()].toSorted((a, b) => (a.issuer < b.issuer ? -1 : 1)),
    stop: () => freshness.stop(),
  };

  /** Whoever may register and asks for what may not be: the attempt is kept. */
  async function recorded(error: unknown, { issuer, institution }: TrustProfileInput, by: Actor): Promise<unknown> {
    if (!isRefusal(error)) return error;
    const data = { operation: 'partner:register', issuer, institution };
    await audit.append({
      ...draft('access.refused', by),
      id: newId('record', dependencies),
      outcome: 'deny',
      reason: error.code,
      data,
    });
    return error;
  }
}

function isRefusal(error: unknown): error is CodedError {
  return isCodedError(error, 'issuer_taken') || isCodedError(error, 'partner_institution_not_issued');
}

function sameContent(
  { id: _id, version: _version, recordId: _record, ...content }: TrustProfile,
  input: TrustProfileInput,
): boolean {
  return canonicalize(content) === canonicalize(input);
}

function registeredRecord(profile: TrustProfile, by: Actor): RecordDraft {
  const { recordId, ...content } = profile;
  const { of, content: standingContent } = profileClaim(profile);
  return {
    ...draft('partner.profile-registered', by),
    id: recordId,
    outcome: 'done',
    partner: profile.institution,
    standing: [standing(of, standingContent)],
    data: { profile: content },
  };
}

function draft<Type extends RecordDraft['type']>(type: Type, by: Actor) {
  return { type, source: 'trust-registry', subject: by } as const;
}
