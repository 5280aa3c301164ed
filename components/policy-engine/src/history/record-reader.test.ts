import { createTextReader, recordToJson } from '@countersign/cedar';
import { readRecordedDecision } from '@countersign/contracts';
import { canonicalize, type Json } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadBundle } from '../bundle/load-bundle.ts';
import { findingJson } from '../decision/limit-finding.ts';
import { houseRules } from '../testing/past-decisions.ts';
import { createRecordReader, type ReadDecision, type RecordTexts } from './record-reader.ts';

type Members = Readonly<Record<string, unknown>>;

const digest = 'hdgJ0VZBXHTyyzduEPUOY-9uxr6Iye5l3Kl4hSaZBU8';
const otherDigest = 'jpqjOHA3gZAq14iytUqXHMiSg227KGcbbL0tkEfS0Tk';
const schema = createTextReader(loadBundle(houseRules).parsed.schema);

/** The input of an order in the recorded form. */
const order = {
  action: 'order:create',
  context: { acr: 'phr' },
  entities: [['Person', 'person:anna', digest]],
  local: [
    {
      attrs: { approvals: { supervisor: 1 }, notional: { __extn: { arg: '12.50', fn: 'decimal' } } },
      parents: [],
      uid: { id: 'txn-1', type: 'Transaction' },
    },
  ],
  principal: { id: 'person:anna', type: 'Person' },
  resource: { id: 'txn-1', type: 'Transaction' },
  v: 1,
};
const limits = { approvals: [], exceeded: [], outcome: 'reserved', readings: [], uncountable: [] };
const open = {
  decision_id: 'dec_01m813275kh2v2p53q6p9trcaz',
  decision: true,
  policy_version: 1,
  policy_hash: digest,
  determining: ['traders-place-orders'],
  obligations: [],
  entity_version: 1,
  input_digest: otherDigest,
};
const reasons = [{ code: 'large', detail: 'An order over a million.' }];
const errors = [{ policy_id: 'large-orders', message: 'overflow' }];

interface Parts {
  readonly input?: unknown;
  readonly errors?: unknown;
  readonly reasons?: unknown;
  /** Members beside the decision and beside the data. */
  readonly data?: Members;
  readonly more?: Members;
  readonly open?: Members;
}

/** A record as the log holds it, with its protected values beside it. */
function textsOf({ input = order, errors, reasons, data, more, open: said }: Parts = {}): RecordTexts {
  const none = { ...(errors === undefined ? { errors: [] } : {}), ...(reasons === undefined ? { reasons: [] } : {}) };
  const commitment = { kind: 'strategy', key: 'key_1', commitment: digest, ciphertext: otherDigest };
  const beside = { input, ...(errors === undefined ? {} : { errors }), ...(reasons === undefined ? {} : { reasons }) };
  const record = {
    v: 2,
    id: 'rec_1',
    ...more,
    data: { ...data, decision: { ...open, ...said, ...none } },
    protected: Object.fromEntries(Object.keys(beside).map((name) => [`/data/decision/${name}`, commitment])),
  };
  const text = (value: unknown) => (value === undefined ? '' : canonicalize(value as Json));
  return { record: JSON.stringify(record), input: text(input), errors: text(errors), reasons: text(reasons) };
}

/** Everything in one text, as before values were stored beside the record. */
function asSingleText({ more, data, ...parts }: Parts): RecordTexts {
  const decision = { ...open, input: order, errors: [], reasons: [], ...parts };
  return { record: JSON.stringify({ v: 1, ...more, data: { ...data, decision } }), input: '', errors: '', reasons: '' };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The expected result, by parsing the whole text. */
function parsedWhole({ record, ...beside }: RecordTexts): unknown {
  const { data } = (parsed(record) ?? {}) as { readonly data?: { readonly decision?: Members } | null };
  const decision = { ...data?.decision };
  for (const name of ['errors', 'input', 'reasons'] as const)
    if (beside[name] !== '') decision[name] = parsed(beside[name]);
  const read = readRecordedDecision(decision as Json);
  if (read === undefined) return undefined;
  const { id: _, inputDigest: __, ...compared } = read;
  return compared;
}

/** The same for the fast reader, with the values written back in place. */
function said({ decision, read }: ReadDecision): unknown {
  if (decision === undefined) return undefined;
  const { inputDigest: _, id: __, ...compared } = { inputDigest: '', id: '', ...decision };
  if (read === undefined) return compared;
  const { unevaluable, limits, entities, ...outline } = read.outline;
  const input = {
    ...outline,
    context: recordToJson(read.context),
    entities: entities.map(({ uid, digest }) => [uid.type, uid.id, digest]),
    ...(limits === undefined ? {} : { limits: findingJson(limits) }),
    local: read.local.map(({ attributes, parents, reference }) => ({
      attrs: recordToJson(attributes),
      parents: parents.map(({ id, type }) => ({ id, type })),
      uid: { id: reference.id, type: reference.type },
    })),
    ...(unevaluable ? { unevaluable } : {}),
    v: 1,
  };
  return { ...compared, input };
}

/** @returns how many of them were read straight into values */
function expectAgreement(all: readonly RecordTexts[], read = createRecordReader(schema)): number {
  let straight = 0;
  for (const texts of all) {
    const found = read(texts);
    expect(said(found)).toEqual(parsedWhole(texts));
    if (found.read !== undefined) straight++;
  }
  return straight;
}

describe('reading records of decisions', () => {
  it('reads the question into values, and the decision as it is', () => {
    const texts = textsOf();
    const { decision, read, inputMissing } = createRecordReader(schema)(texts);
    expect(read?.context.names).toEqual(['acr']);
    expect(read?.outline).toMatchObject({ action: 'order:create', principal: order.principal, unevaluable: false });
    expect(decision).toMatchObject({ decision: true, determining: ['traders-place-orders'], policyHash: digest });
    expect(inputMissing).toBe(false);
    expect(expectAgreement([texts])).toBe(1);
  });

  it('shares equal lists between records, for every caller', () => {
    const read = createRecordReader(schema);
    const first = read(textsOf()).read?.outline.entities;
    expect(first).toEqual([{ uid: { type: 'Person', id: 'person:anna' }, digest }]);
    expect(read(textsOf({ input: { ...order, context: {} } })).read?.outline.entities).toBe(first);
    const ben = { ...order, principal: { id: 'person:ben', type: 'Person' } };
    expect(read(textsOf({ input: ben })).read?.outline.entities).toBe(first);
  });

  it('evicts lists when its cache is full, and reads them again', () => {
    const read = createRecordReader(schema);
    const listed = () => read(textsOf()).read?.outline.entities;
    const first = listed();
    const long = (place: number) => ({ ...order, entities: [['Person', `${place}${'x'.repeat(2_000_000)}`, digest]] });
    for (let place = 0; place < 5; place++) read(textsOf({ input: long(place) }));
    expect(listed()).toBe(first);
    for (let place = 0; place < 20; place++) read(textsOf({ input: long(place) }));
    expect(listed()).not.toBe(first);
    expect(listed()).toEqual(first);
  });

  it('does not serve a cached value for a changed one', () => {
    const transaction = order.local[0];
    const inputs = [
      order,
      { ...order, entities: [['Person', 'person:anna', otherDigest]] },
      { ...order, entities: [] },
      order,
      { ...order, context: {} },
      { ...order, context: { acr: 'pwd' } },
      { ...order, local: [{ ...transaction, uid: { id: 'txn-2', type: 'Transaction' } }] },
      { ...order, local: [] },
      { ...order, local: [transaction, { attrs: {}, parents: [order.resource], uid: { id: 'd', type: 'Desk' } }] },
      { ...order, limits, unevaluable: true },
      { ...order, unevaluable: true },
      { ...order, action: 'order:cancel', principal: { id: 'person:ben', type: 'Service' } },
    ];
    const decisions = [
      {},
      { reasons, open: { decision: false, determining: [] } },
      { reasons: [...reasons, ...reasons], open: { decision: false, determining: [] } },
      { errors },
      { open: { determining: ['another'], entity_version: 2, policy_hash: otherDigest } },
      { open: { decision_id: 'dec_2', input_digest: digest } },
      { open: { token_lifetime_seconds: 60 } },
      { open: { obligations: [{ kind: 'step-up', acr: 'phrh' }] } },
    ];
    const all = inputs.flatMap((input) => decisions.map((decision) => textsOf({ input, ...decision })));
    expect(expectAgreement([...all, ...all])).toBe(2 * all.length);
  });

  it.each([
    ['an attribute that is not declared', { context: { acr: 'phr', more: 1 } }],
    ['an action that is not declared', { action: 'order:split' }],
    ['an entity that is not declared', { local: [{ attrs: {}, parents: [], uid: { id: 'r', type: 'Robot' } }] }],
    ['text with an escape in it', { context: { acr: '"' } }],
    ['a second context', { principal: { id: '","context":{},"entities":[["', type: 'Person' } }],
    ['limits of another form', { limits: { outcome: 'reserved' } }],
    ['another version', { v: 2 }],
    ['a member more', { z: 1 }],
    ['no context', { context: undefined }],
    ['a list of other things', { entities: [[1]] }],
    ['a list within the context', { context: { entities: [['a']], b: 1 } }],
    ['an id that looks like the end of a list', { entities: [['T', 'x]],', digest]] }],
    ['an action that looks like a list', { action: '"entities":[["T","i","d"]],"' }],
  ])('parses an input with %s', (_, change) => {
    const { context, ...others } = { ...order, ...change };
    const input = context === undefined ? others : { context, ...others };
    expect(expectAgreement([textsOf(), textsOf({ input }), textsOf({ input })])).toBe(1);
  });

  it.each([
    [
      'data within another member',
      { more: { authentication: { a: 1, data: { decision: { ...open, decision: false } } } } },
    ],
    ['a decision within another member of the data', { data: { before: { ...open, decision: false } } }],
    ['an id that is another’s', { data: { before: { decision_id: 'x' } } }],
    ['a digest that is another’s', { open: { decision_id: 'x', before: { input_digest: 'y' } } }],
    ['an invalid digest', { open: { input_digest: 'y' } }],
    ['an id with an escape in it', { open: { decision_id: 'dec_"' } }],
    ['a policy with an escape in its name', { open: { determining: ['","input_digest":"'] } }],
    ['no id', { open: { decision_id: undefined } }],
    ['an obligation of no known kind', { open: { obligations: [{ kind: 'prayer' }] } }],
    ['reasons that are none', { reasons: ['because'] }],
  ])('is not misled by a record with %s', (_, parts) => {
    expectAgreement([textsOf(), textsOf(parts), textsOf(parts), textsOf()]);
  });

  it('is not misled by a duplicate member, in the input or in the record', () => {
    const texts = textsOf();
    const input = texts.input.replace('"v":1}', '"v":1,"context":{"acr":"pwd"}}');
    const denied = JSON.stringify({ decision: { ...open, decision: false, errors: [], reasons: [] } });
    const record = texts.record.replace(/\}$/, `,"data":${denied}}`);
    const escaped = texts.record.replace(/\}$/, `,"d\\u0061ta":${denied}}`);
    expect(expectAgreement([texts, { ...texts, input }, { ...texts, record }, { ...texts, record: escaped }])).toBe(1);
    expect(parsedWhole({ ...texts, record: escaped })).toMatchObject({ decision: false });
  });

  it('prefers a value stored beside a record, then one in the open', () => {
    const read = createRecordReader(schema);
    const texts = textsOf({ open: { input: 'open', reasons: [] } });
    expect(read({ ...texts, input: '{"beside":1}' }).decision?.input).toEqual({ beside: 1 });
    expect(read({ ...texts, input: '' })).toMatchObject({ decision: { input: 'open' }, inputMissing: false });
  });

  it('finds no decision, and nothing missing, in a record that never held its input', () => {
    const record = JSON.stringify({ v: 1, data: { decision: { ...open, errors: [], reasons: [] } } });
    const nothing = { decision: undefined, inputMissing: false };
    expect(createRecordReader(schema)({ record, errors: '', input: '', reasons: '' })).toEqual(nothing);
  });

  it('is not misled by trailing text after an input or by an id that is not text', () => {
    const texts = textsOf();
    const listed = (id: string) => ({ ...texts, input: texts.input.replace('"person:anna",', `"${id}",`) });
    const all = [texts, { ...texts, input: `${texts.input}{}` }, listed('\ud800'), listed('\ufffd')];
    expect(expectAgreement(all)).toBe(2);
  });

  it('is not misled by text before the id of a decision, or by an unterminated id', () => {
    const { record, ...beside } = textsOf();
    const id = `"decision_id":"${open.decision_id}"`;
    const turned = (decision: boolean) => record.replace(`${id},"decision":true`, `"decision":${decision},${id}`);
    expect(turned(false)).not.toBe(record);
    const unending = record.replace(open.decision_id, 'dec_\\');
    const all = [record, turned(true), turned(false), unending].map((record) => ({ record, ...beside }));
    expect(expectAgreement(all)).toBe(3);
  });

  it('caches what few records said in the open, and reads it again', () => {
    const read = createRecordReader(schema);
    const said = (version: number) => read(textsOf({ open: { policy_version: version } })).decision;
    const first = said(0);
    expect(said(0)).toBe(first);
    for (let version = 1; version < 40; version++) said(version);
    expect(said(0)).not.toBe(first);
    expect(said(0)).toEqual(first);
  });

  it('does not take a nested member for the data of a record', () => {
    const texts = textsOf();
    const record = `{"v":2,"x":{${texts.record.slice(1)}}`;
    expect(createRecordReader(schema)({ ...texts, record })).toEqual({ decision: undefined, inputMissing: false });
  });

  it('reads records with nothing stored beside them', () => {
    const all = [{}, { reasons, errors }, { input: { ...order, context: {} } }, { input: null }, { decision: 1 }];
    expect(expectAgreement(all.map(asSingleText))).toBe(0);
    expect(parsedWhole(asSingleText({ reasons }))).toMatchObject({ reasons });
  });

  it('reports which values beside a record are missing, and which are in the open', () => {
    const read = createRecordReader(schema);
    const erased = { ...textsOf({ reasons, open: { decision: false } }), input: '', reasons: '' };
    expect(read(erased)).toMatchObject({
      decision: { decision: false, determining: ['traders-place-orders'], input: null, reasons: [] },
      inputMissing: true,
    });
    expect(read({ ...textsOf({ reasons }), reasons: '' })).toMatchObject({ inputMissing: true });
    expect(read({ ...textsOf({ errors }), errors: '' })).toMatchObject({ inputMissing: true });
    expect(read(textsOf({ reasons, errors }))).toMatchObject({ inputMissing: false, read: { local: [{}] } });
    // Values cached from another record must not fill the gap.
    for (const gone of ['errors', 'reasons'])
      expect(read({ ...textsOf({ reasons, errors }), [gone]: '' })).toMatchObject({
        decision: { [gone]: [] },
        inputMissing: true,
      });
  });

  it('agrees with full parsing, whatever the records before', () => {
    const mostly = <Usual, Odd>(usual: Usual, ...odd: readonly Odd[]) =>
      fc.oneof({ weight: 40, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...odd) });
    const text = fc.oneof(
      { weight: 40, arbitrary: fc.constantFrom('phr', 'pwd', 'é𝒟', ']', '}', '') },
      { weight: 1, arbitrary: fc.oneof(fc.constantFrom('"', '\\', '\n', ']]'), fc.string()) },
    );
    const notional = fc.oneof(
      fc.constantFrom('1.0', '1.00', '12345678.9', '-0.5'),
      mostly('2.0', '1', '99999999999999999.1'),
    );
    const transaction = fc.record({
      attrs: fc.record({
        approvals: fc.record({ supervisor: fc.constantFrom(0, 1, -1, 12) }),
        notional: notional.map((arg) => ({ __extn: { arg, fn: 'decimal' } })),
      }),
      parents: fc.oneof(fc.constant([]), mostly([{ id: 'd', type: 'Desk' }], [{ id: 'd', type: 'Robot' }])),
      uid: fc.record({ id: text, type: mostly('Transaction', 'Region', 'Robot') }),
    });
    const input = fc.record({
      action: fc.oneof(fc.constant('order:cancel'), mostly('order:create', 'order:split')),
      context: fc.oneof(fc.record({ acr: text }, { requiredKeys: [] }), mostly({}, { more: 1 }, { acr: 1 })),
      entities: fc.array(
        fc.tuple(fc.constant('Person'), text, fc.oneof(fc.constant(otherDigest), mostly(digest, 'x'))),
        {
          maxLength: 2,
        },
      ),
      local: fc.array(transaction, { maxLength: 2 }),
      principal: fc.record({ id: text, type: fc.constant('Person') }),
      resource: fc.record({ id: text, type: fc.constant('Transaction') }),
      v: mostly(1, 2),
    });
    const parts = fc.record(
      {
        input,
        errors: mostly(errors, [1]),
        reasons: fc.constantFrom(reasons, []),
        data: fc.dictionary(text, fc.jsonValue({ maxDepth: 1 })),
        more: fc.dictionary(fc.constantFrom('data', 'protected', 'a'), fc.jsonValue({ maxDepth: 2 })),
      },
      { requiredKeys: ['input'] },
    );
    let straight = 0;
    const read = createRecordReader(schema);
    fc.assert(
      fc.property(fc.array(parts, { minLength: 1, maxLength: 4 }), (all) => {
        straight += expectAgreement(all.map(textsOf), read);
      }),
      { numRuns: 500 },
    );
    expect(straight).toBeGreaterThan(100);
  });

  it('agrees with full parsing, whatever a text was changed into', () => {
    const bits = fc.constantFrom('', '{', '}', '[', ']', ',', ':', '"', '1', '-', ' ', 'é', '"v":1', '{}', '[]');
    const which = fc.constantFrom('input', 'input', 'errors', 'reasons');
    const read = createRecordReader(schema);
    const texts = textsOf({ errors, reasons, input: { ...order, limits } });
    fc.assert(
      fc.property(which, fc.nat(), fc.nat(8), bits, (name, place, taken, put) => {
        const start = place % texts[name].length;
        const turned = texts[name].slice(0, start) + put + texts[name].slice(start + taken);
        expectAgreement([{ ...texts, [name]: turned }], read);
      }),
      { numRuns: 3_000 },
    );
  });

  it('finds no decision in a truncated record', () => {
    const texts = textsOf();
    const read = createRecordReader(schema);
    expect(read(texts).decision).toBeDefined();
    for (let end = 0; end < texts.record.length; end++)
      expect(read({ ...texts, record: texts.record.slice(0, end) })).toEqual({
        decision: undefined,
        inputMissing: false,
      });
  });

  it.each(['', '{', 'null', '[]', '{"data":1}', '{"data":{"decision":{}}}'])('finds nothing in %j', (record) => {
    const nothing = { decision: undefined, inputMissing: false };
    expect(createRecordReader(schema)({ ...textsOf(), record })).toEqual(nothing);
    expect(createRecordReader(schema)({ record, errors: '', input: '', reasons: '' })).toEqual(nothing);
  });
});
