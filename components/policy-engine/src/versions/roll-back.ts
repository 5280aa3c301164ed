import { createLoggedCommands, type GivenLogged, type LoggedCommand } from '@countersign/commands';
import {
  type AuditAppender,
  type AuditLog,
  type PolicyBundle,
  type PolicyVersions,
  policyErrors,
  type Requester,
} from '@countersign/contracts';
import { type Clock, CodedError, type Digest, type RecordId } from '@countersign/kernel';
import type pg from 'pg';
import { loadBundleAside } from '../bundle/load-aside.ts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { ActiveVersion } from './active-version.ts';
import { type RefusalOf, readAbout } from './change-request.ts';
import { preparePublication } from './publish.ts';
import { isNewestRecorded, newestPublished, publishedBy } from './recorded-version.ts';
import { type PolicySigner, verifyVersion } from './signature.ts';
import { findBundle, findVersion, lockVersions, newestVersion, type Session, type StoredVersion } from './store.ts';

/** How long after a publication one person may roll it back. */
const emergencyMs = 24 * 3_600_000;

interface StepBack {
  readonly stored: StoredVersion;
  readonly bundle: PolicyBundle;
}

type TakenBack = `${number}`;

interface Asked {
  /** Whether the newest version had to be restored first, because the process that recorded it died. */
  readonly completed: boolean;
  readonly from: TakenBack;
  readonly loaded: LoadedBundle | undefined;
  readonly changeRequest: string;
  readonly reason: string;
  readonly by: Requester;
}

interface Judged {
  readonly newest: StoredVersion | undefined;
  readonly step: StepBack | CodedError;
}

/** Another version was published in the meantime, so the bundle loaded before the lock is outdated. */
class Overtaken extends Error {}

/**
 * Possible once, because a second step could bring back the rolled-back version or an unintended one. Possible within a day, because
 * one person does it; later changes need two.
 */
export function createRollBack(dependencies: {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & Pick<AuditLog, 'find' | 'standings'>;
  readonly signer: PolicySigner;
  readonly active: ActiveVersion;
  readonly refusalOf: RefusalOf;
  readonly clock: Clock;
}): PolicyVersions['rollBack'] {
  const { pool, audit, signer, clock } = dependencies;
  const commands = createLoggedCommands({ pool, log: audit, source: 'policy-engine', clock });
  const rollBack = createRollBackCommand({ ...dependencies, stepBack: (session) => stepBack(session, dependencies) });
  /** Concurrent requests share one load of the same bundle. */
  const loads = new Map<Digest, Promise<LoadedBundle>>();

  function load({ stored: { hash }, bundle }: StepBack): Promise<LoadedBundle> {
    const known = loads.get(hash);
    if (known !== undefined) return known;
    const loading = loadBundleAside(bundle, 'urgent').finally(() => loads.delete(hash));
    loads.set(hash, loading);
    return loading;
  }

  /** Loads before the lock, because loading may take seconds, longer than a database transaction should. */
  async function ahead(): Promise<Pick<Asked, 'completed' | 'from' | 'loaded'>> {
    const { stored, completed } = await newestPublished(pool, { audit, signer, known: [] });
    const step = await stepBack(pool, dependencies);
    return {
      completed,
      from: `${stored?.version ?? 0}`,
      loaded: step instanceof CodedError ? undefined : await load(step),
    };
  }

  return async (about, by) => {
    const { changeRequest, reason } = readAbout(about);
    for (;;) {
      try {
        const record = await commands.run(rollBack, { ...(await ahead()), changeRequest, reason, by });
        return await publishedBy(record, dependencies);
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error;
      }
    }
  };
}

/** The command guarantees that a version is rolled back only once, on any number of nodes. */
function createRollBackCommand({
  audit,
  signer,
  active,
  refusalOf,
  stepBack,
}: {
  readonly audit: Pick<AuditLog, 'find' | 'standings'>;
  readonly signer: PolicySigner;
  readonly active: Pick<ActiveVersion, 'refresh'>;
  readonly refusalOf: RefusalOf;
  readonly stepBack: (session: Session) => Promise<StepBack | CodedError>;
}): LoggedCommand<Asked, TakenBack, undefined, Judged, RecordId> {
  const publicationOf = ({ ask, facts: { step } }: GivenLogged<Asked, undefined, Judged>, recordId: RecordId) => {
    const { from, loaded, by, changeRequest, reason } = ask;
    if (step instanceof CodedError) throw step;
    if (loaded?.hash !== step.stored.hash) throw new Overtaken();
    return preparePublication(
      { loaded, by, changeRequest, reason, proposedBy: by.id, rolledBackTo: step.stored.version },
      { version: Number(from) + 1, recordId, signer },
    );
  };
  return {
    kind: { kind: 'policy-taken-back', lock: lockVersions, read: async () => undefined },
    about: ({ from }) => from,
    async facts(session, { ask }) {
      const newest = await newestVersion(session);
      if (`${newest?.version ?? 0}` !== ask.from || !(await isNewestRecorded(newest, audit))) throw new Overtaken();
      return { newest, step: await stepBack(session) };
    },
    // The same person repeating an interrupted request gets the answer; anyone else gets a refusal.
    done: ({ ask: { by, changeRequest, completed }, facts: { newest } }) =>
      completed &&
      newest?.governed?.rolledBackTo != null &&
      newest.governed.proposedBy === by.id &&
      newest.governed.changeRequest === changeRequest
        ? newest.recordId
        : undefined,
    async check({ ask: { loaded }, facts: { step } }) {
      if (step instanceof CodedError) throw step;
      if (loaded?.hash !== step.stored.hash) throw new Overtaken();
    },
    record: (given, record) => publicationOf(given, record).saying,
    // If a process dies before this write, any node stores the published version.
    async alongside(session, given, { record, time }) {
      await publicationOf(given, record).write(session, time);
    },
    ends: true,
    refused: (error, { ask: { by, changeRequest } }) =>
      error.category === 'unavailable'
        ? undefined
        : refusalOf(error, { operation: 'policy:rollback', by, changeRequest }),
    after: () => active.refresh(),
    release: (_state, record) => record,
  };
}

/** The version before the newest, after verifying both; or why a roll-back is not possible. @throws CodedError `bundle_signature` */
async function stepBack(
  session: Session,
  from: Parameters<typeof verifyVersion>[2] & { readonly clock: Clock },
): Promise<StepBack | CodedError> {
  const newest = await newestVersion(session);
  if (newest?.governed == null) return nothingBefore();
  // The signature, not the row, must say whether it is a roll-back.
  await verifyVersion(newest, await bundleOf(session, newest), from);
  if (newest.governed.rolledBackTo !== null)
    return policyErrors.error(
      'nothing_to_roll_back',
      'The active version is already a roll-back. Propose a bundle instead.',
    );
  if (newest.publishedAt.getTime() + emergencyMs < from.clock.now())
    return policyErrors.error(
      'roll_back_too_late',
      'The active version has been in force for more than 24 hours, so one person cannot roll it back. Propose the bundle of the earlier version.',
    );
  const stored = await findVersion(session, newest.version - 1);
  if (stored?.governed == null) return nothingBefore();
  const bundle = await bundleOf(session, stored);
  await verifyVersion(stored, bundle, from);
  return { stored, bundle };
}

function nothingBefore(): CodedError {
  return policyErrors.error('nothing_to_roll_back', 'No other bundle was in force before the active one.');
}

async function bundleOf(session: Session, { version }: StoredVersion): Promise<PolicyBundle> {
  const bundle = await findBundle(session, version);
  if (bundle === undefined) throw new Error(`the row of version ${version} was removed`);
  return bundle;
}
