export { revocationsRoutes } from './http.ts';
export { revocationLift } from './revocation-commands.ts';
export {
  type AdministeredRevocations,
  createRevocations,
  type Revocations,
  type RevocationsDependencies,
} from './revocations.ts';
