import { parsePolicySet } from '@countersign/cedar';
import { describe, expect, it } from 'vitest';
import { askedRecord } from './information-model.ts';

const { schema } = parsePolicySet(
  '@id("all") permit (principal, action, resource);',
  `namespace App {
    entity Group;
    entity User { active: Bool, level: Long, name: String, price: decimal, from: ipaddr, at: datetime, group: Group,
      tags: Set<String>, place: { city: String } };
    action view appliesTo { principal: [User], resource: [User], context: {} };
  }`,
);
const attributes = schema.entityTypes.get('App::User')?.attributes;
const read = (members: object) => {
  if (attributes === undefined) throw new Error('no type');
  return askedRecord(attributes, members as never);
};

describe('an attribute in a question', () => {
  it('is read by the type that the schema declares; undeclared attributes are left out', () => {
    expect(
      read({
        ...{ active: true, level: 3, name: 'Ada', price: '1.5', from: '10.0.0.1', at: '2026-01-01', group: 'g' },
        ...{ tags: ['a'], place: { city: 'Zug', more: 1 }, unheard: 'x' },
      }),
    ).toStrictEqual({
      ...{ active: true, level: 3, name: 'Ada', tags: ['a'], place: { city: 'Zug' } },
      price: { __extn: { arg: '1.5', fn: 'decimal' } },
      from: { __extn: { arg: '10.0.0.1', fn: 'ip' } },
      at: { __extn: { arg: '2026-01-01', fn: 'datetime' } },
      group: { __entity: { id: 'g', type: 'App::Group' } },
    });
  });

  it.each([
    ['another type', { active: 'true' }],
    ['a number that is not whole', { level: 1.5 }],
    ['a number beyond what is exact', { level: 2 ** 53 }],
    ['text that has no canonical form', { name: '\ud83d' }],
    ['an entity of another type, by its form', { group: { __entity: { type: 'Person', id: 'person:anna' } } }],
    ['an extension in the place of text', { name: { __extn: { fn: 'decimal', arg: '1.0' } } }],
    ['a set with an item of another type', { tags: ['a', 1] }],
    ['a list for a record', { place: ['Zug'] }],
    ['null', { name: null }],
  ])('is ignored when it is %s', (_, members) => {
    expect(read(members)).toBeUndefined();
  });
});
