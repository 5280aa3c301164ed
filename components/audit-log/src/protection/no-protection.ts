import { completeDraft } from '@countersign/contracts';
import { draftJson } from '../record-json.ts';
import type { Protection } from './protection.ts';

/** Stores every value in the leaf. For tests and measurements. */
export const withoutProtection: Protection = {
  seal: (draft) => ({
    json: draftJson(draft.protectedValues === undefined ? draft : completeDraft(draft)),
    commitments: undefined,
    values: [],
    restricted: '',
  }),
  restore: async (records) => records,
  open: async (records) => records.map(() => []),
  lend: async () => ({ keys: new Map(), forMs: Number.MAX_SAFE_INTEGER }),
  restrictedTextOf: async () => '',
  firstBrokenKey: async () => undefined,
};
