import type { GrantRegister } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import type { BackchannelRequests } from '../backchannel-authentication/index.ts';
import type { GrantHandler } from '../grant-handler.ts';
import { refuse } from '../refusal.ts';
import { type ConsentedAuthorityDependencies, consentedAuthority } from './consented-authority.ts';

export interface CibaDependencies extends ConsentedAuthorityDependencies {
  readonly backchannelRequests: BackchannelRequests;
  readonly grantRegister: Pick<GrantRegister, 'find'>;
}

/** CIBA Core section 10.1. The approval can be redeemed once, by the requesting client with the key of its request. */
export function ciba(dependencies: CibaDependencies): GrantHandler<'urn:openid:params:grant-type:ciba'> {
  const { backchannelRequests, grantRegister } = dependencies;
  return {
    grantType: 'urn:openid:params:grant-type:ciba',
    parse(parameters) {
      const authReqId = parameters.get('auth_req_id');
      if (authReqId === undefined) throw refuse('parameter_missing', 'The parameter auth_req_id is missing.');
      return {
        async resolve(context, confirmation) {
          const { client, now } = context;
          const allowed = await backchannelRequests.poll(authReqId, { client: client.id, confirmation, now });
          const grant = await grantRegister.find(allowed.grant);
          if (grant === undefined) throw refuse('grant_ended', 'The consent has ended. Ask the person again.');
          const { scopes, acr, amr, authTime, boundTo = [] } = grant;
          // The client does not share the session of the person's device.
          const use = { scopes, acr, amr, authTime, boundTo, ...defined({ resource: allowed.resource }) };
          const authority = consentedAuthority(grant, use, { context, confirmation, firstUse: true }, dependencies);
          return { ...authority, usedUp: allowed, references: [...authority.references, allowed.recordId] };
        },
      };
    },
  };
}
