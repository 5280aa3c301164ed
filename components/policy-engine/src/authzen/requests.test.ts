import { isCodedError } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { readEvaluation, readEvaluations, readSearch } from './requests.ts';

const subject = { type: 'person', id: 'person:anna' };
const action = { name: 'order:create' };
const resource = { type: 'transaction', id: 'txn_1' };
const complete = { subject, action, resource };

function refusalOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (isCodedError(error, 'evaluation_invalid')) return error.detail;
    throw error;
  }
  throw new Error('it was read');
}

describe('one evaluation', () => {
  it('is read with its properties and context, and without unknown members', () => {
    const properties = { department: 'rates', nested: { list: [1, null, 'x'] } };
    const request = {
      subject: { ...subject, properties },
      action: { ...action, properties },
      resource: { ...resource, properties },
      context: { time: '2026-01-01' },
    };
    const strange = { future: { nested: true }, constructor: 'x', toString: 1, hasOwnProperty: null };
    expect(
      readEvaluation({
        ...strange,
        subject: { ...strange, ...request.subject },
        action: { ...strange, ...request.action },
        resource: { ...strange, ...request.resource },
        context: request.context,
      }),
    ).toStrictEqual(request);
  });

  it('keeps a member apart from the built-in property of the same name', () => {
    const body = JSON.parse(
      '{"__proto__":{"subject":{"type":"person","id":"person:mallory"}},"subject":{"__proto__":{"type":"service"},"type":"person","id":"person:anna"},"action":{"name":"order:create"},"resource":{"type":"transaction","id":"txn_1"}}',
    );
    expect(readEvaluation(body)).toStrictEqual(complete);
    expect(refusalOf(() => readEvaluation(JSON.parse(`{"__proto__":${JSON.stringify(complete)}}`)))).toBe(
      'subject is missing.',
    );
  });

  it.each([
    ['subject is missing.', { action, resource }],
    ['action is missing.', { subject, resource }],
    ['resource is missing.', { subject, action }],
    ['subject.type is missing.', { ...complete, subject: { id: 'x' } }],
    ['subject.id is missing.', { ...complete, subject: { type: 'x' } }],
    ['action.name is missing.', { ...complete, action: {} }],
    ['resource.type is missing.', { ...complete, resource: { id: 'x' } }],
    ['resource.id is missing.', { ...complete, resource: { type: 'x' } }],
    ['subject must be object.', { ...complete, subject: 'alice' }],
    ['subject must be object.', { ...complete, subject: [subject] }],
    ['subject must be object.', { ...complete, subject: null }],
    ['action.name must be string.', { ...complete, action: { name: 123 } }],
    ['action.name must not have fewer than 1 characters.', { ...complete, action: { name: '' } }],
    ['subject.properties must be object.', { ...complete, subject: { ...subject, properties: [] } }],
    ['context must be object.', { ...complete, context: 'now' }],
    ['context must be object.', { ...complete, context: null }],
    ['context must be object.', { ...complete, context: [1] }],
  ])('is refused when %s', (detail, body) => {
    expect(refusalOf(() => readEvaluation(body))).toBe(detail);
  });

  it.each([undefined, null, true, 7, 'text', [], [complete]])('is refused when it is %j', (body) => {
    expect(refusalOf(() => readEvaluation(body))).toBe('The request must be object.');
  });

  it('is refused with names that are too long or cannot be recorded', () => {
    expect(refusalOf(() => readEvaluation({ ...complete, subject: { ...subject, id: 'a\ud800' } }))).toBe(
      'subject.id must be well-formed Unicode.',
    );
    expect(refusalOf(() => readEvaluation({ ...complete, resource: { ...resource, id: 'x'.repeat(513) } }))).toMatch(
      /^resource\.id /,
    );
  });

  it('does not echo the input', () => {
    expect(refusalOf(() => readEvaluation({ ...complete, action: { name: { '<script>': 1 } } }))).not.toMatch(/script/);
  });
});

describe('several evaluations', () => {
  it('inherit missing members from the top level as a whole', () => {
    const other = { type: 'transaction', id: 'txn_2' };
    const read = readEvaluations({
      ...complete,
      resource: { ...resource, properties: { status: 'active' } },
      context: { acr: 'phr' },
      evaluations: [{}, { resource: other }, { context: {} }],
    });
    expect(read).toStrictEqual({
      semantic: 'execute_all',
      evaluations: [
        { ...complete, resource: { ...resource, properties: { status: 'active' } }, context: { acr: 'phr' } },
        { ...complete, resource: other, context: { acr: 'phr' } },
        { ...complete, resource: { ...resource, properties: { status: 'active' } }, context: {} },
      ],
    });
  });

  it.each([{}, { evaluations: [] }])('are a single evaluation when there are none: %j', (extra) => {
    expect(readEvaluations({ ...complete, ...extra })).toStrictEqual(complete);
    expect(refusalOf(() => readEvaluations({ subject, action, ...extra }))).toBe('resource is missing.');
  });

  it('are refused one by one, each in its place', () => {
    const read = readEvaluations({
      subject,
      action,
      evaluations: [{ resource }, {}, 'x', null, { resource, subject: 'alice' }, { resource, action: null }],
    });
    expect('evaluations' in read && read.evaluations).toStrictEqual([
      complete,
      { decision: false, refused: { code: 'evaluation_invalid', detail: 'resource is missing.' } },
      { decision: false, refused: { code: 'evaluation_invalid', detail: 'An evaluation must be an object.' } },
      { decision: false, refused: { code: 'evaluation_invalid', detail: 'An evaluation must be an object.' } },
      { decision: false, refused: { code: 'evaluation_invalid', detail: 'subject must be object.' } },
      { decision: false, refused: { code: 'evaluation_invalid', detail: 'action must be object.' } },
    ]);
  });

  it('are refused as a whole when the top level is invalid', () => {
    const evaluations = [complete];
    expect(refusalOf(() => readEvaluations({ evaluations, subject: { type: 'person' } }))).toBe(
      'subject.id is missing.',
    );
    expect(refusalOf(() => readEvaluations({ evaluations: { 0: complete } }))).toBe('evaluations must be array.');
    expect(refusalOf(() => readEvaluations({ ...complete, evaluations: null }))).toBe('evaluations must be array.');
    expect(refusalOf(() => readEvaluations({ evaluations, options: 'fast' }))).toBe('options must be object.');
    expect(refusalOf(() => readEvaluations({ evaluations: Array(101).fill(complete) }))).toMatch(/^evaluations /);
    const read = readEvaluations({ evaluations: Array(100).fill(complete) });
    expect('evaluations' in read && read.evaluations).toHaveLength(100);
  });

  it('accept three semantics and no other', () => {
    const evaluations = [complete];
    for (const semantic of ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'])
      expect(readEvaluations({ evaluations, options: { evaluations_semantic: semantic, other: 1 } })).toMatchObject({
        semantic,
      });
    expect(readEvaluations({ evaluations, options: {} })).toMatchObject({ semantic: 'execute_all' });
    for (const semantic of ['deny_on_first', 'EXECUTE_ALL', '', null, 1, ['execute_all']])
      expect(refusalOf(() => readEvaluations({ evaluations, options: { evaluations_semantic: semantic } }))).toMatch(
        /^options\.evaluations_semantic /,
      );
  });
});

describe('a search', () => {
  it('ignores any id of the kind that it searches for', () => {
    expect(readSearch('subject', { ...complete, page: { limit: 5, token: 't', sort: 'x' } })).toStrictEqual({
      kind: 'subject',
      subject: { type: 'person' },
      action,
      resource,
      page: { limit: 5, token: 't' },
    });
    expect(readSearch('resource', complete)).toStrictEqual({
      kind: 'resource',
      subject,
      action,
      resource: { type: 'transaction' },
    });
    expect(readSearch('action', { ...complete, context: { acr: 'phr' } })).toStrictEqual({
      kind: 'action',
      subject,
      resource,
      context: { acr: 'phr' },
    });
  });

  it.each([
    ['subject', 'action is missing.', { subject, resource }],
    ['subject', 'resource.id is missing.', { subject, action, resource: { type: 'x' } }],
    ['subject', 'subject.type is missing.', { ...complete, subject: {} }],
    ['resource', 'subject is missing.', { action, resource }],
    ['resource', 'subject.id is missing.', { ...complete, subject: { type: 'person' } }],
    ['action', 'resource is missing.', { subject }],
    ['action', 'subject.id is missing.', { ...complete, subject: { type: 'person' } }],
    ['subject', 'page must be object.', { ...complete, page: 'next' }],
    ['subject', 'page.limit must be integer.', { ...complete, page: { limit: 1.5 } }],
    ['subject', 'page.limit must be integer.', { ...complete, page: { limit: '10' } }],
    ['subject', 'page.limit must be >= 0.', { ...complete, page: { limit: -1 } }],
    ['subject', 'page.token must be string.', { ...complete, page: { token: 7 } }],
  ] as const)('for %s is refused when %s', (kind, detail, body) => {
    expect(refusalOf(() => readSearch(kind, body))).toBe(detail);
  });
});
