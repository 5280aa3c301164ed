import type { HardwareAlgorithm } from './algorithms.ts';

export interface SignedStatement {
  readonly purpose: string;
  readonly kid: string;
  readonly algorithm: HardwareAlgorithm;
  readonly data: Buffer;
  /** The document whose digest is signed, where the signed octets are only a digest. */
  readonly document: Buffer | undefined;
  /** The record of the decision that led to the signature. */
  readonly record?: string | undefined;
}

/** The reason why the statement is not signed, or undefined. */
export type StatementCheck = (statement: SignedStatement) => string | undefined;
