import { callDefinitions, callSchemas, type ValueSchema } from '@countersign/contracts/call-schemas';
import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decoderOf, encoderOf, exactEncoderOf, validatorOf } from './index.ts';
import type { Definitions } from './schemas.ts';

const definitions: Definitions = {
  ...callDefinitions,
  Tree: {
    type: 'object',
    properties: { size: { wire: 'bigint' }, branches: { type: 'array', items: { $ref: '#/$defs/Tree' } } },
    required: ['size'],
    additionalProperties: false,
  },
};

/** Encodes, sends as text, validates and decodes. */
function roundTrip(schema: ValueSchema): (value: unknown) => unknown {
  const encode = encoderOf(schema, definitions);
  const judge = validatorOf(schema, definitions);
  const decode = decoderOf(schema, definitions);
  return (value) => {
    const plain: unknown = JSON.parse(JSON.stringify(encode(value)));
    judge(plain);
    return decode(plain);
  };
}

function passed(schema: ValueSchema, value: unknown): unknown {
  return roundTrip(schema)(value);
}

/** Throws on any access to its members. */
const untouchable = new Proxy(
  {},
  Object.fromEntries(
    Object.getOwnPropertyNames(Reflect).map((trap) => [
      trap,
      () => {
        throw new Error(`looked at: ${trap}`);
      },
    ]),
  ),
);

describe('a round trip', () => {
  const wires: readonly (readonly [schema: ValueSchema, values: fc.Arbitrary<unknown>])[] = [
    [{ wire: 'bigint' }, fc.bigInt()],
    [{ wire: 'bytes' }, fc.uint8Array().map((bytes) => Buffer.from(bytes))],
    [{ wire: 'set', items: { type: 'string' } }, fc.uniqueArray(fc.string()).map((items) => new Set(items))],
    [
      { wire: 'map', keys: { type: 'string' }, values: { wire: 'bigint' } },
      fc.array(fc.tuple(fc.string(), fc.bigInt())).map((pairs) => new Map(pairs)),
    ],
    [
      { wire: 'map', keys: { wire: 'bigint' }, values: { wire: 'set', items: { wire: 'bigint' } } },
      fc
        .array(
          fc.tuple(
            fc.bigInt(),
            fc.array(fc.bigInt()).map((items) => new Set(items)),
          ),
        )
        .map((pairs) => new Map(pairs)),
    ],
  ];

  it.each(wires)('keeps values that JSON lacks: %j', (wire, values) => {
    const pass = roundTrip(wire);
    fc.assert(
      fc.property(values, (value) => {
        expect(pass(value)).toStrictEqual(value);
      }),
    );
  });

  it.each(wires)('keeps them in members, lists and unions: %j', (wire, values) => {
    const schema: ValueSchema = {
      type: 'object',
      properties: {
        optional: wire,
        list: {
          type: 'array',
          prefixItems: [wire, { type: 'number' }],
          items: { type: ['array', 'null'], items: wire },
        },
        perhaps: { type: 'array', items: { anyOf: [wire, { wire: 'undefined' }, { type: 'boolean' }] } },
      },
      required: ['list', 'perhaps'],
      additionalProperties: { type: 'array', items: wire },
    };
    const whole = fc
      .record(
        {
          optional: values,
          list: fc.tuple(values, fc.integer(), fc.array(values), fc.constant(null)),
          perhaps: fc.array(fc.oneof(values, fc.boolean(), fc.constant(undefined))),
          other: fc.array(values),
        },
        { requiredKeys: ['list', 'perhaps'] },
      )
      .map((record) => ({ ...record }));
    const pass = roundTrip(schema);
    fc.assert(
      fc.property(whole, (value) => {
        expect(pass(value)).toStrictEqual(value);
      }),
    );
  });

  it('distinguishes objects of a union by their constant', () => {
    const schema: ValueSchema = {
      anyOf: [
        {
          type: 'object',
          properties: { ok: { const: true }, size: { wire: 'bigint' } },
          required: ['ok', 'size'],
          additionalProperties: false,
        },
        {
          type: 'object',
          properties: { ok: { const: false }, size: { type: 'string' } },
          required: ['ok', 'size'],
          additionalProperties: false,
        },
      ],
    };
    expect(passed(schema, { ok: true, size: 1n })).toStrictEqual({ ok: true, size: 1n });
    expect(passed(schema, { ok: false, size: '1' })).toStrictEqual({ ok: false, size: '1' });
  });

  it('distinguishes bytes from text', () => {
    const schema: ValueSchema = { anyOf: [{ type: 'string' }, { wire: 'bytes' }] };
    for (const value of ['AAAA', Buffer.from([0, 0, 0])]) expect(passed(schema, value)).toStrictEqual(value);
  });

  it('follows a recursive type to any depth', () => {
    const tree = { size: 3n, branches: [{ size: 1n }, { size: 2n, branches: [] }] };
    expect(passed({ $ref: '#/$defs/Tree' }, tree)).toStrictEqual(tree);
  });

  it('treats an omitted or undefined last argument as undefined', () => {
    const { arguments: schema } = callSchemas['federation-gateway'].acceptAssertion;
    expect(passed(schema, ['a', 'b'])).toStrictEqual(['a', 'b']);
    expect(passed(schema, ['a', 'b', undefined])).toStrictEqual(['a', 'b', undefined]);
    expect(passed(callSchemas.authentication.current.arguments, [undefined, { tier: 'approval' }])).toStrictEqual([
      undefined,
      { tier: 'approval' },
    ]);
  });

  it('treats an undefined member as missing', () => {
    const { arguments: schema } = callSchemas['audit-log'].search;
    expect(passed(schema, [{ after: undefined, limit: undefined }])).toStrictEqual([{}]);
  });

  it('has no answer for a call without one', () => {
    expect(passed(callSchemas['audit-log'].find.answer, undefined)).toBeUndefined();
    expect(passed(callSchemas.notices.notify.answer, undefined)).toBeUndefined();
  });
});

describe('a plain JSON value', () => {
  it.each<[string, ValueSchema]>([
    ['the record that is appended', callSchemas['audit-log'].append.arguments],
    ['what a decision is asked for', callSchemas['policy-engine'].decide.arguments],
    ['a decision', callSchemas['policy-engine'].decide.answer],
    ['an order', callSchemas['transaction-registry'].open.arguments],
  ])('is not inspected: %s', (_name, schema) => {
    expect(encoderOf(schema)(untouchable) === untouchable).toBe(true);
    expect(decoderOf(schema)(untouchable) === untouchable).toBe(true);
  });

  it('is not inspected beside rewritten values', () => {
    const plain: ValueSchema = { type: 'object', additionalProperties: {} };
    const schema: ValueSchema = { type: 'array', prefixItems: [plain, { wire: 'bigint' }], items: false };
    const encoded = encoderOf(schema)([untouchable, 1n]);
    const [first, second]: unknown[] = Array.isArray(encoded) ? encoded : [];
    expect(first === untouchable).toBe(true);
    expect(second).toBe('1');
  });
});

describe('exactly the members of the type', () => {
  const { answer } = callSchemas['audit-log'].find;

  it('are written for an object with more members', () => {
    const record = {
      v: 2,
      id: 'a',
      type: 'x',
      source: 's',
      outcome: 'done',
      time: 't',
      subject: { id: 'p', secret: 1 },
    };
    const entry = { index: 5n, record: { ...record, data: { whatever: { it: 'is' } } }, secret: 'sneaked' };
    expect(exactEncoderOf(answer)(entry)).toEqual({
      index: '5',
      record: { ...record, subject: { id: 'p' }, data: { whatever: { it: 'is' } } },
    });
    expect(exactEncoderOf(answer)(undefined)).toBeNull();
  });

  it('are written for an object of a class, including getters', () => {
    class Lazy {
      readonly #text = 'as asked';
      readonly index = 7n;
      get text(): string {
        return this.#text;
      }
    }
    expect(exactEncoderOf(callSchemas['audit-log'].scan.answer)([new Lazy()])).toEqual([
      { index: '7', text: 'as asked' },
    ]);
  });

  it('are written for a union without a constant, as the matching alternative', () => {
    const { arguments: schema } = callSchemas.grants.revokeAll;
    const by = { id: 'operator', institution: 'lei', through: ['somebody'] };
    const encode = exactEncoderOf(schema);
    expect(encode([{ client: 'c', more: 1 }, by, 'why'])).toEqual([
      { client: 'c' },
      { id: 'operator', institution: 'lei' },
      'why',
    ]);
    expect(encode([{ subject: 's' }, { id: 'operator' }, 'why'])).toEqual([
      { subject: 's' },
      { id: 'operator' },
      'why',
    ]);
  });

  it('are not inspected where the type allows anything', () => {
    const [first]: unknown[] = [exactEncoderOf(callSchemas.directory.plan.arguments)([untouchable])].flat();
    expect(first === untouchable).toBe(true);
  });
});

describe('names with a meaning to JavaScript objects', () => {
  const schema: ValueSchema = {
    type: 'object',
    properties: { size: { wire: 'bigint' } },
    additionalProperties: { wire: 'bigint' },
  };

  it.each(['__proto__', 'constructor', 'prototype', 'toString'])('are members like any other: %s', (name) => {
    const decoded = passed(
      schema,
      JSON.parse(`{"${name}":null}`, (key, value: unknown) => (key === '' ? value : 1n)),
    );
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
    expect(Object.entries(decoded ?? {})).toEqual([[name, 1n]]);
    expect(Object.prototype).not.toHaveProperty('size');
  });

  it('do not change a closed object', () => {
    const hostile: unknown = JSON.parse('{"__proto__":{"size":"1"}}');
    const closed: ValueSchema = { ...schema, required: ['size'], additionalProperties: false };
    expect(() => validatorOf(closed)(hostile)).toThrow('call_malformed');
  });
});

describe('a value that no encoder writes', () => {
  it.each<[ValueSchema, unknown]>([
    [{ wire: 'bigint' }, '1.0'],
    [{ wire: 'bigint' }, '0x10'],
    [{ wire: 'bigint' }, '-0'],
    [{ wire: 'bigint' }, '01'],
    [{ wire: 'bigint' }, ''],
    [{ wire: 'bigint' }, '9'.repeat(101)],
    [{ wire: 'bigint' }, 1],
    [{ wire: 'bytes' }, { base64url: 'ab=' }],
    [{ wire: 'bytes' }, { base64url: 'ab+/' }],
    [{ wire: 'bytes' }, { base64url: 'AB' }],
    [{ wire: 'bytes' }, { base64url: 5 }],
    [{ wire: 'bytes' }, 'AAAA'],
    [{ wire: 'bytes' }, {}],
    [{ wire: 'bytes' }, []],
    [{ wire: 'set', items: { type: 'string' } }, ['a', 'a']],
    [{ wire: 'set', items: { type: 'string' } }, 'a'],
    [
      { wire: 'map', keys: { type: 'string' }, values: {} },
      [
        ['a', 1],
        ['a', 2],
      ],
    ],
    [{ wire: 'map', keys: { type: 'string' }, values: {} }, [['a']]],
    [{ wire: 'map', keys: { type: 'string' }, values: {} }, ['ab']],
    [{ wire: 'map', keys: { type: 'string' }, values: {} }, { a: 1 }],
    [{ wire: 'undefined' }, 'something'],
  ])('is refused: %j of %j', (schema, plain) => {
    expect(codeOf(() => decoderOf(schema)(plain))).toBe('call_malformed');
  });

  it('causes no other exception, whatever arrives', () => {
    const decoders = Object.values(callSchemas)
      .flatMap((methods) => Object.values(methods))
      .flatMap((call) => [call.arguments, call.answer])
      .map((schema) => decoderOf(schema));
    fc.assert(
      fc.property(fc.constantFrom(...decoders), fc.jsonValue(), (decode, plain) => {
        expect([undefined, 'call_malformed']).toContain(codeOf(() => decode(plain)));
      }),
    );
  });
});

it.each<[ValueSchema, unknown]>([
  [{ wire: 'bigint' }, 1],
  [{ wire: 'bytes' }, 'abc'],
  [{ wire: 'set' }, ['a']],
  [{ wire: 'map' }, {}],
  [{ wire: 'undefined' }, null],
])('is not encoded if it has another type: %j of %j', (schema, value) => {
  expect(() => encoderOf(schema)(value)).toThrow('where its type says');
});

it('makes compilation refuse an ambiguous union', () => {
  const ambiguous: ValueSchema = { anyOf: [{ type: 'string' }, { wire: 'bigint' }] };
  expect(() => encoderOf(ambiguous)).not.toThrow();
  expect(() => decoderOf(ambiguous)).toThrow('ambiguous alternatives');
});

/** Undefined if nothing is thrown. */
function codeOf(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return isCodedError(error) ? error.code : error;
  }
}
