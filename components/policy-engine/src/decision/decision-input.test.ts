import { createEntitySnapshot } from '@countersign/cedar';
import type { DecisionInput } from '@countersign/contracts';
import { canonicalize, type Digest, digestOf, type Json, sha256Base64Url } from '@countersign/kernel';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningPolicyEngine } from '../index.ts';
import {
  directoryOf,
  inOrder,
  institution,
  market,
  midday,
  own,
  person,
  stepQuestion,
  stranger,
  tokenQuestion,
  transactionOf,
  typeNames,
} from '../testing/desk.ts';
import { createEngineRig, type EngineRig } from '../testing/engine-rig.ts';
import { directoryEntity } from '../trading/entities.ts';
import { collectReferences, referencesIn } from './entity-facts.ts';
import { createEntityFactStore } from './store.ts';

type Document = {
  readonly context: Readonly<Record<string, Json>>;
  readonly entities: readonly (readonly [type: string, id: string, digest: Digest])[];
  readonly local: readonly { readonly uid: { readonly id: string; readonly type: string }; readonly attrs: Json }[];
  readonly principal: { readonly id: string; readonly type: string };
  readonly unevaluable?: boolean;
};
const documentOf = (inputText: string) => JSON.parse(inputText) as Document;

let rig: EngineRig;
let engine: RunningPolicyEngine;
let pool: pg.Pool;
beforeAll(async () => {
  rig = await createEngineRig({ policies: '@id("yes") permit (principal, action, resource);' });
  engine = await rig.start();
  pool = rig.scratch.pool('policy-engine');
});
afterAll(() => rig.close());

const inputs: readonly (readonly [string, DecisionInput])[] = [
  ...typeNames.map((name) => [`an intent of type ${name}`, tokenQuestion('person:own', transactionOf(name))] as const),
  ['an interface', tokenQuestion('service:own', 'https://venue.example/orders', { scopes: ['order:read'] })],
  ['an interface without an owner', tokenQuestion('service:own', 'https://nobody.example/')],
  ['an algorithm', stepQuestion('order:create', transactionOf('rfq', { initiator: 'agent:vwap' }))],
  ['an unknown principal', tokenQuestion('person:nobody', transactionOf('trade_order'))],
  ['an invalid intent', tokenQuestion('person:own', transactionOf('trade_order', { drop: ['entity_lei'] }))],
  [
    'everything a context can hold',
    stepQuestion('order:create', transactionOf('trade_order', { set: { jurisdiction: 'ZZ' } }), {
      acr: 'phrh',
      authTime: midday / 1000 - 40,
      partner: { institution: stranger, claims: ['sub', 'acr'] },
      device: 'device:of-own',
      claimedDevice: 'device:of-nobody',
      claimedSignals: ['unusual-hour'],
      scopes: ['order:create', 'order:read'],
    }),
  ],
];

describe('the input of a decision', () => {
  it.each(inputs)('is canonical as written, and has its own digest, for %s', async (_, question) => {
    const { inputText: text, inputDigest } = await engine.decide(question);
    const input = JSON.parse(text) as Json;
    expect(text).toBe(canonicalize(input));
    expect(inputDigest).toBe(digestOf(input));
    expect(inputDigest).toBe(sha256Base64Url(text));
  });

  it('is canonical whatever text callers send', async () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.constant('\\ud'));
    await fc.assert(
      fc.asyncProperty(text, text, fc.array(text, { maxLength: 3 }), async (acr, signal, scopes) => {
        const { inputText, inputDigest, decision } = await engine.decide(
          tokenQuestion('person:own', transactionOf('trade_order'), { acr, claimedSignals: [signal], scopes }),
        );
        const input = JSON.parse(inputText) as Json;
        expect(inputText).toBe(canonicalize(input));
        expect(inputDigest).toBe(digestOf(input));
        expect(decision).toBe([acr, signal, ...scopes].every((each) => each.isWellFormed()));
      }),
    );
  });

  it('is canonical whatever text the rest of a question holds', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('"', '\\ud', '\u2028'),
    );
    const texts = fc.array(text, { minLength: 16, maxLength: 16 });
    await fc.assert(
      fc.asyncProperty(texts, async ([a = '', b = '', c = '', d = '', e = '', f = '', g = '', h = '', ...rest]) => {
        const facts = transactionOf('trade_order', {
          initiator: a,
          state: b,
          mandate: { id: c, version: 3 },
          set: {
            account: d,
            venue_mic: e,
            jurisdiction: f,
            max_notional: { amount: '1', ccy: g },
            instrument: { isin: h, cfi: 'ESVUFR' },
            parties: [{ role: 'Custodian', lei: `${rest[1]}` }],
            algo: { model_id: `${rest[2]}`, version: `${rest[3]}`, artifact_sha256: `${rest[4]}` },
          },
        });
        const { inputText: written, inputDigest } = await engine.decide(
          tokenQuestion('person:own', facts, {
            acr: `${rest[5]}`,
            claimedDevice: `${rest[6]}`,
            claimedSignals: rest.slice(3),
            device: `${rest[7]}`,
            partner: { institution: `${rest[7]}`, claims: rest.slice(5) },
          }),
        );
        const input = JSON.parse(written) as Json;
        expect(written).toBe(canonicalize(input));
        expect(inputDigest).toBe(sha256Base64Url(written));
        if ([a, b, c, d, e, f, g, h, ...rest].every((each) => each.isWellFormed()))
          expect(input).not.toHaveProperty('unevaluable');
      }),
    );
  });

  it.each(inputs)('lists exactly the directory data that could be read, for %s', async (_, question) => {
    const document = documentOf((await engine.decide(question)).inputText);
    const listed = new Set(document.entities.map(([type, id]) => `${type} ${id}`));
    expect([...listed]).toEqual([...listed].sort());
    if (document.unevaluable === true) return expect(listed.size).toBe(0);
    // Computed again from the recorded entities.
    const facts = await storedFacts(document.entities.map(([, , digest]) => digest));
    const roots = [document.principal];
    collectReferences(document.context, roots);
    for (const { attrs, uid } of document.local) {
      roots.push(uid);
      collectReferences(attrs, roots);
    }
    const entities = [...facts.values()].map((fact) => JSON.parse(fact));
    const reached = createEntitySnapshot(entities).closureOf(roots);
    expect(reached.map(({ uid }) => `${uid.type} ${uid.id}`).sort()).toEqual([...listed]);
    for (const entity of entities) roots.push(...referencesIn(entity));
    for (const uid of roots)
      if (directoryEntity(rig.directory, uid) !== undefined) expect(listed).toContain(`${uid.type} ${uid.id}`);
  });

  it('is the same for the same question, and differs for another question or installation', async () => {
    const question = tokenQuestion('person:own', transactionOf('trade_order'));
    const first = await engine.decide(question);
    const elsewhere = await (await rig.start({ region: 'eu-central' })).decide(question);
    expect((await engine.decide(question)).inputDigest).toBe(first.inputDigest);
    expect(elsewhere.inputDigest).not.toBe(first.inputDigest);
    const other = tokenQuestion('person:own', transactionOf('trade_order', { set: { max_qty: '1001' } }));
    expect((await engine.decide(other)).inputDigest).not.toBe(first.inputDigest);
  });

  it('names another entity only when the directory data has changed', async () => {
    const question = tokenQuestion('person:own', transactionOf('withdrawal'));
    const digestsOf = async () =>
      new Map(
        documentOf((await engine.decide(question)).inputText).entities.map(([type, id, digest]) => [
          `${type} ${id}`,
          digest,
        ]),
      );
    const before = await digestsOf();
    // The same facts in new objects, as another version of the directory would have them.
    rig.directory = directoryOf({ version: 2, institutions: market.institutions.map((each) => ({ ...each })) });
    expect(await digestsOf()).toEqual(before);
    const categorised = { ...inOrder, category: 'professional' } as const;
    rig.directory = directoryOf({ version: 3, institutions: [institution(own, { compliance: categorised })] });
    const after = await digestsOf();
    expect(after.get(`Institution ${own}`)).not.toBe(before.get(`Institution ${own}`));
    expect(after.get('Person person:own')).toBe(before.get('Person person:own'));
    // If the directory drops a desk, it is no longer the person's, though the person object is unchanged.
    rig.directory = directoryOf({ version: 4, desks: [] });
    expect((await digestsOf()).get('Person person:own')).not.toBe(before.get('Person person:own'));
    rig.directory = directoryOf();
    expect(await digestsOf()).toEqual(before);
  });
});

describe('entities that a decision read', () => {
  it('are stored before the decision is returned, each under the digest of its canonical form', async () => {
    const late = person('newcomer', own);
    rig.directory = directoryOf({ version: 5, principals: [late] });
    const question = tokenQuestion(late.id, transactionOf('withdrawal'));
    const { entities } = documentOf((await engine.decide(question)).inputText);
    const stored = await storedFacts(entities.map(([, , digest]) => digest));
    expect(stored.size).toBe(entities.length);
    for (const [type, id, digest] of entities) {
      const fact = stored.get(digest) ?? '';
      expect(sha256Base64Url(fact)).toBe(digest);
      expect(JSON.parse(fact)).toMatchObject({ uid: { type, id } });
    }
    rig.directory = directoryOf();
  });

  it('block the decision while they cannot be stored, and are stored once possible', async () => {
    const newcomer = person('later', own);
    rig.directory = directoryOf({ version: 6, principals: [newcomer] });
    const question = tokenQuestion(newcomer.id, transactionOf('withdrawal'));
    const owner = new pg.Client(rig.scratch.connection);
    await owner.connect();
    await owner.query('alter table policy_engine.entity_facts rename to away');
    await expect(engine.decide(question)).rejects.toThrow();
    await owner.query('alter table policy_engine.away rename to entity_facts');
    await owner.end();
    const { entities } = documentOf((await engine.decide(question)).inputText);
    expect((await storedFacts(entities.map(([, , digest]) => digest))).size).toBe(entities.length);
    rig.directory = directoryOf();
  });
});

async function storedFacts(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>> {
  return createEntityFactStore(pool).load(digests);
}
