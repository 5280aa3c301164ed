import type { Mandate, MandateAnswer, MandateQuestion, ValidityQuestion } from '@countersign/contracts';
import { intentUse, scopeActionOf } from '@countersign/market';
import { answerFrom } from './chain.ts';
import { viewOf } from './held-mandates.ts';
import type { Store } from './store/store.ts';

/** As many as a check looks through. */
const mostHeldBelow = 256;

/**
 * Was it valid at one time, as far as was known at another? Two clocks: terms take effect when they say (a mandate may
 * be accepted today for last week), and what happened to the mandate counts from when it was recorded.
 */
export async function validate(store: Store, question: ValidityQuestion): Promise<MandateAnswer> {
  const { mandate, actingFor, detail, at, knownAt = Number.POSITIVE_INFINITY } = question;
  const action = question.action ?? scopeActionOf(detail);
  if (action === undefined)
    return { stands: false, reason: 'mandate_action', detail: 'No mandate covers intents of this type.' };
  const below = await store.everHeldBelow(mandate, actingFor, mostHeldBelow);
  const versions = await store.historiesWithAncestors([mandate, ...below]);
  const governing = historiesOf(versions).flatMap((history) => governingVersion(history, at, knownAt) ?? []);
  const asked: MandateQuestion = { mandate, actingFor, use: intentUse(detail, { action, at }), at };
  const answer = answerFrom(viewOf(governing, below), asked);
  if (answer === undefined) throw new Error('a whole view gave no answer');
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
 * The version that says how things stood at `at`, of those that were known at `knownAt`.
 *
 * The newest that had been recorded by then. Where it had not been accepted by then, and was afterwards, the acceptance
 * speaks for the time before it too, from `effectiveFrom` on.
 *
 * @param history oldest first
 */
function governingVersion(history: readonly Mandate[], at: number, knownAt: number): Mandate | undefined {
  const known = history.filter(({ recordedAt }) => Date.parse(recordedAt) <= knownAt);
  const present = known.findLast(({ recordedAt }) => Date.parse(recordedAt) <= at);
  if (present !== undefined && present.status !== 'proposed') return present;
  return known.find(({ status }) => status === 'active') ?? known.at(-1);
}
