import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from './index.ts';
import { relyingParty } from './testing/example-clients.ts';
import { broker, exampleFile, exampleKeyPair, venue } from './testing/example-file.ts';
import { changeByTwo, createRig, proposer, type Rig } from './testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const keys = Array.from({ length: 4 }, () => exampleKeyPair().publicJwk);

/** Ids are never reused: the successor of a removed person gets the next id and may get the same key. */
const generations = keys.map(() => 0);
const idOf = (index: number): string => `person:p${index}-${generations[index]}`;
let dashboards = 0;

const person = (index: number, members: object = {}) => ({
  id: idOf(index),
  institution: index % 2 === 0 ? broker : venue,
  roles: [],
  federated: [],
  credentials: [{ use: 'approval', jwk: keys[index] }],
  ...members,
});

type Step = (directory: DirectoryComponent) => Promise<unknown>;
const who = fc.nat({ max: 3 });
const steps: fc.Arbitrary<Step> = fc.oneof(
  who.map(
    (index): Step =>
      (directory) =>
        changeByTwo(directory, { edit: { put: { people: [person(index)] } } }),
  ),
  who.map(
    (index): Step =>
      (directory) =>
        changeByTwo(directory, { edit: { put: { people: [person(index, { active: false })] } } }),
  ),
  fc.tuple(who, fc.constantFrom('rates', 'credit')).map(
    ([index, desk]): Step =>
      (directory) =>
        changeByTwo(directory, { edit: { put: { people: [person(index, { desk })] } } }),
  ),
  who.map(
    (index): Step =>
      (directory) =>
        removing(index, (id) => directory.edit({ remove: [{ kind: 'person', id }] }, proposer)),
  ),
  // One is removed and one added, so the number stays the same.
  fc.tuple(who, who).map(
    ([gone, come]): Step =>
      async (directory) => {
        if (gone === come) return;
        await removing(gone, (id) =>
          changeByTwo(directory, { edit: { put: { people: [person(come)] }, remove: [{ kind: 'person', id }] } }),
        );
      },
  ),
  fc.constant<Step>((directory) => {
    const id = `service:dashboard-${dashboards}`;
    return directory.apply(
      {
        services: [{ id, institution: broker, roles: [] }],
        clients: [{ ...relyingParty(), id: `broker-dashboard-${dashboards}`, principal: id }],
      },
      proposer,
    );
  }),
  fc.constant<Step>(async (directory) => {
    await directory.edit({ remove: [{ kind: 'service', id: `service:dashboard-${dashboards}` }] }, proposer);
    dashboards++;
  }),
);

async function removing(index: number, remove: (id: string) => Promise<unknown>): Promise<void> {
  await remove(idOf(index));
  generations[index] = (generations[index] ?? 0) + 1;
}

/** Everything that look-ups return on a node. */
function seenBy(directory: DirectoryComponent) {
  const snapshot = directory.snapshot();
  return {
    version: snapshot.version,
    principals: [...snapshot.principals()],
    people: [...directory.people(broker), ...directory.people(venue)],
    records: keys.map((_, index) => snapshot.recordOf(idOf(index))),
    client: snapshot.client(`broker-dashboard-${dashboards}`),
  };
}

describe('a node that reads incrementally', () => {
  it('has the same state as a node that has just read everything, after any changes elsewhere', async () => {
    const [one, two, late] = [await rig.open(), await rig.open(), await rig.open({ pollMs: 3_600_000 })];
    await one.apply(exampleFile(), proposer);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), steps), { minLength: 1, maxLength: 6 }), async (walk) => {
        for (const [first, step] of walk) await step(first ? one : two);
        const version = Math.max(one.snapshot().version, two.snapshot().version);
        const fresh = await rig.open();
        const expected = seenBy(fresh);
        await fresh.stop();
        expect(expected.version).toBe(version);
        for (const node of [one, two, late]) {
          await node.snapshotAtLeast(version);
          expect(seenBy(node)).toEqual(expected);
        }
      }),
      { numRuns: 25 },
    );
  });
});
