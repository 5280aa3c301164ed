import type { AuthorizationServerConfig } from '@countersign/authorization-server';
import type { Configuration } from '../configuration/index.ts';

/** Maps the installation's configuration to that of the authorization server. */
export function authorizationServerConfig({
  issuer,
  environment,
  mutualTls,
  region,
  accessTokenLifetimeSeconds,
  dpopNonce,
  keys,
  features,
  operator,
  trustDomains,
  chainedIssuers,
}: Configuration): AuthorizationServerConfig {
  return {
    issuer,
    environment,
    ...(mutualTls === undefined ? {} : { mtlsBaseUrl: mutualTls.baseUrl }),
    region,
    accessTokenLifetimeSeconds,
    dpopNonce: dpopNonce === 'required' ? 'required' : 'offered',
    clientKeyMaxAgeDays: keys.clientKeyMaxAgeDays,
    clientKeyWarnDays: keys.clientKeyWarnDays,
    registration: 'mounted',
    // Passed unchanged, because the authorization server rejects features that this release does not have.
    ...features,
    trustDomains: trustDomains ?? [{ name: new URL(issuer).hostname, institutions: [operator.lei] }],
    ...(chainedIssuers === undefined ? {} : { chainedIssuers }),
  };
}
