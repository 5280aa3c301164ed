import type { Command, RecordedThings } from '@countersign/commands';
import {
  type Actor,
  type AuditLog,
  deviceErrors,
  ended,
  type RecordDraft,
  type StandingCheck,
  standing,
} from '@countersign/contracts';
import { type Clock, defined, newId, type Random, type RecordId, toInstant } from '@countersign/kernel';
import { enrolledThing, enrolmentClaim, enrolmentThing } from '../row-claims.ts';
import type { CredentialStore, StoredCredential } from '../store/credentials.ts';
import type { EnrolmentStore, OpenEnrolment } from '../store/enrolments.ts';
import {
  type CredentialId,
  type CredentialKind,
  type CredentialState,
  credentialIdOf,
  lastEnrolled,
} from './recorded-credential.ts';
import type { LinkKind, LinkState } from './recorded-link.ts';

export function enrolmentRefused(
  id: RecordId,
  reason: 'device_enrolled' | 'device_proof_wrong',
  device: string,
): RecordDraft {
  return {
    ...{ id, type: 'device.refused', source: 'devices', outcome: 'deny', reason, device },
    data: { at: 'enrolment', by: 'key', device },
  };
}

type CredentialCommand<Ask, Facts, Answer> = Command<
  Ask,
  CredentialId,
  CredentialState,
  CredentialState,
  Facts,
  Answer
>;
type LinkCommand<Ask, Facts, Answer> = Command<Ask, string, LinkState, OpenEnrolment, Facts, Answer>;

/** Several people may share a machine with one browser each, and certificates overlap during renewal. */
const maxCredentials = 8;

export interface EnrolAsk extends Pick<StoredCredential, 'device' | 'institution' | 'kind' | 'thumbprint' | 'jwk'> {
  /** The manager; absent if a link names one. */
  readonly by?: Actor;
  readonly codeHash?: Buffer;
}

interface RemovalAsk {
  readonly device: string;
  readonly institution: string;
  readonly by: Actor;
  readonly reason: string;
}

export interface EnrolmentCommandDependencies {
  readonly credentials: CredentialStore;
  readonly enrolments: EnrolmentStore;
  readonly kinds: { readonly credential: CredentialKind; readonly link: LinkKind };
  readonly things: RecordedThings<CredentialId, CredentialState>;
  readonly audit: Pick<AuditLog, 'standings' | 'find'>;
  readonly standings: StandingCheck;
  readonly clock: Clock;
  readonly random: Random;
}

export function createEnrolmentCommands(dependencies: EnrolmentCommandDependencies) {
  const { credentials, enrolments, kinds, things, audit, standings } = dependencies;
  const usual = { before: async () => undefined, refused: () => undefined, after: async () => undefined } as const;

  const enrol: CredentialCommand<
    EnrolAsk,
    { readonly held: number; readonly link: OpenEnrolment | undefined },
    { readonly device: string; readonly recordId: RecordId }
  > = {
    ...usual,
    kind: kinds.credential,
    about: credentialIdOf,
    async facts(session, { ask: { device, codeHash }, row, now }) {
      const held = (await credentials.lock(session, device)).length;
      const last = await lastEnrolled(audit, device);
      if (last !== undefined) await things.requireWritten(session, last);
      if (row !== undefined || codeHash === undefined) return { held, link: undefined };
      // Of any number of browsers with the link, one enrols.
      const link = await enrolments.lock(session, codeHash, new Date(now));
      if (link?.device !== device || !(await standings.holds(enrolmentClaim(link, codeHash)))) throw unknownLink();
      return { held, link };
    },
    /** A repetition after the process stopped gets the same answer. */
    done: ({ ask, row, completed }) =>
      completed && row?.device === ask.device && row.institution === ask.institution
        ? { device: row.device, recordId: row.recordId }
        : undefined,
    async check({ row, facts: { held } }) {
      if (row !== undefined)
        throw deviceErrors.error('device_enrolled', 'This key or certificate already identifies a device.');
      if (held >= maxCredentials)
        throw deviceErrors.error(
          'device_enrolled',
          `A device has at most ${maxCredentials} keys and certificates. Remove one first.`,
        );
    },
    next: ({ ask: { device, institution, kind, thumbprint, jwk }, facts: { link }, now }, record) => ({
      ...{ device, institution, kind, thumbprint, jwk, enrolledAt: new Date(now), recordId: record },
      ...(link === undefined ? {} : { link: link.recordId }),
    }),
    record({ ask: { by }, facts: { link } }, { device, institution, kind, thumbprint, jwk }) {
      const subject = link?.openedBy ?? by;
      return {
        ...{ type: 'device.enrolled', outcome: 'done', device },
        ...defined({ subject }),
        ...(link === undefined ? {} : { references: [link.recordId] }),
        standing: [
          standing(enrolledThing(device), true),
          ...(link === undefined ? [] : [ended(enrolmentThing(device))]),
        ],
        data: { device, institution, by: kind, thumbprint, ...(jwk === null ? {} : { jwk: { ...jwk } }) },
      };
    },
    ends: () => false,
    refused: ({ code }, { ask: { device, codeHash } }) =>
      code === 'device_enrolled' && codeHash !== undefined
        ? enrolmentRefused(newId('record', dependencies), code, device)
        : undefined,
    release: ({ device, recordId }) => ({ device, recordId }),
  };

  /** @returns whether it identified this device until now */
  const remove: CredentialCommand<
    RemovalAsk & Pick<StoredCredential, 'kind' | 'thumbprint'>,
    CredentialState | undefined,
    boolean
  > = {
    ...usual,
    kind: kinds.credential,
    about: credentialIdOf,
    // A row that its record does not confirm is removed as well.
    unproven: 'none',
    async facts(session, { ask, row }) {
      await credentials.lock(session, ask.device);
      return row ?? (await kinds.credential.find(session, credentialIdOf(ask)));
    },
    done({ ask: { device }, facts, completed }) {
      return facts?.device === device ? undefined : facts === undefined && completed;
    },
    check: async () => undefined,
    next: ({ facts }) => known(facts),
    record: ({ ask }, { thumbprint }) => removal(ask, { thumbprints: [thumbprint], links: 0 }),
    ends: () => true,
    release: () => true,
  };

  const open: LinkCommand<
    Omit<RemovalAsk, 'reason'> & { readonly codeHash: string; readonly lifeMs: number },
    undefined,
    OpenEnrolment
  > = {
    ...usual,
    kind: kinds.link,
    about: ({ device }) => device,
    unproven: 'none',
    facts: async () => undefined,
    // A new link replaces the previous one, even if its process stopped before anybody saw it.
    done: () => undefined,
    check: async () => undefined,
    next: ({ ask: { device, institution, by, codeHash, lifeMs }, now }, record) => ({
      ...{ device, institution, codeHash, openedBy: by, recordId: record, expiresAt: new Date(now + lifeMs) },
    }),
    record: ({ ask: { by } }, { device, institution, expiresAt }) => ({
      ...{ type: 'device.enrolment-opened', outcome: 'done', subject: by, device },
      data: { device, institution, expires_at: toInstant(expiresAt.getTime()) },
    }),
    ends: () => false,
    release: (next) => next,
  };

  /** @returns whether there was one */
  const close: LinkCommand<RemovalAsk, undefined, boolean> = {
    ...usual,
    kind: kinds.link,
    about: ({ device }) => device,
    unproven: 'none',
    async facts(session, { ask: { device }, row }) {
      // The row of a used link may remain.
      if (row === undefined) await enrolments.remove(session, device);
    },
    done: ({ row, now, completed }) =>
      row === undefined || row.expiresAt.getTime() <= now ? row === undefined && completed : undefined,
    check: async () => undefined,
    next: ({ row, now }) => ({ ...known(row), endedAt: now }),
    record: ({ ask }) => removal(ask, { thumbprints: [], links: 1 }),
    ends: () => true,
    release: () => true,
  };

  return { enrol, remove, open, close };
}

export function unknownLink() {
  return deviceErrors.error(
    'enrolment_unknown',
    'This link was used, has expired or never existed. Ask the person who gave it to you for a new one.',
  );
}

function removal(
  { device, institution, by, reason }: RemovalAsk,
  what: { readonly thumbprints: string[]; readonly links: number },
) {
  return {
    ...({ type: 'device.removed', outcome: 'done', subject: by, device } as const),
    data: { device, institution, ...what, reason },
  };
}

function known<Held>(held: Held | undefined): Held {
  if (held === undefined) throw new Error('a command changes a row that does not exist');
  return held;
}
