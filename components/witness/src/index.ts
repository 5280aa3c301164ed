export { type WitnessRoutes, witnessRoutes } from './http.ts';
export { keyFileOf, openWitnessKey, type WitnessKey } from './key-file.ts';
export { parseLogKeys } from './log-keys.ts';
export { createWitness, type Witness, type WitnessDependencies } from './witness.ts';
