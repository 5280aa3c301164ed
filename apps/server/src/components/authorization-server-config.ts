import type { AuthorizationServerConfig } from '@countersign/authorization-server';
import type { Configuration } from '../configuration/index.ts';

/** What the authorization server is told of the installation's configuration. */
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
    // As they are named: one that this release does not have is refused there.
    ...features,
    trustDomains: trustDomains ?? [{ name: new URL(issuer).hostname, institutions: [operator.lei] }],
    ...(chainedIssuers === undefined ? {} : { chainedIssuers }),
  };
}
