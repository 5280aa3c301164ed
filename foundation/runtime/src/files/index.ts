/** Crash-safe files, and folders with one owner. */
export { createFileDurably, makeFolder, syncFolder, systemErrorCode, writeFileDurably } from './files.ts';
export { acquireOwnerLock } from './owner-lock.ts';
export { isProgramOn } from './process-identity.ts';
