import type { Command } from '@countersign/commands';
import {
  type Actor,
  breakGlassErrors,
  type Declaration,
  emergencySeconds,
  type Person,
  type PrincipalId,
  type SignedStatement,
} from '@countersign/contracts';
import { type CodedError, defined, type IncidentId, toInstant } from '@countersign/kernel';
import type { Alarm } from './alarm.ts';
import type { BreakGlassSettings } from './config.ts';
import type { BreakGlassDependencies } from './dependencies.ts';
import { changed, type IncidentState, type StoredIncident } from './incident-state.ts';
import { readDeclaration } from './read-declaration.ts';
import {
  type Grant,
  incidentDeclared,
  incidentEnded,
  incidentGranted,
  incidentLapsed,
  incidentOverdue,
  incidentRefused,
  incidentReviewed,
  isRecordedUnreviewed,
  type Step,
} from './records.ts';
import { type BreakGlassRules, holdersOf, readNote, requireReviewed, unknownIncident, type Verdict } from './rules.ts';
import { declarationDigest } from './shown.ts';
import { requireAbout } from './statement.ts';
import { hasUnreviewed, incidents, lockPeople } from './store.ts';
import { en } from './texts/en.ts';
import { requireGrantRecorded } from './uncarried.ts';

type Declaring = { readonly id: IncidentId; readonly declaration: Declaration; readonly statement: SignedStatement };
type Seconding = { readonly id: IncidentId; readonly statement: SignedStatement };
type Ending = { readonly id: IncidentId; readonly by: PrincipalId };
type Reviewing = Seconding & { readonly verdict: Verdict; readonly note: string };
type Due = { readonly id: IncidentId };

type Existing = { readonly incident: StoredIncident };
/** Whether the person has another incident that has not been reviewed. */
type Unreviewed = { readonly unreviewed: boolean };

type IncidentCommand<Ask, Facts> = Command<Ask, IncidentId, IncidentState, StoredIncident, Facts, IncidentId>;

/** Signed beside the signer. */
export const aboutSecond = (incident: IncidentState) => {
  const { id, holder } = incident;
  return { incident: id, holder, digest: declarationDigest(incident) };
};
export const aboutReview = (incident: IncidentState, verdict: Verdict, note: string) => {
  return { ...aboutSecond(incident), verdict, note };
};

export function createIncidentCommands(
  dependencies: Pick<
    BreakGlassDependencies,
    'audit' | 'directory' | 'issuer' | 'register' | 'tokens' | 'installation' | 'clock' | 'random'
  > & {
    readonly rules: BreakGlassRules;
    readonly alarm: Alarm;
    readonly settings: Pick<BreakGlassSettings, 'acrValues' | 'secondMs' | 'reviewMs'>;
  },
) {
  const { audit, directory, issuer, register, tokens, installation, rules, alarm, settings } = dependencies;
  const signed = (now: number) => ({ now, acrValues: settings.acrValues });
  const nothing = async (): Promise<void> => undefined;

  const actorOf = (by: string): Actor => {
    const institution = rules.personOf(by)?.institution;
    return { id: by, ...defined({ institution }) };
  };
  /** Records refusals, except those about an incident that does not exist. */
  const refused =
    <Ask>(step: Step, byOf: (ask: Ask) => string) =>
    (error: CodedError, { ask, row }: { readonly ask: Ask; readonly row: StoredIncident | undefined }) =>
      Object.hasOwn(breakGlassErrors.codes, error.code) && (row !== undefined || step === 'declare')
        ? incidentRefused(dependencies, { step, reason: error.code, by: actorOf(byOf(ask)), incident: row })
        : undefined;

  async function existing(row: StoredIncident | undefined): Promise<Existing> {
    if (row === undefined) throw unknownIncident();
    await requireGrantRecorded(audit, row);
    return { incident: row };
  }
  async function isUnreviewed(session: Parameters<typeof hasUnreviewed>[0], person: string, but?: IncidentId) {
    return (await hasUnreviewed(session, person, but)) || (await isRecordedUnreviewed(audit, person, but));
  }
  const signer = ({ statement }: { readonly statement: SignedStatement }) => statement.authenticator.person;
  const usual = {
    kind: incidents,
    about: ({ id }: { readonly id: IncidentId }) => id,
    done: () => undefined,
    before: nothing,
    ends: () => false,
    after: nothing,
    release: ({ id }: IncidentState) => id,
  } as const;
  const onExisting = {
    ...usual,
    facts: (_: unknown, { row }: { readonly row: StoredIncident | undefined }) => existing(row),
    check: nothing,
    refused: () => undefined,
  } as const;

  const declare: IncidentCommand<Declaring, Unreviewed & { readonly declared: Declaration; readonly person: Person }> =
    {
      ...usual,
      async facts(session, { ask }) {
        await lockPeople(session, [signer(ask)]);
        return {
          declared: readDeclaration(ask.declaration, directory.snapshot(), issuer),
          person: rules.requireHolder(signer(ask)),
          unreviewed: await isUnreviewed(session, signer(ask)),
        };
      },
      async check({ ask, facts, now }) {
        requireAbout(ask.statement, 'declare', { digest: declarationDigest(facts.declared) }, signed(now));
        requireReviewed(facts.unreviewed);
      },
      next({ ask, facts, now }, record) {
        const { claims, authenticator } = ask.statement;
        return {
          ...facts.declared,
          id: ask.id,
          status: 'declared',
          holder: facts.person.id,
          institution: facts.person.institution,
          declaredAt: now,
          secondBefore: now + settings.secondMs,
          recordId: record,
          acr: authenticator.acr,
          signedAt: claims.iat * 1000,
          ...{ second: undefined, grantedAt: undefined, grantedRecord: undefined, endsAt: undefined },
          ...{ endedBy: undefined, reviewDueAt: undefined, review: undefined },
        };
      },
      async before(_, next) {
        alarm.sound('declared', next);
        const text = en.notices.declared(next.holder, next.reference, next.reason);
        await alarm.notifyReviewers(next, { on: 'declared', kind: 'break-glass-declared', text });
      },
      record: ({ ask }, next) => incidentDeclared(next, ask.statement),
      refused: refused('declare', signer),
    };

  const grantOf = ({ ask, now }: { readonly ask: Seconding; readonly now: number }): Grant => ({
    second: signer(ask),
    endsAt: now + emergencySeconds * 1000,
    reviewDueAt: now + settings.reviewMs,
  });
  const second: IncidentCommand<Seconding, Existing & Unreviewed> = {
    ...usual,
    async facts(session, { ask, row }) {
      const found = await existing(row);
      await lockPeople(session, [found.incident.holder, signer(ask)]);
      return { ...found, unreviewed: await isUnreviewed(session, signer(ask), ask.id) };
    },
    async check({ ask, facts: { incident, unreviewed }, now }) {
      await rules.requireSecond(incident, signer(ask));
      // The first holder must still be eligible.
      await rules.requireEligible(incident);
      requireAbout(ask.statement, 'second', aboutSecond(incident), signed(now));
      requireReviewed(unreviewed);
    },
    next(given, grantedRecord) {
      const grant = grantOf(given);
      return changed(given.facts.incident, { ...grant, status: 'granted', grantedAt: given.now, grantedRecord });
    },
    async before(given, next) {
      const { second, endsAt, reviewDueAt } = grantOf(given);
      const { holder, reference } = next;
      alarm.sound('granted', next);
      const until = en.notices.granted(holder, second, reference, toInstant(endsAt));
      await alarm.notifyReviewers(next, { on: 'granted', kind: 'break-glass-declared', text: until });
      const due = en.notices.reviewDue(holder, reference, toInstant(reviewDueAt));
      await alarm.notifyReviewers(next, { on: 'granted', kind: 'break-glass-review-due', text: due });
    },
    record: (given, next) => incidentGranted(next, grantOf(given), given.ask.statement),
    refused: refused('second', signer),
  };

  const end: IncidentCommand<Ending, Existing> = {
    ...onExisting,
    done: ({ ask, facts: { incident } }) =>
      incident.status === 'granted' && incident.endedBy !== undefined && holdersOf(incident).includes(ask.by)
        ? incident.id
        : undefined,
    async check({ ask, facts, now }) {
      rules.requireEnding(facts.incident, ask.by, { now });
    },
    next: ({ ask, facts, now }) => changed(facts.incident, { endsAt: now, endedBy: ask.by }),
    record: ({ ask }, next) => incidentEnded(next, actorOf(ask.by)),
    refused: refused('end', ({ by }) => by),
    async after({ ask, facts: { incident } }) {
      const { id, token } = incident;
      if (token !== undefined)
        await tokens.revoke({ kind: 'token', id: token }, actorOf(ask.by), `incident ${id} ended`);
      alarm.sound('ended', incident);
    },
  };

  const review: IncidentCommand<Reviewing, Existing> = {
    ...onExisting,
    async check({ ask, facts: { incident }, now }) {
      await rules.requireReviewer(incident, signer(ask), { now });
      requireAbout(ask.statement, 'review', aboutReview(incident, ask.verdict, readNote(ask.note)), signed(now));
    },
    next: ({ ask, facts, now }) =>
      changed(facts.incident, {
        status: 'reviewed',
        review: { by: signer(ask), at: toInstant(now), verdict: ask.verdict, note: readNote(ask.note) },
      }),
    record: ({ ask, facts }) => incidentReviewed(facts.incident, { ...ask, note: readNote(ask.note) }),
    ends: () => true,
    refused: refused('review', signer),
    async after(_, next) {
      alarm.sound('reviewed', next);
    },
  };

  /** After the deadline without a second holder. */
  const lapse: IncidentCommand<Due, Existing> = {
    ...onExisting,
    done: ({ facts: { incident }, now }) =>
      incident.status !== 'declared' || incident.secondBefore > now ? incident.id : undefined,
    next: ({ facts }) => changed(facts.incident, { status: 'lapsed' }),
    async before(_, next) {
      alarm.sound('lapsed', next);
      const text = en.notices.lapsed(next.reference);
      await alarm.notifyReviewers(next, { on: 'lapsed', kind: 'break-glass-declared', text });
    },
    record: (_, next) => incidentLapsed(next),
    ends: () => true,
  };

  /** Without a review in time, both holders are locked out and what they hold ends; only then is the incident overdue. */
  const overdue: IncidentCommand<Due, Existing> = {
    ...onExisting,
    done: ({ facts: { incident }, now }) =>
      incident.status !== 'granted' || (incident.reviewDueAt ?? 0) > now ? incident.id : undefined,
    next: ({ facts }) => changed(facts.incident, { status: 'overdue' }),
    // Before the record: an overdue incident can be reviewed, and a review must not spare the holders the lock.
    async before(_, next) {
      const { id, holder, second, reference } = next;
      const kind = 'break-glass-review-overdue';
      alarm.sound('overdue', next);
      for (const each of holdersOf(next)) {
        await register.lock(each, installation, `emergency access of ${id} was not reviewed in time`);
        await tokens.revoke({ kind: 'principal', id: each }, installation, `incident ${id}`);
        await alarm.notify(next, each, { on: 'overdue', kind, text: en.notices.overdueHolder(reference) });
      }
      const text = en.notices.overdue(holder, second ?? holder, reference);
      await alarm.notifyReviewers(next, { on: 'overdue', kind, text });
    },
    record: (_, next) => incidentOverdue(next),
  };

  return { declare, second, end, review, lapse, overdue };
}
