import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { entitiesNamedIn } from '@countersign/cedar';
import { type AuditAppender, auditLogErrors, type Decision, type RecordDraft } from '@countersign/contracts';
import { type Clock, type Digest, isCodedError, newId, type Random, toInstant } from '@countersign/kernel';
import { type ComponentAccess, keepFresh, type Logger, type Metrics, workerFile } from '@countersign/runtime';
import type pg from 'pg';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Evaluator } from '../decision/find-remedies.ts';
import { evaluateCompiled } from '../decision/judge.ts';
import type { Question } from '../decision/question.ts';
import { memoised } from '../memoised.ts';
import { evaluateByReference } from './reference-answer.ts';
import { createReferenceThread, portable, type ThreadAnswer } from './reference-thread.ts';
import { createDivergenceStore, divergenceChannel } from './store.ts';

export interface Shadow {
  /** The reference engine decides if the two ever differed on this bundle, on any node. */
  evaluatorFor(bundle: LoadedBundle): Evaluator;
  /** Usually checks only a flag; never throws and never waits. */
  offer(
    active: { readonly version: number; readonly bundle: LoadedBundle },
    question: Question,
    made: MadeDecision,
  ): void;
  stop(): Promise<void>;
}

type MadeDecision = Pick<Decision, 'id' | 'decision' | 'determining' | 'errors' | 'inputDigest'>;

export interface ShadowDependencies {
  readonly pool: pg.Pool;
  /** For the connection that listens for divergences on other nodes. */
  readonly access: ComponentAccess;
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'counter' | 'gauge'>;
  /** Maximum number of comparisons each second; 20 by default. */
  readonly maxPerSecond?: number;
  /** Maximum time for one answer of the reference engine, including reading a bundle; 30 s by default. */
  readonly answerWithinMs?: number;
  /** Delay before a restart of the thread; 1 s by default, doubling up to a minute. */
  readonly restMs?: number;
  readonly pollMs?: number;
  readonly thread?: URL;
}

interface Sample {
  readonly version: number;
  readonly bundle: LoadedBundle;
  readonly decisionId: Decision['id'];
  readonly inputDigest: Digest;
  readonly compiled: Comparable;
}

type Outcome = 'agreed' | 'diverged' | 'failed' | 'dropped';

/**
 * Starts the shadow check. If the engines differ, it raises an alarm (log, metric, record `policy.diverged`), switches to the
 * reference engine and notifies the other nodes. The bundle stays distrusted until another one is published.
 * @throws CodedError `database_unavailable`
 */
export async function createShadow(dependencies: ShadowDependencies): Promise<Shadow> {
  const { audit, logger, maxPerSecond = 20 } = dependencies;
  const store = createDivergenceStore(dependencies.pool);
  const stopping = new AbortController();
  const distrusted = new Set<Digest>();
  /** Divergences that are being written to the log and the database. */
  const reports = new Set<Promise<void>>();
  let decidingByReference = false;
  let open = true;

  const comparisons = dependencies.metrics?.counter(
    'countersign_policy_shadow_total',
    'Decisions offered to the reference engine, by outcome',
    ['outcome'],
  );
  const count = (outcome: Outcome): void => comparisons?.inc({ outcome });
  dependencies.metrics?.gauge(
    'countersign_policy_reference_engine_decides',
    '1 while the reference engine decides because the compiled policies differed from it',
    () => (decidingByReference ? 1 : 0),
  );

  const thread = createReferenceThread<Sample>({
    file: dependencies.thread ?? workerFile(import.meta.url, './shadow-worker.ts'),
    maxWaiting: 32,
    answerWithinMs: dependencies.answerWithinMs ?? 30_000,
    restMs: dependencies.restMs ?? 1_000,
    onAnswer: compare,
    onFailure(error, lost) {
      for (let each = 0; each < lost; each++) count('failed');
      logger.error({ error }, 'the shadow check of the policies is down');
    },
  });

  function sample(
    { version, bundle }: { readonly version: number; readonly bundle: LoadedBundle },
    question: Question,
    made: MadeDecision,
  ) {
    if (distrusted.has(bundle.hash)) return;
    open = false;
    setTimeout(reopen, 1000 / maxPerSecond).unref();
    const { texts, named } = textsOf(bundle);
    const { id: decisionId, inputDigest } = made;
    try {
      const subject = { version, bundle, decisionId, inputDigest, compiled: comparable(made) };
      if (!thread.ask(subject, texts, portable(question, named))) count('dropped');
    } catch (error) {
      // A coded error means unreadable entities, which the compiled policies have refused as well.
      if (!isCodedError(error)) logger.error({ error }, 'a decision could not be offered to the shadow check');
      count('failed');
    }
  }

  function reopen(): void {
    open = true;
  }

  function compare(sample: Sample, answer: ThreadAnswer): void {
    if (answer.outcome === 'failed') {
      count('failed');
      logger.warn({ message: answer.message }, 'the reference engine did not answer the shadow check');
      return;
    }
    // A refused question is a deny without determining policies.
    const reference: Comparable =
      answer.outcome === 'refused'
        ? { decision: false, determining: [], errors: [] }
        : comparable({ ...answer.answer, decision: answer.answer.decision === 'allow' });
    const agreed = isDeepStrictEqual(sample.compiled, reference);
    count(agreed ? 'agreed' : 'diverged');
    if (agreed || distrusted.has(sample.bundle.hash)) return;
    distrusted.add(sample.bundle.hash);
    const report = tell(sample, reference).finally(() => reports.delete(report));
    reports.add(report);
  }

  async function tell(
    { version, bundle, decisionId, inputDigest, compiled }: Sample,
    reference: Comparable,
  ): Promise<void> {
    const { hash } = bundle;
    const found = { version, hash, decision_id: decisionId, input_digest: inputDigest, compiled, reference };
    logger.error(found, 'the compiled policies differ from the reference engine, which decides from now on');
    const recordId = newId('record', dependencies);
    const foundAt = toInstant(dependencies.clock.now());
    const record: RecordDraft = {
      id: recordId,
      type: 'policy.diverged',
      source: 'policy-engine',
      outcome: 'done',
      policy: { version, hash },
      data: { ...found, compiled: { ...compiled }, reference: { ...reference } },
    };
    await untilDone(() => append(record));
    await untilDone(() => store.insert({ hash, version, recordId, foundAt }));
  }

  async function append(record: RecordDraft): Promise<void> {
    try {
      await audit.append(record);
    } catch (error) {
      // An earlier attempt succeeded, but its answer was lost.
      if (!auditLogErrors.is(error, 'record_identity_taken')) throw error;
    }
  }

  /** This node has already switched; retries until the log and the other nodes know. */
  async function untilDone(work: () => Promise<void>): Promise<void> {
    for (let restMs = 500; !stopping.signal.aborted; restMs = Math.min(restMs * 2, 30_000)) {
      try {
        return await work();
      } catch (error) {
        logger.error({ error }, 'a divergence of the policies could not be recorded; trying again');
        await sleep(restMs, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      }
    }
  }

  const freshness = await keepFresh({
    access: dependencies.access,
    channel: divergenceChannel,
    pollMs: dependencies.pollMs ?? 5_000,
    logger,
    async refresh() {
      for (const hash of await store.hashes()) distrusted.add(hash);
    },
  });

  return {
    evaluatorFor(bundle) {
      decidingByReference = distrusted.size > 0 && distrusted.has(bundle.hash);
      return decidingByReference ? evaluateByReference : evaluateCompiled;
    },
    offer(active, question, made) {
      if (open) sample(active, question, made);
    },
    async stop() {
      stopping.abort();
      await Promise.all([freshness.stop(), thread.stop(), ...reports]);
    },
  };
}

/** The same object for the same bundle, so that the thread recognises known texts. */
const textsOf = memoised(({ bundle: { schema, policies }, parsed }: LoadedBundle) => ({
  texts: { schema, policies: policies.map(({ text }) => text).join('\n') },
  named: entitiesNamedIn(parsed),
}));

/** The parts of an answer that both engines must agree on; error messages may differ. */
interface Comparable {
  readonly decision: boolean;
  /** Ids, sorted. */
  readonly determining: readonly string[];
  /** Ids of the policies that could not be evaluated, sorted. */
  readonly errors: readonly string[];
}

export function comparable(answer: {
  readonly decision: boolean;
  readonly determining: readonly string[];
  readonly errors: readonly { readonly policyId: string }[];
}): Comparable {
  return {
    decision: answer.decision,
    determining: [...answer.determining].sort(),
    errors: answer.errors.map(({ policyId }) => policyId).sort(),
  };
}
