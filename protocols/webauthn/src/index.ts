export { type WebAuthnCode, webAuthnErrors } from './errors.ts';
export type { StatementClaims, WebAuthnSignature } from './statement.ts';
export type { AssertionExpectations, AssertionOctets, VerifiedAssertion } from './verify-assertion.ts';
export { statementChallenge, type VerifiedStatement, verifyStatement } from './verify-statement.ts';
