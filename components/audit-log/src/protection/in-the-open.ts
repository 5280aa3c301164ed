import { wholeDraft } from '@countersign/contracts';
import { draftJson } from '../record-json.ts';
import type { Protection } from './protection.ts';

/** Protects nothing: every value stands in its place in the leaf. For logs of tests and measurements. */
export const inTheOpen: Protection = {
  seal: (draft) => ({
    json: draftJson(draft.protectedValues === undefined ? draft : wholeDraft(draft)),
    commitments: undefined,
    values: [],
    told: '',
  }),
  restore: async (records) => records,
  restoreTexts: async (entries) => entries,
  open: async (records) => records.map(() => []),
  toldBy: async () => '',
  firstBrokenKey: async () => undefined,
};
