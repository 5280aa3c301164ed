import { insertValue, readPointer, removeValue } from '@countersign/contracts';
import { describe, expect, it } from 'vitest';

describe('paths of protected values', () => {
  it('are emptied and filled again without a change', () => {
    const record = { data: { a: { b: 1 } }, address: 'x' };
    for (const path of ['/data/a/secret', '/data/secret']) {
      const filled = insertValue(record, readPointer(path) ?? [], 'here');
      expect(filled).not.toEqual(record);
      expect(removeValue(filled ?? {}, readPointer(path) ?? [])).toEqual(record);
    }
    expect(removeValue(record, ['data', 'a', 'b', 'c'])).toEqual(record);
    expect(removeValue(record, ['nowhere'])).toBe(record);
  });

  it('are not filled twice, and create no members on the way', () => {
    const record = { data: { a: 1, list: [] } };
    for (const names of [['data', 'a'], ['data', 'a', 'b'], ['data', 'missing', 'b'], ['data', 'list', 'b'], []])
      expect(insertValue(record, names, 'x')).toBeUndefined();
  });
});
