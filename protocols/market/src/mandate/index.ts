export { type Constraints, constraintsSchema, type Hours, parseConstraints } from './constraints.ts';
export { intentUse } from './intent-use.ts';
export { isTimeZone, minuteOfWeek } from './local-time.ts';
export { type MandateCounterexample, type NarrowedConstraints, narrowConstraints } from './narrow-constraints.ts';
export { type MandatePermission, type MandateRefusal, type MandateUse, type Money, permits } from './permits.ts';
