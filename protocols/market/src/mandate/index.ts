export { parseConstraints } from './constraints.ts';
export {
  type AssetLimit,
  type Constraints,
  constraintsSchema,
  type Hours,
  type WantedApproval,
  type WindowLimit,
} from './constraints-shape.ts';
export { intentUse } from './intent-use.ts';
export { isTimeZone, minuteOfWeek } from './local-time.ts';
export type { EarlierUse, MandateUse, Money } from './mandate-use.ts';
export { type MandateCounterexample, type NarrowedConstraints, narrowConstraints } from './narrow-constraints.ts';
export { doesMoveValue, type MandatePermission, type MandateRefusal, permits } from './permits.ts';
