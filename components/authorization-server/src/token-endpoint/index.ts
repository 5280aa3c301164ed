export { checkShownDetail, locatedAt, membersOfDetail } from './check-application-detail.ts';
export { checkRevoked } from './check-authority.ts';
export { issuableDetailTypes } from './check-details.ts';
export { impliedResource } from './check-target.ts';
export { createTokenForms, createTokenSigner, type IssueDependencies, issueDecided } from './issue.ts';
export { asJson, describeAuthority } from './record.ts';
export { createTokenEndpoint } from './token-endpoint.ts';
