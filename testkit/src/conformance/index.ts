export { type ConformingLog, describeAuditLog, type LogUnderTest } from './audit-log.ts';
export { type DetailTypesUnderTest, describeDetailTypes } from './detail-types.ts';
export { allOf, type DirectoryUnderTest, describeDirectoryReading } from './directory.ts';
export { describePersonSignals, type PersonSignalsUnderTest } from './person-signals.ts';
export { describePostures, type PosturesUnderTest } from './postures.ts';
export { describeSigner, type SignerUnderTest } from './signer.ts';
export { describeSingleUse, type SingleUseUnderTest } from './single-use.ts';
