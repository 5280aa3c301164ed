export type { HardwareAlgorithm } from './algorithms.ts';
export { hardwareKeyErrors } from './errors.ts';
export {
  type HardwareKey,
  type HardwareKeyReference,
  type HardwareKeySettings,
  type HardwareKeys,
  type HardwareStatement,
  startHardwareKeys,
} from './hardware-keys.ts';
export type { HardwareKeyAttributes, TokenDescription } from './messages.ts';
export {
  type CardCertificate,
  type CardKey,
  openSmartCard,
  type SmartCard,
  type SmartCardSettings,
} from './smart-card.ts';
export type { SignedStatement, StatementCheck } from './statement-check.ts';
