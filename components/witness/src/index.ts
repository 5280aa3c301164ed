export { type WitnessRoutes, witnessRoutes } from './http.ts';
export { keyFileOf, openWitnessKey, parseLogKeys, type WitnessKey } from './key-file.ts';
export { createWitness, type Witness, type WitnessDependencies } from './witness.ts';
