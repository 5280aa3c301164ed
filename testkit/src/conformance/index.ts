export { type ConformingLog, describeAuditLog, type LogUnderTest } from './audit-log.ts';
export { allOf, type DirectoryUnderTest, describeDirectoryReading } from './directory.ts';
export { describeSigner, type SignerUnderTest } from './signer.ts';
export { describeSingleUse, type SingleUseUnderTest } from './single-use.ts';
