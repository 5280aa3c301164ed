import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asEnforcementPoint } from './testing/enforcement-point.ts';
import { baseUrl, createInteropWorld, type InteropWorld } from './testing/interop-world.ts';

let world: InteropWorld;
beforeAll(async () => {
  world = await createInteropWorld();
});
afterAll(() => world.close());

const complete = {
  subject: { type: 'user', id: 'alice' },
  action: { name: 'read' },
  resource: { type: 'record', id: 'record-1' },
};
const refused = { ...complete, action: { name: 'write' }, resource: { type: 'record', id: 'record-2' } };
const paths = ['evaluation', 'evaluations', 'search/subject', 'search/resource', 'search/action'];

describe('discovery', () => {
  it('names every endpoint and the possible obligations', async () => {
    const answer = await world.app.inject({ method: 'GET', url: '/.well-known/authzen-configuration' });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': expect.stringMatching(/^application\/json/),
      'cache-control': 'public, max-age=3600',
    });
    expect(answer.json()).toStrictEqual({
      policy_decision_point: baseUrl,
      access_evaluation_endpoint: `${baseUrl}/access/v1/evaluation`,
      access_evaluations_endpoint: `${baseUrl}/access/v1/evaluations`,
      search_subject_endpoint: `${baseUrl}/access/v1/search/subject`,
      search_resource_endpoint: `${baseUrl}/access/v1/search/resource`,
      search_action_endpoint: `${baseUrl}/access/v1/search/action`,
      supported_obligations: ['step-up', 'custom'],
    });
  });
});

describe.each(paths)('POST /access/v1/%s', (path) => {
  it('requires a token with the right scope', async () => {
    const without = await world.post(path, complete, {});
    expect([without.statusCode, without.json().code]).toEqual([401, 'token_missing']);
    expect(without.headers['www-authenticate']).toMatch(/^DPoP /);
    const other = await world.post(path, complete, asEnforcementPoint(['policy:read']));
    expect([other.statusCode, other.json().code]).toEqual([403, 'insufficient_scope']);
  });

  it('echoes the request id, in errors as well', async () => {
    for (const id of ['bfe9eb29-ab87-4ca3-be83-a1d5d8305716', 'any text; {"a":1} / ~']) {
      for (const body of [complete, {}]) {
        const answer = await world.post(path, body, { ...asEnforcementPoint(), 'x-request-id': id });
        expect(answer.headers['x-request-id']).toBe(id);
      }
    }
    expect((await world.post(path, complete)).headers).not.toHaveProperty('x-request-id');
  });

  it.each([
    ['text/plain', JSON.stringify(complete)],
    ['application/x-www-form-urlencoded', 'subject=alice'],
    ['application/xml', '<subject/>'],
    ['', JSON.stringify(complete)],
  ])('refuses the content type %j', async (type, payload) => {
    const answer = await world.post(path, payload, { ...asEnforcementPoint(), 'content-type': type });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'media_type_unsupported']);
  });

  it.each([
    ['nothing', ''],
    ['half of it', '{"subject":'],
    ['a member twice', '{"subject":{"type":"user","id":"bob","id":"alice"},"action":{"name":"read"}}'],
    ['a member twice, once escaped', '{"subject":{"type":"user","id":"bob","\\u0069d":"alice"}}'],
    ['nesting without end', `{"context":${'['.repeat(5_000)}${']'.repeat(5_000)}}`],
    ['a list', '[]'],
    ['text', '"subject"'],
    ['null', 'null'],
    ['something after it', '{} {}'],
  ])('refuses a body that is %s', async (_, payload) => {
    const answer = await world.post(path, payload);
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'evaluation_invalid']);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  });

  it('refuses an oversized body before reading it', async () => {
    const answer = await world.post(path, { ...complete, context: { fill: 'x'.repeat(300_000) } });
    expect([answer.statusCode, answer.json().code]).toEqual([413, 'body_too_large']);
  });

  it('accepts only POST', async () => {
    const answer = await world.app.inject({ method: 'GET', url: `/access/v1/${path}`, headers: asEnforcementPoint() });
    expect(answer.statusCode).toBe(404);
  });

  it('answers nothing while records cannot be written', async () => {
    const answer = await world.withoutLog(() =>
      world.post(path, path === 'evaluations' ? { evaluations: [complete, complete] } : complete),
    );
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'log_unavailable']);
  });
});

describe('an answer', () => {
  it('names decision, record, policies and reasons', async () => {
    const asking = { ...refused, context: { record: true } };
    const body = (await world.post('evaluation', asking)).json();
    expect(body).toStrictEqual({
      decision: false,
      context: {
        id: expect.stringMatching(/^dec_/),
        evidence: world.records.at(-1)?.id,
        policy: { version: 1, hash: world.hash, determining: ['archived-records-are-not-written'] },
        entity_version: 1,
        reasons: [{ code: 'record_archived', detail: 'The record is archived.' }],
        reason_user: { 403: 'The record is archived.' },
      },
    });
    const permit = (await world.post('evaluation', complete)).json();
    expect(permit.context).not.toHaveProperty('reason_user');
    expect(permit.context.reasons).toEqual([]);
  });

  it('has the same body for the same question, with its record in headers', async () => {
    for (const asked of [complete, refused]) {
      const answers = [await world.post('evaluation', asked), await world.post('evaluation', asked)];
      expect(answers[1]?.json()).toStrictEqual(answers[0]?.json());
      expect(answers[1]?.headers).toMatchObject({
        'countersign-evidence': world.records.at(-1)?.id,
        'countersign-decision': expect.stringMatching(/^dec_/),
      });
      expect(answers[0]?.headers['countersign-evidence']).not.toBe(answers[1]?.headers['countersign-evidence']);
    }
    for (const record of [false, 'true', 1, null]) {
      const { context } = (await world.post('evaluation', { ...complete, context: { record } })).json();
      expect(context).not.toHaveProperty('evidence');
      expect(context).not.toHaveProperty('id');
    }
  });

  it('has the same body for the same batch, with the records in the order of the evaluations', async () => {
    const batch = { evaluations: [complete, { subject: complete.subject }, refused] };
    const before = world.records.length;
    const [first, second] = [await world.post('evaluations', batch), await world.post('evaluations', batch)];
    expect(second?.json()).toStrictEqual(first?.json());
    const written = world.records.slice(before, before + 2);
    const idOf = (outcome: string) => written.find((record) => record.outcome === outcome)?.id;
    expect(first?.headers['countersign-evidence']).toBe(`${idOf('permit')}, none, ${idOf('deny')}`);
  });

  it('explains itself only to callers who may read the policies', async () => {
    const administrator = asEnforcementPoint(['decision:evaluate', 'policy:read']);
    const body = (await world.post('evaluation', refused, administrator)).json();
    expect(body.context.reason_admin).toEqual({
      403: 'Policy version 1: denied by archived-records-are-not-written (record_archived).',
    });
    const batch = (await world.post('evaluations', { evaluations: [refused] }, administrator)).json();
    expect(batch.evaluations[0].context.reason_admin).toEqual(body.context.reason_admin);
    expect((await world.post('evaluation', complete, administrator)).json().context).not.toHaveProperty('reason_admin');
  });

  it('uses no version older than was asked for', async () => {
    const asked = (context: object) => world.post('evaluation', { ...complete, context });
    expect((await asked({ policy_version: 1 })).json().decision).toBe(true);
    const behind = await asked({ policy_version: 2 });
    expect([behind.statusCode, behind.json().code]).toEqual([503, 'policy_behind']);
    const nonsense = await asked({ policy_version: 'newest' });
    expect([nonsense.statusCode, nonsense.json().code]).toEqual([400, 'evaluation_invalid']);
  });

  it('to a batch has an error in place of an unreadable evaluation', async () => {
    const evaluations = [complete, { ...complete, context: { policy_version: 'newest' } }, complete];
    const body = (await world.post('evaluations', { evaluations })).json();
    expect(body.evaluations).toMatchObject([
      { decision: true },
      { decision: false, context: { error: { status: 400, code: 'evaluation_invalid' } } },
      { decision: true },
    ]);
  });
});

describe('batch semantics', () => {
  const batch = async (semantic: unknown, evaluations: readonly object[]) => {
    const before = world.records.length;
    const answer = await world.post('evaluations', { evaluations, options: { evaluations_semantic: semantic } });
    return { answer, recorded: world.records.length - before };
  };
  const decided = (answer: { json(): { evaluations: { decision: boolean }[] } }) =>
    answer.json().evaluations.map(({ decision }) => decision);

  it.each([
    ['execute_all', [complete, refused, complete], [true, false, true]],
    ['deny_on_first_deny', [complete, refused, complete], [true, false]],
    ['deny_on_first_deny', [complete, complete], [true, true]],
    ['permit_on_first_permit', [refused, refused, complete, complete], [false, false, true]],
    ['permit_on_first_permit', [refused, refused], [false, false]],
  ])('%s: decides and records no more than needed', async (semantic, evaluations, expected) => {
    const { answer, recorded } = await batch(semantic, evaluations);
    expect(decided(answer)).toEqual(expected);
    expect(recorded).toBe(expected.length);
  });

  it('treat an unreadable evaluation as a deny', async () => {
    const first = await batch('deny_on_first_deny', [complete, {}, complete]);
    expect([decided(first.answer), first.recorded]).toEqual([[true, false], 1]);
    const second = await batch('permit_on_first_permit', [{}, complete, complete]);
    expect([decided(second.answer), second.recorded]).toEqual([[false, true], 1]);
  });

  it('are three; any other is refused and nothing is decided', async () => {
    for (const semantic of ['first_wins', null, 7]) {
      const { answer, recorded } = await batch(semantic, [complete]);
      expect([answer.statusCode, answer.json().code, recorded]).toEqual([400, 'evaluation_invalid', 0]);
    }
  });

  it('hold for a hundred evaluations in order; more are refused', async () => {
    const many = Array.from({ length: 100 }, (_, index) => (index % 3 === 0 ? refused : complete));
    const { answer, recorded } = await batch('execute_all', many);
    expect(decided(answer)).toEqual(many.map((each) => each === complete));
    expect(recorded).toBe(100);
    const more = await batch('execute_all', [...many, complete]);
    expect([more.answer.statusCode, more.recorded]).toEqual([400, 0]);
  });
});

describe('a page of search results', () => {
  const readers = { subject: { type: 'user' }, action: { name: 'read' }, resource: complete.resource };
  const page = (token: unknown, change: object = {}, headers = asEnforcementPoint()) =>
    world.post('search/subject', { ...readers, page: { limit: 1, token }, ...change }, headers);
  const tokenOf = async () =>
    (await world.post('search/subject', { ...readers, page: { limit: 1 } })).json().page.next_token as string;

  it('names the versions that produced it, and is recorded', async () => {
    const asked = await world.post('search/subject', { ...readers, context: { record: true } });
    const plain = await world.post('search/subject', readers);
    expect(plain.json()).toStrictEqual((await world.post('search/subject', readers)).json());
    expect(plain.json().context).not.toHaveProperty('evidence');
    expect(asked.headers['countersign-evidence']).toBe(asked.json().context.evidence);
    expect(asked.json()).toStrictEqual({
      page: { next_token: '', count: 2 },
      context: { evidence: world.records.at(-3)?.id, policy: { version: 1, hash: world.hash }, entity_version: 1 },
      results: [
        { type: 'user', id: 'alice' },
        { type: 'user', id: 'bob' },
      ],
    });
    expect(world.records.at(-1)).toMatchObject({
      type: 'decision.searched',
      outcome: 'done',
      actors: [{ id: 'service:enforcement' }],
      policy: { version: 1 },
      data: { search: 'subject', action: 'read', resource: 'record-1', results: 2, questions: 7 },
    });
  });

  it('is refused for a page token that was not issued', async () => {
    const token = await tokenOf();
    const half = token.slice(0, token.length / 2);
    const moved = `${Buffer.from(JSON.stringify([1, 1000, '', 'x'])).toString('base64url')}.${token.split('.')[1]}`;
    for (const bad of ['', 'x', half, `${token}x`, `x${token}`, `${token}.x`, moved, '.', 'é.é', '{}']) {
      const answer = await page(bad);
      expect([bad, answer.statusCode, answer.json().code]).toEqual([bad, 400, 'page_token_invalid']);
    }
    const long = await page('x'.repeat(4_097));
    expect([long.statusCode, long.json().code]).toEqual([400, 'evaluation_invalid']);
    expect((await page(token)).statusCode).toBe(200);
  });

  it('is refused for a page token of another request or another institution', async () => {
    const token = await tokenOf();
    const changes = [
      { action: { name: 'write' } },
      { resource: { type: 'record', id: 'record-2' } },
      { subject: { type: 'service' } },
      { context: { acr: 'phr' } },
      { page: { token, limit: 2 } },
    ];
    for (const change of changes) {
      const answer = await page(token, change);
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'page_token_invalid']);
    }
    const other = await page(token, {}, asEnforcementPoint(['decision:evaluate'], '529900ASSETMNGRDEM02'));
    expect([other.statusCode, other.json().code]).toEqual([400, 'page_token_invalid']);
    const elsewhere = await world.post('search/action', { ...complete, page: { token } });
    expect([elsewhere.statusCode, elsewhere.json().code]).toEqual([400, 'page_token_invalid']);
  });

  it('can be empty on request', async () => {
    const body = (await world.post('search/subject', { ...readers, page: { limit: 0 } })).json();
    expect(body).toMatchObject({ results: [], page: { count: 0, next_token: expect.stringMatching(/./) } });
  });
});

describe('hostile bodies', () => {
  it('gain nothing from names of built-in object properties', async () => {
    const before = Object.getOwnPropertyNames(Object.prototype).sort();
    const body = `{"__proto__":${JSON.stringify({ ...complete, decision: true })},"constructor":{"prototype":{"x":1}},
      "subject":{"type":"user","id":"alice","properties":{"__proto__":{"role":"admin"},"toString":null}},
      "action":{"name":"write"},"resource":{"type":"record","id":"record-2"},"context":{"__proto__":{"soft":true}}}`;
    const answer = await world.post('evaluation', body);
    expect([answer.statusCode, answer.json().decision]).toEqual([200, false]);
    expect((await world.post('evaluation', `{"__proto__":${JSON.stringify(complete)}}`)).statusCode).toBe(400);
    expect(
      (await world.post('evaluations', `{"evaluations":[{"__proto__":${JSON.stringify(complete)}}]}`)).json(),
    ).toEqual({
      evaluations: [{ decision: false, context: { error: expect.objectContaining({ status: 400 }) } }],
    });
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
      const asked = { subject: { type: name, id: name }, action: { name }, resource: { type: name, id: name } };
      expect((await world.post('evaluation', asked)).json().decision).toBe(false);
      expect((await world.post('search/subject', asked)).json().results).toEqual([]);
      expect((await world.post('search/action', asked)).json().results).toEqual([]);
    }
    expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(before);
  });

  it('with text that cannot be recorded are refused', async () => {
    for (const member of ['subject', 'resource'] as const) {
      const answer = await world.post('evaluation', { ...complete, [member]: { type: 'user', id: '\ud83d' } });
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'evaluation_invalid']);
    }
    const name = await world.post('evaluation', { ...complete, action: { name: 'read\udc00' } });
    expect(name.statusCode).toBe(400);
  });

  it('that are not UTF-8 are refused, not decoded as something else', async () => {
    const [before = '', after = ''] = JSON.stringify({
      ...complete,
      resource: { type: 'record', id: 'record-1?' },
    }).split('?');
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
      const payload = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
      const headers = { ...asEnforcementPoint(), 'content-type': 'application/json' };
      const answer = await world.app.inject({ method: 'POST', url: '/access/v1/evaluation', headers, payload });
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'evaluation_invalid']);
    }
  });

  it('with any control character in a name are decided and denied', async () => {
    for (let code = 0; code < 32; code++) {
      const id = `alice${String.fromCharCode(code)}`;
      const answer = await world.post('evaluation', { ...complete, subject: { type: 'user', id } });
      expect([answer.statusCode, answer.json().decision]).toEqual([200, false]);
    }
  });
});
