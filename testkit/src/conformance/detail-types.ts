import type { DeclaredDetailType, PolicyEngine } from '@countersign/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

export interface DetailTypesUnderTest {
  /** The implementation under test: the policy engine itself, or a copy in another process. */
  readonly reader: Pick<PolicyEngine, 'detailTypes'>;
  /** Activates policies whose only model declares these types. */
  activate(declared: readonly DeclaredDetailType[]): Promise<unknown>;
  close(): Promise<unknown>;
}

const declared: DeclaredDetailType = {
  type: 'https://todo.example/details/list',
  audience: 'https://todo.example/lists',
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['list'],
    properties: { list: { type: 'string', minLength: 1, maxLength: 20 } },
  },
  rendering: { title: 'Change a list', lines: [{ label: 'List', pointer: '/list' }] },
};

/** The contract of the types of authorization details, for every implementation. */
export function describeDetailTypes(name: string, make: () => Promise<DetailTypesUnderTest>): void {
  describe(`the contract of declared types of authorization details, implemented by ${name}`, () => {
    let made: DetailTypesUnderTest;
    beforeAll(async () => {
      made = await make();
    });
    afterAll(() => made.close());
    const names = () => [...made.reader.detailTypes().keys()];

    it('returns those of the active policies, and soon those of the next ones', async () => {
      expect(names()).toEqual([]);
      await made.activate([declared]);
      await expect.poll(names).toEqual([declared.type]);
      const type = made.reader.detailTypes().get(declared.type);
      expect(type?.audience).toBe(declared.audience);
      expect(type?.problemWith({ list: 'groceries' })).toBeUndefined();
      expect(type?.problemWith({ list: 7 })).toMatchObject({ path: '/list' });
      expect(type?.describe?.({ list: 'groceries' })).toEqual({
        title: 'Change a list',
        lines: [{ label: 'List', value: 'groceries' }],
      });
      // Until the next publication it is the same object.
      expect(made.reader.detailTypes()).toBe(made.reader.detailTypes());
      await made.activate([]);
      await expect.poll(names).toEqual([]);
    });
  });
}
