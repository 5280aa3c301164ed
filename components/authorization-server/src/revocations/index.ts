export { revocationsRoutes } from './http.ts';
export {
  type AdministeredRevocations,
  createRevocations,
  type Revocations,
  type RevocationsDependencies,
} from './revocations.ts';
