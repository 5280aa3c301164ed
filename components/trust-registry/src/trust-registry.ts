import {
  type Actor,
  type AuditLog,
  type Directory,
  type PlannedProfile,
  type ProfileChanges,
  type RecordDraft,
  type Requester,
  standing,
  type TrustProfile,
  type TrustProfileInput,
  type TrustRegistry,
  trustErrors,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  canonicalize,
  type Digest,
  digestOf,
  isCodedError,
  type Json,
  newId,
  type Random,
  type RecordId,
  visibleLine,
} from '@countersign/kernel';
import { type ComponentAccess, keepFresh, type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { contentDocument } from './document.ts';
import { readProfile } from './profile.ts';
import { createProvenProfiles, profileClaim } from './proven-profiles.ts';
import { changeChannel, insertVersion, loadProfiles, lockIssuer, newestVersion, type Session } from './store.ts';
import { widensTrust } from './widening.ts';

export interface TrustRegistryDependencies {
  readonly pool: pg.Pool;
  /** For the connection that listens for changes made by other nodes. */
  readonly access: ComponentAccess;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'find'>;
  readonly logger: Logger;
  readonly directory: Pick<Directory, 'snapshot' | 'propose'>;
  /** Lets a partner run on this machine, over plain HTTP too: for development alone. Default false. */
  readonly allowInsecureLoopback?: boolean;
  /** How often to look for changes that nobody announced. 2 s by default. */
  readonly pollMs?: number;
}

export interface TrustRegistryComponent extends TrustRegistry, ProfileChanges {
  /** Puts a profile of the installation's own configuration into force, which nobody decides on here. @throws CodedError of `trustErrors` */
  install(input: unknown, by: Actor): Promise<TrustProfile>;
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

  async function stored(session: Session, issuer: string): Promise<readonly TrustProfile[]> {
    return (await loadProfiles(session)).filter((row) => row.issuer === issuer);
  }

  /** The profile of an issuer as its newest record has it, from the database and not from memory. */
  async function newestOf(issuer: string): Promise<TrustProfile | undefined> {
    const [newest] = await proven.newest([issuer], await stored(pool, issuer));
    return newest;
  }

  /**
   * Puts into force what is made of the profile that is there, with the issuer locked meanwhile: of two who change it at once, the second
   * sees what the first did.
   */
  async function replace(
    { issuer, institution }: Pick<TrustProfileInput, 'issuer' | 'institution'>,
    by: Actor,
    make: (before: TrustProfile | undefined) => Promise<Made>,
  ): Promise<TrustProfile> {
    const profile = await transaction(pool, async (client) => {
      const profileId = newId('profile', dependencies);
      const holder = await lockIssuer(client, { issuer, profileId, institution });
      const kept = await newestVersion(client, holder.profileId);
      const [before] = await proven.newest([issuer], kept === undefined ? [] : [kept]);
      if (before !== undefined && before.institution !== institution) throw issuerTaken();
      const { content, anew = false, ...details } = await make(before);
      const stands = before !== undefined && before.recordId === kept?.recordId && isSame(before, content);
      if (stands && !anew) return before;
      const recordId = newId('record', dependencies);
      const version = Math.max(before?.version ?? 0, kept?.version ?? 0) + 1;
      const made: TrustProfile = { ...content, id: holder.profileId, version, recordId };
      await audit.append(registeredRecord(made, by, details));
      await insertVersion(client, made, clock.now());
      return made;
    });
    remember(profile);
    return profile;
  }

  function read(input: unknown): TrustProfileInput {
    const found = readProfile(input, rules);
    if (found.ok) return found.profile;
    const [first] = found.problems;
    throw trustErrors.error(
      'profile_invalid',
      `The profile is not accepted. ${first?.path ?? ''}: ${first?.detail ?? ''}`,
      { facts: { problems: found.problems } },
    );
  }

  async function plan(input: TrustProfileInput): Promise<PlannedProfile & { readonly widens: boolean }> {
    const profile = read(input);
    const before = await newestOf(profile.issuer);
    if (before !== undefined && before.institution !== profile.institution) throw issuerTaken();
    const widens = widensTrust(before, profile);
    // Less can be believed of anybody.
    if (widens) checkInstitution(profile);
    const [is, was] = [contentDocument(profile), before === undefined ? undefined : contentDocument(before)];
    const fields = was === undefined ? [] : differing(was, is);
    const line = { kind: 'partner', id: profile.issuer } as const;
    const change =
      was === undefined
        ? ({ ...line, change: 'add' } as const)
        : fields.length === 0
          ? undefined
          : ({ ...line, change: 'change', fields } as const);
    return { change, ...(was === undefined ? {} : { before: was }), after: is, basis: basisOf(before), widens };
  }

  return {
    async register(input, by, reasonText) {
      const profile = read(input);
      const reason = readReason(reasonText);
      try {
        const { widens, basis } = await plan(profile);
        if (widens) return { proposed: await directory.propose({ partner: profile }, by, reason) };
        const make = async (before: TrustProfile | undefined) => {
          if (basisOf(before) !== basis) throw changedMeanwhile();
          return { content: profile, reason };
        };
        return { profile: await replace(profile, asActor(by), make) };
      } catch (error) {
        throw await recorded(error, profile, asActor(by));
      }
    },

    async install(input, by) {
      const profile = read(input);
      checkInstitution(profile);
      return replace(profile, by, async () => ({ content: profile }));
    },

    async suspend(id, by, reasonText) {
      const reason = readReason(reasonText);
      const known = [...profiles.values()].find((profile) => profile.id === id);
      if (known === undefined) throw notFound();
      return replace(known, asActor(by), async (before) => {
        if (before === undefined) throw notFound();
        // Also once more: what was proposed until now is of another version, and does not end it.
        return { content: { ...contentOf(before), suspended: true }, reason, anew: true };
      });
    },

    plan,

    async carryOut(input, by, { basis, change, proposedBy, reason, approve }) {
      const profile = read(input);
      return replace(profile, by, async (before) => {
        checkInstitution(profile);
        if (basisOf(before) !== basis) throw changedMeanwhile();
        return { content: profile, reason, approval: { change, proposedBy, record: await approve() } };
      });
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

const longestReason = 400;

type Content = TrustProfileInput & Pick<TrustProfile, 'suspended'>;

/** What a profile becomes, and how that came about. */
interface Made {
  readonly content: Content;
  /** Whether it is a version of its own where nothing differs. */
  readonly anew?: boolean;
  readonly reason?: string;
  readonly approval?: { readonly change: string; readonly proposedBy: string; readonly record: RecordId };
}

function isRefusal(error: unknown): error is CodedError {
  return isCodedError(error, 'issuer_taken') || isCodedError(error, 'partner_institution_not_issued');
}

function contentOf({ id: _id, version: _version, recordId: _record, ...content }: TrustProfile): Content {
  return content;
}

function isSame(before: TrustProfile, content: Content): boolean {
  return canonicalize(contentOf(before)) === canonicalize(content);
}

/** Version and record as well: a profile that was changed and changed back is another one to whoever proposes. */
function basisOf(before: TrustProfile | undefined): Digest {
  return digestOf(before === undefined ? null : (before as unknown as Json));
}

function differing(was: Readonly<Record<string, Json>>, is: Readonly<Record<string, Json>>): readonly string[] {
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].sort();
  return names.filter((name) => canonicalize(was[name] ?? null) !== canonicalize(is[name] ?? null));
}

/** Why somebody changes what is trusted: for people, it is recorded. */
function readReason(text: string): string {
  const reason = visibleLine(text, longestReason);
  if (reason !== undefined) return reason;
  throw trustErrors.error(
    'profile_invalid',
    `A reason is one line of 1 to ${longestReason} characters that people see.`,
  );
}

/** As records name who acts. */
function asActor({ id, institution }: Requester): Actor {
  return { id, ...(institution === undefined ? {} : { institution }) };
}

function issuerTaken(): CodedError {
  return trustErrors.error('issuer_taken', 'This issuer speaks for another institution already.');
}

function changedMeanwhile(): CodedError {
  return trustErrors.error(
    'profile_changed_meanwhile',
    'The profile has been changed since it was read: read it again.',
  );
}

function notFound(): CodedError {
  return trustErrors.error('profile_not_found', 'There is no trust profile by this id.');
}

function registeredRecord(
  profile: TrustProfile,
  by: Actor,
  { reason, approval }: Pick<Made, 'reason' | 'approval'>,
): RecordDraft {
  const { recordId, ...content } = profile;
  const { of, content: standingContent } = profileClaim(profile);
  return {
    ...draft('partner.profile-registered', by),
    id: recordId,
    outcome: 'done',
    partner: profile.institution,
    standing: [standing(of, standingContent)],
    ...(approval === undefined ? {} : { references: [approval.record] }),
    data: {
      profile: content,
      ...(reason === undefined ? {} : { reason }),
      ...(approval === undefined ? {} : { change_request: approval.change, proposed_by: approval.proposedBy }),
    },
  };
}

function draft<Type extends RecordDraft['type']>(type: Type, by: Actor) {
  return { type, source: 'trust-registry', subject: by } as const;
}
