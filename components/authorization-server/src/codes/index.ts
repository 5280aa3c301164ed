export { type Codes, createCodes, redemptionThing } from './codes.ts';
export type { CodeBinding } from './store.ts';
