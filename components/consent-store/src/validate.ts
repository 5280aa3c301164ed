import type { Mandate, MandateAnswer, MandateQuestion, ValidityQuestion } from '@countersign/contracts';
import { intentUse, scopeActionOf } from '@countersign/market';
import { answerFrom } from './chain.ts';
import { viewOf } from './held-mandates.ts';
import type { Store } from './store/store.ts';

/** The same bound as for checks. */
const mostHeldBelow = 256;

/**
 * Whether a mandate was valid at one time, as known at another. Terms take effect at their own times, also
 * retroactively; changes count from when they were recorded.
 */
export async function validate(store: Store, question: ValidityQuestion): Promise<MandateAnswer> {
  const { mandate, actingFor, detail, at, knownAt = Number.POSITIVE_INFINITY } = question;
  const action = question.action ?? scopeActionOf(detail);
  if (action === undefined)
    return { valid: false, reason: 'mandate_action', detail: 'No mandate covers intents of this type.' };
  const below = await store.everHeldBelow(mandate, actingFor, mostHeldBelow);
  const versions = await store.historiesWithAncestors([mandate, ...below]);
  const governing = historiesOf(versions).flatMap((history) => governingVersion(history, at, knownAt) ?? []);
  const asked: MandateQuestion = { mandate, actingFor, use: intentUse(detail, { action, at }), at };
  const answer = answerFrom(viewOf(governing, below), asked);
  if (answer === undefined) throw new Error('a complete view gave no answer');
  return answer;
}

function historiesOf(versions: readonly Mandate[]): readonly (readonly Mandate[])[] {
  const histories = new Map<string, Mandate[]>();
  for (const version of versions) {
    const history = histories.get(version.id) ?? [];
    history.push(version);
    histories.set(version.id, history);
  }
  return [...histories.values()];
}

/**
 * The version that applies at `at`, of those known at `knownAt`: the newest one recorded by then. An acceptance also
 * applies to the time before it, from `effectiveFrom`.
 * @param history oldest first
 */
function governingVersion(history: readonly Mandate[], at: number, knownAt: number): Mandate | undefined {
  const known = history.filter(({ recordedAt }) => Date.parse(recordedAt) <= knownAt);
  const present = known.findLast(({ recordedAt }) => Date.parse(recordedAt) <= at);
  if (present !== undefined && present.status !== 'proposed') return present;
  return known.find(({ status }) => status === 'active') ?? known.at(-1);
}
