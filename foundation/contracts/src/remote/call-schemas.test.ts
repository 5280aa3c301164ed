import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import type { CallSchema } from './call-schemas.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const script = join(root, 'scripts/write-call-schemas.mjs');
const run = promisify(execFile);

const folder = mkdtempSync(join(tmpdir(), 'call-schemas-'));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
writeFileSync(
  join(folder, 'tsconfig.json'),
  JSON.stringify({
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: {
      composite: false,
      incremental: false,
      noEmit: true,
      rewriteRelativeImportExtensions: false,
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: ['*.ts'],
  }),
);

interface Described {
  readonly definitions: Readonly<Record<string, unknown>>;
  readonly calls: Readonly<Record<string, Readonly<Record<string, CallSchema>>>>;
}

/** Of a table with one contract, of which each method is called. */
async function schemasOf(methods: readonly string[], types: string): Promise<Described> {
  const table = join(folder, 'calls.ts');
  const kernel = join(root, 'foundation/kernel/src/index.ts');
  const signatures = methods.map((signature, index) => `m${index}${signature};\n`);
  writeFileSync(
    table,
    `import type { Brand, Json, RecordId } from '${kernel}';
    export type Used = Brand<Json, 'Json'> | RecordId;
    ${types}
    export interface RemoteContracts { readonly room: { ${signatures.join('')} } }
    export const remoteCalls = { room: { ${methods.map((_signature, index) => `m${index}: {}`)} } };`,
  );
  const { stdout } = await run(process.execPath, [script, '--table', table]);
  return JSON.parse(stdout) as Described;
}

it('matches the types of the calls: `node scripts/write-call-schemas.mjs` regenerates it', async () => {
  await run(process.execPath, [script, '--check']);
});

const colours = ['amber', 'blue', 'crimson', 'green', 'ochre', 'purple', 'red'];
const schemas: readonly (readonly [type: string, schema: unknown])[] = [
  ['string', { type: 'string' }],
  ['RecordId', { type: 'string' }],
  ['Brand<RecordId, "narrower">', { type: 'string' }],
  ['Brand<"a" | "b", "letter">', { enum: ['a', 'b'] }],
  ['Brand<{ a: string }, "A">', closed({ a: { type: 'string' } })],
  ['"b" | "a" | 1', { enum: [1, 'a', 'b'] }],
  ['Brand<string, "one"> | Brand<string, "other">', { type: 'string' }],
  ['true', { const: true }],
  ['string | null | number | boolean', { type: ['boolean', 'null', 'number', 'string'] }],
  [`\`txn.\${string}\``, { type: 'string', pattern: '^txn\\.[^]*$' }],
  [`\`v\${number}\``, { type: 'string', pattern: '^v-?[0-9]+(?:\\.[0-9]+)?(?:e[+-]?[0-9]+)?$' }],
  ['readonly string[]', { type: 'array', items: { type: 'string' } }],
  [
    'readonly [string, number?]',
    {
      type: 'array',
      prefixItems: [{ type: 'string' }, { anyOf: [{ type: 'number' }, { wire: 'undefined' }] }],
      minItems: 1,
      items: false,
    },
  ],
  [
    '[number, ...string[]]',
    { type: 'array', prefixItems: [{ type: 'number' }], minItems: 1, items: { type: 'string' } },
  ],
  ['Record<string, number>', { type: 'object', additionalProperties: { type: 'number' } }],
  ['Record<"b" | "a", number>', closed({ a: { type: 'number' }, b: { type: 'number' } })],
  ['Record<string, never>', { type: 'object', additionalProperties: false }],
  ['unknown', {}],
  ['void', { wire: 'undefined' }],
  ['string | undefined', { anyOf: [{ type: 'string' }, { wire: 'undefined' }] }],
  ['bigint', { wire: 'bigint' }],
  ['Uint8Array', { wire: 'bytes' }],
  ['Buffer', { wire: 'bytes' }],
  ['ReadonlyMap<RecordId, bigint>', { wire: 'map', keys: { type: 'string' }, values: { wire: 'bigint' } }],
  ['ReadonlySet<string>', { wire: 'set', items: { type: 'string' } }],
  ['{ a: string } & { readonly b?: number }', closed({ a: { type: 'string' }, b: { type: 'number' } }, ['a'])],
  ['Omit<Whole, "b">', closed({ a: { type: 'string' } })],
  ['Partial<Pick<Whole, "a">>', closed({ a: { type: 'string' } }, [])],
  ['Page<string>', closed({ items: { type: 'array', items: { type: 'string' } } })],
  ['{ a: string | undefined; b: unknown; c?: never }', closed({ a: { type: 'string' }, b: {} }, [])],
  ['{ a?: string | null }', closed({ a: { type: ['null', 'string'] } }, [])],
  [
    '{ ok: true; a: string } | { ok: false }',
    { anyOf: [closed({ a: { type: 'string' }, ok: { const: true } }), closed({ ok: { const: false } })] },
  ],
  // Any JSON: not checked further.
  ['Json', {}],
  ['{ json?: Json }', closed({ json: {} }, [])],
  ['Tree', { $ref: '#/$defs/Tree' }],
  ['Colour', { $ref: '#/$defs/Colour' }],
  ['Colour[] | undefined', { anyOf: [{ type: 'array', items: { $ref: '#/$defs/Colour' } }, { wire: 'undefined' }] }],
  [
    '{ colour?: (typeof colours)[number] | null }',
    closed({ colour: { anyOf: [{ $ref: '#/$defs/Colour' }, { type: 'null' }] } }, []),
  ],
];

it('writes each type as its schema', async () => {
  const types = `interface Whole { a: string; b: () => void }
    interface Page<T> { items: T[] }
    interface Tree { branches: Tree[] }
    export const colours = [${colours.map((colour) => `'${colour}'`)}] as const;
    export type Colour = (typeof colours)[number];`;
  const { calls, definitions } = await schemasOf(
    schemas.map(([type]) => `(): Promise<${type}>`),
    types,
  );
  for (const [index, [type, schema]] of schemas.entries())
    expect(calls['room']?.[`m${index}`]?.answer, type).toEqual(schema);
  expect(definitions).toEqual({
    Colour: { enum: colours },
    Tree: closed({ branches: { type: 'array', items: { $ref: '#/$defs/Tree' } } }),
  });
});

it('writes the arguments as a list, the last of which may be omitted', async () => {
  const { calls } = await schemasOf(['(who: string | undefined, what: number, how?: boolean): Promise<void>'], '');
  expect(calls['room']?.['m0']).toEqual({
    arguments: {
      type: 'array',
      prefixItems: [
        { anyOf: [{ type: 'string' }, { wire: 'undefined' }] },
        { type: 'number' },
        { anyOf: [{ type: 'boolean' }, { wire: 'undefined' }] },
      ],
      minItems: 2,
      items: false,
    },
    answer: { wire: 'undefined' },
  });
});

const refused = [
  ['(done: () => void): Promise<void>', '(done)', 'a function'],
  ['(options: { each?: (n: number) => void }): Promise<void>', '(options).each', 'a function'],
  ['(): Promise<{ list: { at: Date }[] }>', ' answers.list[].at', 'Date'],
  ['(): Promise<symbol>', ' answers', 'symbol'],
  ['(): Promise<Held>', ' answers', 'the class Held'],
  ['(): Promise<any>', ' answers', 'any'],
  ['(): Promise<{ constructor: string }>', ' answers.constructor', 'a member of that name'],
  ['(): Promise<{ [Symbol.iterator]: string }>', ' answers', 'a member named by a symbol'],
  ['(): Promise<(string | null | undefined)[]>', ' answers[]', 'both null and undefined'],
  ['(): Promise<object>', ' answers', 'object'],
  ['(): Promise<{}>', ' answers', '{}'],
  ['(...all: string[]): Promise<void>', '', 'a rest parameter'],
  ['<T>(value: T): Promise<void>', '', 'a generic method'],
  ['(): string', '', 'an answer that is no promise'],
] as const;

it('refuses types that cannot be passed, and names each place', async () => {
  const held = 'declare class Held { private secret: string; at: number }';
  const failure: unknown = await schemasOf(
    refused.map(([signature]) => signature),
    held,
  ).then(
    () => undefined,
    (error: unknown) => error,
  );
  const problems = refused.map(
    ([, place, what], index) => `room.m${index}${place}: ${what} cannot be passed to another process`,
  );
  expect(failure).toMatchObject({ stderr: expect.stringContaining(`${problems.toSorted().join('\n')}\n`) });
});

function closed(properties: Readonly<Record<string, unknown>>, required = Object.keys(properties)): object {
  return {
    type: 'object',
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}
