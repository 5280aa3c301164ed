import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseJson } from '@countersign/kernel';
import { Compile, type Validator } from 'typebox/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInteropWorld, type InteropWorld } from './testing/interop-world.ts';

// The decisions of the AuthZEN Todo interop scenario, and the schemas of the specification.
const vectors = resolve(process.env['COUNTERSIGN_VECTORS'] ?? '../shared/vectors', 'authzen');

interface Decisions {
  readonly evaluation: readonly { readonly request: unknown; readonly expected: boolean }[];
  readonly evaluations: readonly { readonly request: unknown; readonly expected: readonly object[] }[];
}

async function vector<Content>(name: string): Promise<Content> {
  return JSON.parse(await readFile(resolve(vectors, name), 'utf8')) as Content;
}

const decisions = await vector<Decisions>('todo-decisions.json');
const requestSchema: Validator = Compile(await vector<object>('evaluation-request.schema.json'));
const responseSchema: Validator = Compile(await vector<object>('evaluation-response.schema.json'));

let world: InteropWorld;
beforeAll(async () => {
  world = await createInteropWorld();
});
afterAll(() => world.close());

describe('the Todo interop scenario over HTTP', () => {
  it('has as many decisions as the scenario defines', () => {
    expect([decisions.evaluation.length, decisions.evaluations.length]).toEqual([40, 3]);
  });

  it.each(decisions.evaluation.map((each, index) => [index, each] as const))(
    'decides evaluation %i as expected, and records it',
    async (_, { request, expected }) => {
      expect(requestSchema.Check(request)).toBe(true);
      const { status, type, evidence, body } = await world.send('evaluation', request);
      expect([status, type]).toEqual([200, expect.stringMatching(/^application\/json/)]);
      expect(responseSchema.Check(body)).toBe(true);
      expect(body).toMatchObject({ decision: expected });
      expect(evidence).toBe(world.records.at(-1)?.id);
    },
  );

  it.each(decisions.evaluations.map((each, index) => [index, each] as const))(
    'decides batch %i as expected',
    async (_, { request, expected }) => {
      const { status, body } = await world.send('evaluations', request);
      expect([status, body]).toEqual([200, { evaluations: expected.map((each) => expect.objectContaining(each)) }]);
      for (const each of (body as { evaluations: unknown[] }).evaluations)
        expect(responseSchema.Check(each)).toBe(true);
    },
  );
});

describe('the schemas of the specification', () => {
  it('accept the answers to refused and malformed requests', async () => {
    const refused = (await world.post('evaluations', { evaluations: [{}] })).json();
    expect(responseSchema.Check(refused.evaluations[0])).toBe(true);
    expect(responseSchema.Check((await world.post('evaluation', {})).json())).toBe(false);
  });

  it('accept the same requests as the parser', async () => {
    const complete = {
      subject: { type: 'user', id: 'alice' },
      action: { name: 'read' },
      resource: { type: 'record', id: 'record-1' },
    };
    const bodies = [
      complete,
      { ...complete, context: {} },
      { ...complete, context: [] },
      { ...complete, context: 'x' },
      { ...complete, subject: { type: 'user' } },
      { ...complete, subject: { ...complete.subject, properties: 'x' } },
      { ...complete, action: { name: 1 } },
      { ...complete, action: { name: 'read', properties: {} } },
      { ...complete, resource: null },
      { subject: complete.subject },
      [],
      'text',
      null,
    ];
    for (const body of bodies) {
      const { statusCode } = await world.post('evaluation', JSON.stringify(body));
      expect([body, statusCode === 200]).toEqual([body, requestSchema.Check(body)]);
    }
  });

  it('match the stored copies', async () => {
    for (const name of ['evaluation-request.schema.json', 'evaluation-response.schema.json'])
      expect(parseJson(await readFile(resolve(vectors, name), 'utf8')).ok).toBe(true);
  });
});
