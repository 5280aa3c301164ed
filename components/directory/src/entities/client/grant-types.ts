import type { Client, GrantType } from '@countersign/contracts';
import type { Place } from '../../problems.ts';
import type { ClientDocument } from './schema.ts';

const ciba = 'urn:openid:params:grant-type:ciba';

/** Grants that do not fit who drives the client: a machine signs nobody in, a person's tool does nothing alone. */
const unfit: Readonly<Record<Client['kind'], readonly GrantType[]>> = {
  machine: ['authorization_code', 'refresh_token', ciba],
  human: ['client_credentials'],
  hybrid: [],
};

export function checkGrantTypes(document: ClientDocument, place: Place): void {
  const kind = document.kind ?? 'machine';
  for (const [index, grant] of document.grant_types.entries()) {
    if (unfit[kind].includes(grant))
      place
        .at('grant_types', index)
        .report('client_metadata_invalid', `A client of the kind ${kind} does not hold ${grant}.`);
    // A refresh token comes with a person's consent, which only these two ask for.
    else if (grant === 'refresh_token' && !asksPeople(document))
      place
        .at('grant_types', index)
        .report('client_metadata_invalid', `The grant refresh_token goes with authorization_code or ${ciba}.`);
  }
}

/** Does it hold a grant under which a person signs in and consents? */
export function asksPeople({ grant_types: grants }: ClientDocument): boolean {
  return grants.includes('authorization_code') || grants.includes(ciba);
}
