import { callDefinitions, callSchemas, type ValueSchema } from '@countersign/contracts/call-schemas';
import { CodedError, isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decoderOf, encoderOf, exactEncoderOf, validatorOf } from './index.ts';

const calls = Object.entries(callSchemas).flatMap(([contract, methods]) =>
  Object.entries(methods).flatMap(([method, call]) => [
    { name: `${contract}.${method}`, schema: call.arguments },
    { name: `${contract}.${method} answers`, schema: call.answer },
  ]),
);

const judgeAppend = validatorOf(callSchemas['audit-log'].append.arguments);
const draft = {
  id: 'record-1',
  type: 'order.submitted',
  source: 'transaction-registry',
  outcome: 'done',
  actors: [{ id: 'person-1', institution: '529900T8BM49AURSDO55' }],
  data: { list: [1, null, { deep: 'text' }] },
};

it.each(calls)('compiles for $name', ({ schema }) => {
  expect(() => [encoderOf(schema), exactEncoderOf(schema), decoderOf(schema), validatorOf(schema)]).not.toThrow();
});

it('accepts a record', () => {
  expect(() => judgeAppend([{ ...draft, type: 'transaction.opened' }])).not.toThrow();
});

describe('a refusal', () => {
  it.each<[title: string, plain: unknown, path: string, rule: string]>([
    ['a member of another type', [{ ...draft, id: 5 }], '/0/id', 'type'],
    ['an invalid value of the list', [{ ...draft, outcome: 'maybe' }], '/0/outcome', 'enum'],
    ['a member too many', [{ ...draft, sneaked: 'secret' }], '/0', 'additionalProperties'],
    ['a member too few', [{ ...draft, id: undefined }], '/0', 'required'],
    ['an invalid actor', [{ ...draft, actors: [{ id: 'a' }, 'secret'] }], '/0/actors/1', 'type'],
    ['an argument too many', [draft, 'secret'], '', 'items'],
    ['an argument too few', [], '', 'minItems'],
    ['no list of arguments', { 0: draft }, '', 'type'],
    ['nothing', null, '', 'type'],
  ])('names path and rule: %s', (_title, plain, path, rule) => {
    const sent: unknown = JSON.parse(JSON.stringify(plain).replace('order.submitted', 'transaction.opened'));
    const error = refusalOf(judgeAppend, sent);
    expect(error).toMatchObject({ code: 'call_malformed', category: 'invalid', facts: { path, rule } });
    expect(error.detail).toContain(rule);
  });

  it('reveals nothing of the value, including names in it', () => {
    const schema: ValueSchema = {
      type: 'object',
      properties: { known: { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } } },
      additionalProperties: false,
    };
    const judge = validatorOf(schema);
    for (const name of ['secret', '5299', 'a/b~c', '__proto__']) {
      const error = refusalOf(judge, JSON.parse(`{"known":{"${name}":["fine",1234]}}`));
      expect(error.facts).toEqual({ path: '/known/*/1', rule: 'type' });
      expect(JSON.stringify([error.message, error.detail, error.facts])).not.toContain(name);
      expect(JSON.stringify([error.message, error.detail, error.facts])).not.toContain('1234');
    }
  });

  it('is short, however long the value', () => {
    const error = refusalOf(judgeAppend, [{ ...draft, id: 'x'.repeat(1_000_000), ['y'.repeat(1_000_000)]: 1 }]);
    expect(error.message.length).toBeLessThan(400);
  });
});

describe('hostile input', () => {
  it.each([100, 10_000, 1_000_000])('is refused when it nests %i deep', (depth) => {
    const deep: unknown = JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
    const anything = validatorOf(callSchemas.directory.plan.arguments);
    for (const plain of [deep, [deep], [{ ...draft, data: deep }], [{ ...draft, data: { a: { b: deep } } }]]) {
      expect(refusalOf(judgeAppend, plain).facts).toMatchObject({ rule: 'depth' });
      expect(refusalOf(anything, plain).facts).toMatchObject({ rule: 'depth' });
    }
  });

  it('causes only the coded error, whatever arrives', () => {
    const judges = calls.map(({ schema }) => validatorOf(schema));
    const anything = fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue()), fc.array(fc.object({ maxDepth: 3 })));
    fc.assert(
      fc.property(fc.constantFrom(...judges), anything, (judge, plain) => {
        try {
          judge(plain);
        } catch (error) {
          expect(isCodedError(error, 'call_malformed')).toBe(true);
        }
      }),
    );
  });
});

it('leaves no definition that no call refers to', () => {
  const named = JSON.stringify([callSchemas, callDefinitions]);
  for (const name of Object.keys(callDefinitions)) expect(named).toContain(`"#/$defs/${name}"`);
});

function refusalOf(judge: (plain: unknown) => void, plain: unknown): CodedError {
  try {
    judge(plain);
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
