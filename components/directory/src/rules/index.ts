export { checkGraph, checkResourceActors } from './check-graph.ts';
export {
  type ChangeScope,
  easedFindings,
  refuseFindings,
  refuseOutsideCompliance,
  refuseSoftwareEasing,
  withFindings,
} from './findings.ts';
export { governingGrants, governingRoles } from './governing.ts';
export { checkPostdated } from './postdated.ts';
export { easedReferenceData, refuseOutsideReferenceData, refuseRates, withAnchors } from './reference-data.ts';
export { checkReusedIds, retiredBy } from './reused-ids.ts';
export { refuseAlone } from './second-person.ts';
