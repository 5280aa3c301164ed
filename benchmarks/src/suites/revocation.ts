import { setTimeout as sleep } from 'node:timers/promises';
import { CodedError } from '@countersign/kernel';
import { completeFlows, signIn } from '../code-flow.ts';
import type { MeasuredControlPlane } from '../control-plane.ts';
import { consentedScope, venueOrders } from '../market.ts';
import type { Pace } from '../pace.ts';
import { revocationDoors } from '../revocation/doors.ts';
import { createObservers, type HeldToken, type Observer } from '../revocation/observers.ts';
import type { ServerProcess } from '../server-process.ts';

/** How long a revocation took to be seen, for one way of revoking. */
export interface RevocationDelays {
  readonly door: string;
  readonly seen: readonly { readonly by: string; readonly delaysMs: readonly number[] }[];
}

/** Between two questions: what is told is too long by up to this, and by the time of one answer. */
const askEveryMs = 10;
/** Far beyond what is promised: a revocation that is not seen by then is a defect, and no figure. */
const givenUpAfterMs = 20_000;

/**
 * From the answer that says "revoked" to the first question that is refused: by introspection on the same node and on another one that
 * shares the database, and at enforcement points that follow either node. All of them are asked all the time, as those
 * of a busy service are.
 */
export async function measureRevocation(options: {
  readonly controlPlane: MeasuredControlPlane;
  readonly secondNode: ServerProcess;
  readonly pace: Pace;
  readonly onProgress: (message: string) => void;
}): Promise<readonly RevocationDelays[]> {
  const { controlPlane, secondNode, pace } = options;
  const { issuer, market } = controlPlane;
  const observers = createObservers({ controlPlane, secondNode });
  const desk = { name: 'Countersign', issuer, clients: market.desks, resource: venueOrders, scope: consentedScope };
  const people = await signIn(desk, market.people.slice(0, pace.revocations));
  const consents = await completeFlows(desk, people);
  const found: RevocationDelays[] = [];
  for (const { name, take, revoke } of revocationDoors({ controlPlane, consents })) {
    const seen = observers.map(({ name: by }) => ({ by, delaysMs: [] as number[] }));
    for (let turn = 0; turn < pace.revocations; turn++) {
      options.onProgress(`revocation: ${name}: ${turn + 1} of ${pace.revocations}`);
      const target = await take(turn);
      const watching = Promise.all(observers.map((observer) => firstRefusal(observer, target)));
      watching.catch(() => undefined);
      // Somewhere between two readings of the list, at random.
      await sleep(200 + Math.random() * 1000);
      const answeredAt = await revoke(target);
      // Nothing where nobody was let through who asked after the answer; else until somebody was refused.
      for (const [index, { lastAcceptedAt, refusedAt }] of (await watching).entries())
        seen[index]?.delaysMs.push(lastAcceptedAt <= answeredAt ? 0 : refusedAt - answeredAt);
    }
    found.push({ door: name, seen });
  }
  return found;
}

interface Refusal {
  /** When the last question was asked that was still answered with yes, by `performance.now`. */
  readonly lastAcceptedAt: number;
  /** When the first one was asked that was answered with no. */
  readonly refusedAt: number;
}

/** Asks on and on, until the answer is no. */
async function firstRefusal({ name, accepts }: Observer, token: HeldToken): Promise<Refusal> {
  const until = performance.now() + givenUpAfterMs;
  let lastAcceptedAt: number | undefined;
  for (;;) {
    const askedAt = performance.now();
    const accepted = await accepts(token);
    if (!accepted && lastAcceptedAt === undefined) throw new Error(`${name} refused a token that stood`);
    if (!accepted && lastAcceptedAt !== undefined) return { lastAcceptedAt, refusedAt: askedAt };
    if (askedAt > until) break;
    lastAcceptedAt = askedAt;
    await sleep(askEveryMs);
  }
  throw new CodedError({
    code: 'benchmark_answer',
    category: 'invalid',
    detail: `${name} still accepted a revoked token after ${givenUpAfterMs / 1000} s.`,
  });
}
