import { createCommands, createRecordedThings } from '@countersign/commands';
import {
  type Actor,
  type BreakGlass,
  breakGlassErrors,
  createStandingCheck,
  type PrincipalId,
} from '@countersign/contracts';
import { defined, epochSeconds, type IncidentId, isCodedError, newId } from '@countersign/kernel';
import type { Thumbprint } from '@countersign/oauth';
import { createRounds } from '@countersign/runtime';
import type pg from 'pg';
import { createAlarm } from './alarm.ts';
import { breakGlassSettings } from './config.ts';
import type { BreakGlassDependencies } from './dependencies.ts';
import { aboutReview, aboutSecond, createIncidentCommands } from './incident-commands.ts';
import type { StoredIncident } from './incident-state.ts';
import { readDeclaration } from './read-declaration.ts';
import { groundsOf, holderOf, incidentRefused, isRecordedUnreviewed, recordedUnreviewed } from './records.ts';
import { createRules, decided, over, readNote, requireReviewed, unknownIncident } from './rules.ts';
import { declarationDigest, shown } from './shown.ts';
import { incidentClaims, signSeconds } from './statement.ts';
import { findIncident, hasUnreviewed, incidents, keepToken, listIncidents } from './store.ts';
import { requireGrantRecorded } from './uncarried.ts';
import { createWatch } from './watch.ts';

export interface RunningBreakGlass extends BreakGlass {
  /** Whether this person may declare, or be the second holder. */
  isHolder(person: PrincipalId): boolean;
  isReviewer(person: PrincipalId): boolean;
  /** Handles what is due now; it also runs by itself. */
  handleDue(): Promise<void>;
  stop(): Promise<void>;
}

const maxListed = 100;
const maxCollections = 10;

/** @throws CodedError `configuration_invalid` */
export function createBreakGlass(dependencies: BreakGlassDependencies): RunningBreakGlass {
  const { pool, audit, directory, statements, tokens, clock, random, logger, issuer } = dependencies;
  const settings = breakGlassSettings(dependencies.config, dependencies.environment);
  const from = { clock, random };
  const source = 'break-glass' as const;
  const recording = { pool, log: audit, check: createStandingCheck({ ...from, log: audit, source }), source, clock };
  const things = createRecordedThings(incidents, recording);
  const commands = createCommands(recording);
  const rules = createRules(dependencies, settings);
  const alarm = createAlarm(dependencies, settings);
  const changes = createIncidentCommands({ ...dependencies, rules, alarm, settings });
  const watch = createWatch({ ...dependencies, alarm, things, commands, changes });
  const everyMs = dependencies.everyMs ?? 5_000;
  const rounds = createRounds({ what: 'emergencies', work: watch.handleDue, logger, everyMs });

  async function load(id: IncidentId): Promise<StoredIncident> {
    const incident = await things.find(id);
    if (incident === undefined) throw unknownIncident();
    await requireGrantRecorded(audit, incident);
    return incident;
  }

  /** Stores an incident that was recorded but not stored, because the process stopped in between. */
  async function storeRecorded(person: PrincipalId): Promise<void> {
    const id = await recordedUnreviewed(audit, person);
    if (id !== undefined) await things.settle(id);
  }

  async function requireNoOther(person: PrincipalId, but?: IncidentId): Promise<void> {
    await storeRecorded(person);
    requireReviewed((await hasUnreviewed(pool, person, but)) || (await isRecordedUnreviewed(audit, person, but)));
  }

  const ask = (
    step: Parameters<typeof incidentClaims>[0],
    person: PrincipalId,
    about: Readonly<Record<string, string>>,
  ) => {
    const claims = incidentClaims(step, person, about, from);
    return statements.ask({ person, claims, acrValues: settings.acrValues, lifeSeconds: signSeconds });
  };

  /** Records the refusal of a collection before throwing it. */
  async function recorded<Result>(incident: StoredIncident, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!isCodedError(error) || !Object.hasOwn(breakGlassErrors.codes, error.code)) throw error;
      const institution = rules.personOf(incident.holder)?.institution;
      const by: Actor = { id: incident.holder, ...defined({ institution }) };
      await audit.append(incidentRefused(from, { step: 'collect', reason: error.code, by, incident }));
      throw error;
    }
  }

  async function collected(incident: StoredIncident, jkt: Thumbprint, session: pg.PoolClient) {
    const { id, status, holder, token, scopes } = incident;
    if (status !== 'granted') throw decided(incident);
    if (incident.collections >= maxCollections)
      throw breakGlassErrors.error(
        'incident_collected',
        'The access was collected ten times, which is the limit. Declare a new incident.',
      );
    const left = Math.floor(((incident.endsAt ?? 0) - clock.now()) / 1000);
    if (left < 1 || incident.uncarried !== undefined) throw over();
    await rules.requireEligible(incident);
    if (token !== undefined)
      await tokens.revoke({ kind: 'token', id: token }, holderOf(incident), `incident ${id} collected anew`);
    const issued = await tokens.issueEmergency({
      incident: id,
      subject: holder,
      client: dependencies.client,
      resource: incident.resource,
      scopes,
      jkt,
      lifetimeSeconds: left,
      authentication: { acr: incident.acr, authTime: epochSeconds(incident.signedAt) },
      references: groundsOf(incident),
    });
    await keepToken(session, id, issued.tokenId);
    alarm.sound('collected', incident);
    return { accessToken: issued.accessToken, scopes, expiresAt: issued.expiresAt };
  }

  return {
    isHolder: rules.isHolder,
    isReviewer: rules.isReviewer,

    async askToDeclare(declaration, holder) {
      const declared = readDeclaration(declaration, directory.snapshot(), issuer);
      rules.requireHolder(holder);
      await requireNoOther(holder);
      return ask('declare', holder, { digest: declarationDigest(declared) });
    },

    async declare(declaration, statement) {
      await storeRecorded(statement.authenticator.person);
      const id = newId('incident', from);
      return shown(await load(await commands.run(changes.declare, { id, declaration, statement })));
    },

    async askToSecond(id, second) {
      const incident = await load(id);
      await rules.requireSecond(incident, second);
      await requireNoOther(second, id);
      return ask('second', second, aboutSecond(incident));
    },

    async second(id, statement) {
      await storeRecorded(statement.authenticator.person);
      return shown(await load(await commands.run(changes.second, { id, statement })));
    },

    async collect(id, jkt) {
      // A caller without the key does not learn whether the incident exists.
      const stored = (await findIncident(pool, id)) ?? (await things.find(id));
      // Compared as text: the thumbprint of the caller is not yet known to belong to the incident.
      if ((stored?.jkt as string | undefined) !== jkt) throw unknownIncident();
      return things.locked(id, async (incident, session) => {
        // Compared as text, as above.
        if (incident === undefined || (incident.jkt as string) !== jkt) throw unknownIncident();
        return recorded(incident, () => collected(incident, jkt, session));
      });
    },

    end: async (id, by) => shown(await load(await commands.run(changes.end, { id, by }))),

    async askToReview(id, verdict, note, reviewer) {
      const incident = await load(id);
      await rules.requireReviewer(incident, reviewer, { now: clock.now() });
      return ask('review', reviewer, aboutReview(incident, verdict, readNote(note)));
    },

    async review(id, verdict, note, statement) {
      // An overdue review first has its consequences, even if no round has run since.
      await commands.run(changes.overdue, { id });
      return shown(await load(await commands.run(changes.review, { id, verdict, note, statement })));
    },

    async find(id) {
      const incident = await things.find(id);
      return incident === undefined ? undefined : shown(incident);
    },
    async list({ institution, status }) {
      return (await listIncidents(pool, { institution, status, limit: maxListed })).map(shown);
    },
    handleDue: rounds.run,
    stop: rounds.stop,
  };
}
