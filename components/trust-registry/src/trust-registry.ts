import { type Command, createCommands, createRecordedThings, thingOf } from '@countersign/commands';
import {
  type AuditLog,
  createStandingCheck,
  type Directory,
  ended,
  type PlannedProfile,
  type ProfileChanges,
  type RecordDraft,
  type Requester,
  recordedRequester,
  standingErrors,
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
  defined,
  digestOf,
  isCodedError,
  type Json,
  newId,
  type ProfileId,
  plainJson,
  type Random,
  visibleLine,
} from '@countersign/kernel';
import { type ComponentAccess, keepFresh, type Logger } from '@countersign/runtime';
import type pg from 'pg';
import { contentDocument } from './document.ts';
import { readProfile } from './profile.ts';
import { createProfileKind, issuerKey, type ProfileState, stateOf } from './recorded-profile.ts';
import { changeChannel, loadProfiles } from './store.ts';
import { widensTrust } from './widening.ts';

export interface TrustRegistryDependencies {
  readonly pool: pg.Pool;
  /** Listens for changes made by other nodes. */
  readonly access: ComponentAccess;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'standingsUnder' | 'find'>;
  readonly logger: Logger;
  readonly directory: Pick<Directory, 'snapshot' | 'propose'>;
  /** A partner on this machine, also over plain HTTP. Default false. */
  readonly allowInsecureLoopback?: boolean;
  readonly pollMs?: number;
}

export interface TrustRegistryComponent extends TrustRegistry, ProfileChanges {
  /** A profile of the installation's own configuration. @throws CodedError of `trustErrors` */
  install(input: unknown, by: Requester): Promise<TrustProfile>;
  stop(): Promise<void>;
}

/**
 * Reads the newest version of each profile according to its record, and follows other nodes.
 *
 * @throws CodedError `database_unavailable`
 */
export async function createTrustRegistry(dependencies: TrustRegistryDependencies): Promise<TrustRegistryComponent> {
  const { pool, audit, clock, directory, logger } = dependencies;
  const rules = { allowInsecureLoopback: dependencies.allowInsecureLoopback ?? false };
  const kind = createProfileKind(clock);
  const check = createStandingCheck({ ...dependencies, log: audit, source: 'trust-registry' });
  const recording = { pool, log: audit, check, source: 'trust-registry', clock } as const;
  const things = createRecordedThings(kind, recording);
  const commands = createCommands(recording);
  const profiles = new Map<string, TrustProfile>();

  /** Versions only grow, so a slow load never brings an older one back. */
  function remember(profile: TrustProfile): void {
    const known = profiles.get(profile.issuer);
    if (known === undefined || known.version < profile.version) profiles.set(profile.issuer, profile);
  }

  /** As its newest record states it: the rows are restored from it. @param id hash of the issuer */
  async function newestOf(id: string): Promise<TrustProfile | undefined> {
    try {
      return await things.find(id);
    } catch (error) {
      if (!standingErrors.is(error, 'authority_unproven')) throw error;
      return (await things.restore(id)) ? things.find(id) : undefined;
    }
  }

  /** All profiles that the log confirms, stored or not; an unconfirmed row is reported. */
  async function refresh(): Promise<void> {
    const rows = new Map((await loadProfiles(pool)).map((row) => [issuerKey(row.issuer), row]));
    let after: string | undefined;
    do {
      const page = await audit.standingsUnder(thingOf(kind, ''), { after, limit: maxAtOnce });
      for (const { of, record, digest } of page.things) {
        const id = of.slice(thingOf(kind, '').length);
        const row = rows.get(id);
        rows.delete(id);
        const isSame = row?.recordId === record && digestOf(kind.content(row)) === digest;
        const profile = isSame ? row : await newestOf(id);
        if (profile !== undefined) remember(profile);
      }
      after = page.next;
    } while (after !== undefined);
    for (const id of rows.keys()) await newestOf(id);
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
        `The LEI ${institution} is ${known.leiStatus}. Trust requires an active LEI.`,
      );
  }

  const nothing = async (): Promise<void> => undefined;

  /** Replaces the whole profile. */
  const register: ProfileCommand<Registering> = {
    kind,
    about: ({ profile }) => issuerKey(profile.issuer),
    facts: async () => undefined,
    // An approved change replaces only what its two people have seen.
    done: ({ ask, row }) =>
      row !== undefined && ask.approval === undefined && isSame(row, ask.profile) ? row : undefined,
    async check({ ask: { profile, basis, widens }, row }) {
      if (row !== undefined && row.institution !== profile.institution) throw issuerTaken();
      // Reducing trust is always possible.
      if (widens) checkInstitution(profile);
      if (basis !== undefined && basisOf(row) !== basis) throw changedMeanwhile();
    },
    next: ({ ask: { profile, id }, row }) => ({ ...profile, id: row?.id ?? id, version: (row?.version ?? 0) + 1 }),
    before: nothing,
    record: ({ ask: { by, reason, approval } }, next) => ({
      ...registered(next, by, reason),
      ...(approval === undefined ? {} : { references: [approval.record], standing: [ended(approval.settles)] }),
      data: {
        ...registered(next, by, reason).data,
        ...(approval === undefined ? {} : { change_request: approval.change, proposed_by: approval.proposedBy }),
      },
    }),
    ends: () => false,
    refused: (error, { ask }) => (ask.isAttempt ? refusalOf(error, ask.profile, ask.by) : undefined),
    after: nothing,
    release: (next, { record }) => ({ ...stateOf(next), recordId: record }),
  };

  /** A repeated suspension makes a new version, which ends the proposals made until now. */
  const suspend: ProfileCommand<Suspending> = {
    kind,
    about: ({ issuer }) => issuerKey(issuer),
    facts: async () => undefined,
    done: ({ row, completed }) => (completed && row?.suspended === true ? row : undefined),
    check: nothing,
    next({ row }) {
      if (row === undefined) throw notFound();
      return { ...stateOf(row), version: row.version + 1, suspended: true };
    },
    before: nothing,
    record: ({ ask: { by, reason } }, next) => registered(next, by, reason),
    ends: () => false,
    refused: () => undefined,
    after: nothing,
    release: (next, { record }) => ({ ...stateOf(next), recordId: record }),
  };

  /** Based on the newest record, whatever the rows are. */
  async function put<Ask>(issuer: string, command: ProfileCommand<Ask>, ask: Ask): Promise<TrustProfile> {
    await newestOf(issuerKey(issuer));
    const profile = await commands.run(command, ask);
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
    const before = await newestOf(issuerKey(profile.issuer));
    if (before !== undefined && before.institution !== profile.institution) throw issuerTaken();
    const widens = widensTrust(before, profile);
    // Reducing trust is always possible.
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
    return { change, ...defined({ before: was }), after: is, basis: basisOf(before), widens };
  }

  return {
    async register(input, by, reasonText) {
      const profile = read(input);
      const reason = readReason(reasonText);
      const planned = await plan(profile).catch(async (error: unknown) => {
        const refusal = isCodedError(error) ? refusalOf(error, profile, by) : undefined;
        if (refusal !== undefined) await audit.append(refusal);
        throw error;
      });
      const { widens, basis } = planned;
      if (widens) return { proposed: await directory.propose({ partner: profile }, by, reason) };
      const ask = { ...registering(profile, by), basis, reason, isAttempt: true };
      return { profile: await put(profile.issuer, register, ask) };
    },

    async install(input, by) {
      const profile = read(input);
      return put(profile.issuer, register, { ...registering(profile, by), widens: true });
    },

    async suspend(id, by, reasonText) {
      const reason = readReason(reasonText);
      const known = [...profiles.values()].find((profile) => profile.id === id);
      if (known === undefined) throw notFound();
      return put(known.issuer, suspend, { issuer: known.issuer, by, reason });
    },

    plan,

    async carryOut(input, by, { basis, reason, ...approval }) {
      const profile = read(input);
      const ask = { ...registering(profile, by), basis, reason, approval, widens: true };
      return put(profile.issuer, register, ask);
    },

    profileOf: async (issuer) => profiles.get(issuer),
    list: async () => [...profiles.values()].toSorted((a, b) => (a.issuer < b.issuer ? -1 : 1)),
    stop: () => freshness.stop(),
  };

  function registering(profile: TrustProfileInput, by: Requester): Registering {
    return { profile, by, id: newId('profile', dependencies), widens: false, isAttempt: false };
  }

  /** The record of a refused attempt by somebody who may register. */
  function refusalOf(
    error: CodedError,
    { issuer, institution }: TrustProfileInput,
    by: Requester,
  ): RecordDraft | undefined {
    if (!isRefusal(error)) return undefined;
    return {
      id: newId('record', dependencies),
      type: 'access.refused',
      source: 'trust-registry',
      outcome: 'deny',
      reason: error.code,
      ...recordedRequester(by),
      data: { operation: 'partner:register', issuer, institution },
    };
  }
}

const longestReason = 400;
const maxAtOnce = 1_000;

type ProfileCommand<Ask> = Command<Ask, string, ProfileState, TrustProfile, undefined, TrustProfile>;

interface Registering {
  readonly profile: TrustProfileInput;
  readonly by: Requester;
  /** For an issuer without a profile. */
  readonly id: ProfileId;
  readonly reason?: string;
  readonly basis?: Digest;
  readonly widens: boolean;
  readonly isAttempt: boolean;
  readonly approval?: Pick<Parameters<ProfileChanges['carryOut']>[2], 'change' | 'proposedBy' | 'record' | 'settles'>;
}

interface Suspending {
  readonly issuer: string;
  readonly by: Requester;
  readonly reason: string;
}

function isRefusal(error: CodedError): boolean {
  return trustErrors.is(error, 'issuer_taken') || trustErrors.is(error, 'partner_institution_not_issued');
}

function isSame({ id: _id, version: _version, recordId: _record, ...before }: TrustProfile, content: object): boolean {
  return canonicalize(before) === canonicalize(content);
}

/** With version and record: a profile that was changed and changed back is another basis. */
function basisOf(before: TrustProfile | undefined): Digest {
  return digestOf(before ?? null);
}

function differing(was: Readonly<Record<string, Json>>, is: Readonly<Record<string, Json>>): readonly string[] {
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].sort();
  return names.filter((name) => canonicalize(was[name] ?? null) !== canonicalize(is[name] ?? null));
}

/** For people; it is recorded. */
function readReason(text: string): string {
  const reason = visibleLine(text, longestReason);
  if (reason !== undefined) return reason;
  throw trustErrors.error(
    'profile_invalid',
    `A reason is one line of 1 to ${longestReason} characters that people see.`,
  );
}

function issuerTaken(): CodedError {
  return trustErrors.error('issuer_taken', 'This issuer is already registered for another institution.');
}

function changedMeanwhile(): CodedError {
  return trustErrors.error('profile_changed_meanwhile', 'The profile has changed since it was read. Read it again.');
}

function notFound(): CodedError {
  return trustErrors.error('profile_not_found', 'There is no trust profile with this id.');
}

function registered(profile: ProfileState, by: Requester, reason: string | undefined) {
  return {
    type: 'partner.profile-registered',
    outcome: 'done',
    ...recordedRequester(by),
    partner: profile.institution,
    data: { profile: plainJson(stateOf(profile)), ...defined({ reason }) },
  } as const;
}
