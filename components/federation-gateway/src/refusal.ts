import { federationErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { ClaimRefusal, JwsRefusal } from '@countersign/oauth';

export function refuse(code: keyof typeof federationErrors.codes, detail: string): CodedError {
  return federationErrors.error(code, `The assertion is not accepted. ${detail}`);
}

const codeOfProblem = {
  malformed: 'assertion_malformed',
  algorithm: 'assertion_algorithm',
  signature: 'assertion_signature',
} as const;

export const refuseJws: JwsRefusal = (problem, detail) => refuse(codeOfProblem[problem], detail);

const codeOfFault = {
  issuer: 'assertion_malformed',
  audience: 'assertion_audience',
  time: 'assertion_claim_missing',
  ahead: 'assertion_not_yet_valid',
  age: 'assertion_expired',
  expired: 'assertion_expired',
  lifetime: 'assertion_lifetime',
  id: 'assertion_claim_missing',
} as const;

export const refuseClaims: ClaimRefusal = (fault, detail) => refuse(codeOfFault[fault], detail);
