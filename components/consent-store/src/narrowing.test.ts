import { type Mandate, type Person, parsePrincipalId } from '@countersign/contracts';
import { isCodedError, type MandateId } from '@countersign/kernel';
import { type Constraints, type Lei, type MandateUse, permits } from '@countersign/market';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import { actor, broker, clearer, custodian, fund, personOf, rootProposal, termsHash, venue } from './testing/firms.ts';

/** Each delegates to the next. */
const line = [fund, broker, clearer, custodian, venue] as const;
const signatories = new Map<Lei, Person>(
  line.map((lei, index) => [lei, personOf(lei, `signatory-${index}`, 'signatory')]),
);

let world: ConsentWorld;
beforeAll(async () => {
  world = await createConsentWorld();
  for (const person of signatories.values()) world.directory.principals.set(parsePrincipalId(person.id) ?? '', person);
});
afterAll(() => world.close());

const some = <Value>(...values: Value[]) => fc.subarray(values, { minLength: 1 });
const maybe = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: undefined, freq: 2 });
const amounts = fc.constantFrom('100', '200', '300');

const constraintsWithin = fc
  .record({
    actions: some('order:create', 'order:cancel', 'settlement:instruct'),
    productClasses: some('E', 'ES', 'ESV', 'D', 'DB'),
    venues: some('XETR', 'XPAR', 'XLON'),
    jurisdictions: some('DE', 'FR'),
    accounts: maybe(some('A-1', 'A-2')),
    counterparties: maybe(some(broker, clearer)),
    perOrder: amounts,
    perDay: amounts,
    quantityPerOrder: maybe(fc.constantFrom('1', '2', '3')),
    hours: maybe(
      fc.constantFrom(
        { timeZone: 'UTC', days: [1, 2, 3], from: '08:00', until: '18:00' },
        { timeZone: 'UTC', days: [1], from: '09:00', until: '10:00' },
      ),
    ),
    delegationDepth: fc.integer({ min: 0, max: 4 }),
  })
  .map(({ perOrder, perDay, ...rest }) => {
    const defined = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    const day = Number(perDay) < Number(perOrder) ? perOrder : perDay;
    return {
      ...defined,
      notionalPerOrder: { amount: perOrder, ccy: 'EUR' },
      notionalPerDay: { amount: day, ccy: 'EUR' },
    };
  });

const uses = fc.array(
  fc.record({
    action: fc.constantFrom('order:create', 'order:cancel', 'settlement:instruct'),
    cfi: fc.constantFrom('ESVUFR', 'EPNRAR', 'DBFTFB'),
    venue: fc.constantFrom('XETR', 'XPAR'),
    jurisdiction: fc.constantFrom('DE', 'FR'),
    accounts: fc.constantFrom(['A-1'], ['A-2'], ['A-1', 'A-2']),
    counterparties: fc.subarray([broker, clearer], { maxLength: 1 }),
    notional: amounts.map((amount) => ({ amount, ccy: 'EUR' })),
    quantity: fc.constantFrom('1', '2', '3'),
    at: fc.integer({ min: Date.parse('2026-06-15T00:00:00Z'), max: Date.parse('2026-06-16T00:00:00Z') }),
  }),
  { minLength: 60, maxLength: 60 },
) as unknown as fc.Arbitrary<MandateUse[]>;

const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('cut' as const), under: fc.nat(), constraints: constraintsWithin }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('copy' as const), under: fc.nat() }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constantFrom('suspend' as const, 'resume' as const, 'revoke' as const),
        under: fc.nat(),
      }),
    },
  ),
  { minLength: 3, maxLength: 12 },
);

const by = (lei: Lei) => {
  const person = signatories.get(lei);
  if (person === undefined) throw new Error('nobody signs for this institution');
  return actor(person);
};

/** A refusal by the rules is an expected outcome; anything else is a failure. */
async function unlessRefused<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isCodedError(error) && (error.category === 'forbidden' || error.category === 'conflict')) return undefined;
    throw error;
  }
}

let keys = 0;
async function grant(parent: Mandate | undefined, constraints: unknown): Promise<Mandate | undefined> {
  const grantor = parent === undefined ? fund : parent.grantee.lei;
  const grantee = line[line.indexOf(grantor) + 1];
  if (grantee === undefined) return undefined;
  const proposal = rootProposal({
    grantor: { lei: grantor, role: 'Client' },
    grantee: { lei: grantee, role: 'ExecutingBroker' },
    constraints,
    ...(parent === undefined ? {} : { parent: parent.id }),
  });
  const proposed = await unlessRefused(world.store.propose(proposal, by(grantor), `property-${++keys}`));
  return proposed && unlessRefused(world.store.accept(proposed.id, { termsHash }, by(grantee)));
}

it('a sub-mandate never permits what its parent does not, whatever is granted, ended and resumed', async () => {
  let cut = 0;
  let stood = 0;
  await fc.assert(
    fc.asyncProperty(constraintsWithin, steps, uses, async (first, sequence, asked) => {
      const root = await grant(undefined, first);
      if (root === undefined) return;
      const mandates: Mandate[] = [root];
      for (const step of sequence) {
        const target = mandates[step.under % mandates.length];
        if (target === undefined) continue;
        if (step.kind === 'cut' || step.kind === 'copy') {
          const less = { ...target.constraints, delegationDepth: Math.max(0, target.constraints.delegationDepth - 1) };
          const made = await grant(target, step.kind === 'cut' ? step.constraints : less);
          if (made !== undefined) mandates.push(made);
        } else await unlessRefused(world.store[step.kind](target.id, by(target.grantor.lei), 'Random step'));
      }
      const byId = new Map<MandateId, Mandate>(mandates.map((mandate) => [mandate.id, mandate]));
      for (const mandate of mandates) {
        const parent = mandate.parent && byId.get(mandate.parent.id);
        if (parent === undefined) continue;
        cut++;
        for (const use of asked) {
          if (permits(mandate.constraints as Constraints, use).ok)
            expect(permits(parent.constraints, use)).toEqual({ ok: true });
          const answer = await world.store.check({
            mandate: mandate.id,
            actingFor: mandate.grantee.lei,
            use,
            at: use.at,
          });
          if (!answer.valid) continue;
          stood++;
          const above = { mandate: parent.id, use, at: use.at };
          expect(await world.store.check({ ...above, actingFor: parent.grantee.lei })).toMatchObject({ valid: true });
          expect(await world.store.check({ ...above, actingFor: mandate.grantee.lei })).toMatchObject({ valid: true });
        }
      }
    }),
    { numRuns: 40 },
  );
  // Without these the property could hold vacuously.
  expect(cut).toBeGreaterThan(0);
  expect(stood).toBeGreaterThan(0);
});
