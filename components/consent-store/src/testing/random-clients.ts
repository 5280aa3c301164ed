import type { Actor, Mandate } from '@countersign/contracts';
import { defined, isCodedError, type MandateId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import fc from 'fast-check';
import type { RunningConsentStore } from '../index.ts';
import type { ConsentWorld } from './consent-world.ts';
import { actor, broker, clearer, constraints, custodian, fund, personOf, rootProposal, termsHash } from './firms.ts';

export const firms: readonly Lei[] = [fund, broker, clearer, custodian];
const signatories = new Map(firms.map((lei, index) => [lei, personOf(lei, `model-${index}`, 'signatory')]));
const dayMs = 86_400_000;
const venueSets = [['XETR', 'XPAR'], ['XETR'], ['XPAR'], ['XETR', 'XPAR', 'XLON']] as const;

/** Who asks: a party in its role, the party that an amendment would bring in, or any of the firms. */
type Asker = 'grantor' | 'grantee' | 'incoming' | 0 | 1 | 2 | 3;
interface Change {
  readonly which: number;
  readonly asker: Asker;
}

export type Step =
  | {
      readonly do: 'grant';
      readonly under: number;
      readonly to: number;
      readonly days: number;
      readonly venues: number;
      /** Accepted by the grantee at once: otherwise chains would be rare. */
      readonly accepted: boolean;
    }
  | (Change & {
      readonly do: 'accept' | 'suspend' | 'resume' | 'revoke' | 'accept-amendment' | 'withdraw-amendment';
    })
  | (Change & { readonly do: 'amend'; readonly venues: number })
  | (Change & { readonly do: 'replace'; readonly to: number })
  | { readonly do: 'repeat'; readonly which: number }
  | { readonly do: 'sweep' }
  | { readonly do: 'jump'; readonly days: number };

const change = {
  which: fc.nat({ max: 9 }),
  asker: fc.constantFrom<Asker>('grantor', 'grantor', 'grantee', 'grantee', 'incoming', 0, 1, 2, 3),
};
const firm = fc.nat({ max: firms.length - 1 });
const venues = fc.nat({ max: venueSets.length - 1 });
const either = <Text extends string>(...texts: Text[]) => fc.constantFrom(...texts);

export const randomStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: either('grant'),
      under: fc.integer({ min: -2, max: 9 }),
      to: firm,
      days: fc.integer({ min: 5, max: 60 }),
      venues,
      accepted: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: either('accept', 'accept-amendment', 'accept-amendment'), ...change }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: either('suspend', 'resume', 'resume', 'revoke', 'withdraw-amendment'), ...change }),
  },
  { weight: 3, arbitrary: fc.record({ do: either('amend'), ...change, venues }) },
  { weight: 2, arbitrary: fc.record({ do: either('replace'), ...change, to: firm }) },
  { weight: 2, arbitrary: fc.record({ do: either('repeat'), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: either('sweep') }) },
  { weight: 1, arbitrary: fc.record({ do: either('jump'), days: fc.integer({ min: 1, max: 10 }) }) },
);

/**
 * A refusal by the rules, or by a log that is down, is an expected outcome; anything else, including a lock timeout, is a
 * failure.
 */
async function unlessRefused<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isCodedError(error) && error.code !== 'database_unavailable') return undefined;
    throw error;
  }
}

/** Clients that send random requests and remember what they have asked. */
export interface RandomClients {
  take(step: Step, store: RunningConsentStore): Promise<void>;
  readonly mandates: ReadonlySet<MandateId>;
}

export function createRandomClients(world: ConsentWorld): RandomClients {
  for (const person of signatories.values()) world.directory.principals.set(person.id, person);
  const ids: MandateId[] = [];
  const requests: (() => Promise<Mandate>)[] = [];
  let keys = 0;

  async function ask(request: () => Promise<Mandate>): Promise<Mandate | undefined> {
    requests.push(request);
    const mandate = await unlessRefused(request);
    if (mandate !== undefined && !ids.includes(mandate.id)) ids.push(mandate.id);
    return mandate;
  }

  async function grant(step: Step & { readonly do: 'grant' }, store: RunningConsentStore): Promise<void> {
    const parent = step.under < 0 ? undefined : ids[step.under % Math.max(1, ids.length)];
    const above = parent === undefined ? undefined : await store.find(parent);
    const grantor = above?.grantee.lei ?? fund;
    const now = world.clock.now();
    const last = now + step.days * dayMs;
    const proposal = rootProposal({
      grantor: { lei: grantor, role: 'Client' },
      grantee: { lei: firms[step.to] ?? broker, role: 'ExecutingBroker' },
      constraints: {
        ...constraints,
        venues:
          above === undefined || step.venues === 0
            ? (above?.constraints.venues ?? venueSets[0])
            : venueSets[step.venues],
        delegationDepth: above === undefined ? 4 : Math.max(0, above.constraints.delegationDepth - 1),
      },
      effectiveFrom: above?.effectiveFrom ?? new Date(now).toISOString(),
      effectiveUntil: new Date(Math.min(last, Date.parse(above?.effectiveUntil ?? '9999-01-01'))).toISOString(),
      ...defined({ parent }),
    });
    const key = `model-${++keys}`;
    const made = await ask(() => store.propose(proposal, signatoryOf(grantor), key));
    if (made !== undefined && step.accepted)
      await ask(() => store.accept(made.id, { termsHash }, signatoryOf(made.grantee.lei)));
  }

  async function alter(
    step: Exclude<Step, { readonly do: 'grant' | 'jump' | 'sweep' | 'repeat' }>,
    store: RunningConsentStore,
  ): Promise<void> {
    const head = await chosen(step, store);
    if (head === undefined) return;
    const { id } = head;
    const by = askerOf(head, step.asker);
    const termsDigest = head.amendment?.termsDigest ?? '';
    const key = `model-${++keys}`;
    await ask(() => {
      switch (step.do) {
        case 'accept':
          return store.accept(id, { termsHash }, by);
        case 'accept-amendment':
          return store.acceptAmendment(id, { termsDigest }, by);
        case 'withdraw-amendment':
          return store.withdrawAmendment(id, by, 'Random');
        case 'amend':
          return store.amend(id, { constraints: { ...head.constraints, venues: venueSets[step.venues] } }, by, key);
        case 'replace': {
          const replace = { part: 'grantee', by: { lei: firms[step.to] ?? broker, role: 'Custodian' } };
          return store.amend(id, { replace }, by, key);
        }
        default:
          return store[step.do](id, by, 'Random');
      }
    });
  }

  /** A mandate for which the step makes sense, if there is one. */
  async function chosen(step: Change & { readonly do: string }, store: RunningConsentStore) {
    const from = step.which % Math.max(1, ids.length);
    let any: Mandate | undefined;
    for (const id of [...ids.slice(from), ...ids.slice(0, from)]) {
      const head = await store.find(id);
      any ??= head;
      const fits =
        step.do === 'accept'
          ? head?.status === 'proposed'
          : !step.do.endsWith('-amendment') || head?.amendment !== undefined;
      if (fits) return head;
    }
    return any;
  }

  return {
    get mandates() {
      return new Set(ids);
    },
    async take(step, store) {
      switch (step.do) {
        case 'jump':
          world.clock.advance(step.days * dayMs);
          return;
        case 'sweep':
          await unlessRefused(() => store.sweep());
          return;
        case 'repeat': {
          const request = requests[step.which % Math.max(1, requests.length)];
          if (request !== undefined) await ask(request);
          return;
        }
        case 'grant':
          return grant(step, store);
        default:
          return alter(step, store);
      }
    },
  };
}

function askerOf({ grantor, grantee, amendment }: Mandate, asker: Asker): Actor {
  switch (asker) {
    case 'grantor':
      return signatoryOf(grantor.lei);
    case 'grantee':
      return signatoryOf(grantee.lei);
    case 'incoming':
      return signatoryOf(amendment?.terms.grantee.lei ?? grantee.lei);
    default:
      return signatoryOf(firms[asker] ?? fund);
  }
}

function signatoryOf(lei: Lei): Actor {
  const person = signatories.get(lei);
  if (person === undefined) throw new Error('nobody signs for this institution');
  return actor(person);
}
