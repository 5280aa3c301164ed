import type { DirectorySnapshot, Principal, PrincipalId, Resource, ResourceUri } from '@countersign/contracts';
import type { Lei } from '@countersign/market';
import { describe, expect, it } from 'vitest';
import { desk } from '../testing/desk.ts';
import { positionAfter, visibleTo } from './visible.ts';

const own = '5493000ARRANGERDEM94' as Lei;
const other = '529900ASSETMNGRDEM02' as Lei;
const operator = '549300OPERATORDEM0X1' as Lei;

const person = (name: string, institution: Lei): Principal => ({
  kind: 'person',
  id: `person:${name}` as PrincipalId,
  institution,
  roles: [],
  credentials: [],
});
const interfaceOf = (institution: Lei, uri: string) =>
  ({ uri: uri as ResourceUri, institution, scopes: [], tokenFormat: 'jwt' }) satisfies Resource;

const directory: DirectorySnapshot = {
  ...desk,
  principals: () => [person('zoe', own), person('bob', other), person('anna', own)],
  resources: () => [interfaceOf(own, 'https://b.example'), interfaceOf(other, 'https://a.example')],
};

describe('what a caller can find', () => {
  it('is its own entities, sorted', () => {
    const visible = visibleTo({ id: 'service:pep', institution: own }, directory, operator);
    expect(visible.subjects('person')).toEqual(['person:anna', 'person:zoe']);
    expect(visible.resources('resource')).toEqual(['https://b.example']);
    expect(visibleTo({ id: 'service:pep', institution: other }, directory, operator).subjects('person')).toEqual([
      'person:bob',
    ]);
  });

  it('is everything for the operator only', () => {
    const visible = visibleTo({ id: 'service:ops', institution: operator }, directory, operator);
    expect(visible.subjects('person')).toEqual(['person:anna', 'person:bob', 'person:zoe']);
    expect(visible.resources('resource')).toEqual(['https://a.example', 'https://b.example']);
    for (const caller of [{ id: 'service:x' }, { id: 'service:x', institution: '' }])
      for (const runs of [operator, undefined]) {
        expect(visibleTo(caller, directory, runs).subjects('person')).toEqual([]);
        expect(visibleTo(caller, directory, runs).resources('resource')).toEqual([]);
      }
  });

  it('is nothing of an unknown type', () => {
    const visible = visibleTo({ id: 'service:pep', institution: own }, directory, operator);
    for (const type of ['agent', 'spaceship', '__proto__', 'constructor', '']) {
      expect(visible.subjects(type)).toEqual([]);
      expect(visible.resources(type)).toEqual([]);
    }
  });

  it('is never a list of transactions', () => {
    const visible = visibleTo({ id: 'service:pep', institution: own }, directory, operator);
    expect(() => visible.resources('transaction')).toThrowError(
      expect.objectContaining({ code: 'search_not_supported' }),
    );
  });
});

describe('the position after an id', () => {
  it('is that of the first greater id, whether the id itself is there or not', () => {
    const ids = ['b', 'd', 'f'];
    const positions = [undefined, '', 'a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id) => positionAfter(ids, id));
    expect(positions).toEqual([0, 0, 0, 1, 1, 2, 2, 3, 3]);
    expect(positionAfter([], 'a')).toBe(0);
  });
});
