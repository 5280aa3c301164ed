export {
  countByStatus,
  countDeparted,
  countLeases,
  expiredSlots,
  keepApplied,
  leasesAsRows,
  listLeases,
  postponeRemoval,
  slotsToExamine,
  storedRows,
  takeRemovals,
  unappliedSlots,
  unendedSlots,
} from './leases-store.ts';
export { destroyMaterials, findMaterial, keepMaterial, materialsBefore } from './materials-store.ts';
export { nextNonce } from './nonces-store.ts';
export { createPostgresqlTarget, type LeasedCredential, type LeaseTarget } from './postgresql-target.ts';
