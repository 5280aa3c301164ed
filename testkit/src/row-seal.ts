import { createRowSeal } from '@countersign/runtime';

/** The seal of every node of a test's installation. */
export const testRowSeal = createRowSeal(Buffer.alloc(32, 7));
