export { revocationsRoutes } from './http.ts';
export { createRevocations, type Revocations, type RevocationsDependencies } from './revocations.ts';
