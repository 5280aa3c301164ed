export type { CodeBinding } from './code-binding.ts';
export { type Codes, type CodesDependencies, codeLifetimeSeconds, createCodes, redemptionThing } from './codes.ts';
