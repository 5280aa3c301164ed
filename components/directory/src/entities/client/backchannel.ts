import type { Client } from '@countersign/contracts';
import type { Place } from '../../problems.ts';
import type { ClientDocument } from './schema.ts';

/** How a CIBA client learns of the decision (CIBA Core section 4). FAPI-CIBA does not allow push. */
export function readBackchannelDelivery(
  document: ClientDocument,
  place: Place,
): NonNullable<Client['backchannelDelivery']> | undefined {
  const {
    backchannel_token_delivery_mode: mode,
    backchannel_client_notification_endpoint: endpoint,
    grant_types: grants,
  } = document;
  if (!grants.includes('urn:openid:params:grant-type:ciba')) {
    if (mode !== undefined)
      place
        .at('backchannel_token_delivery_mode')
        .report('client_metadata_invalid', 'A delivery mode requires the grant urn:openid:params:grant-type:ciba.');
    if (endpoint !== undefined) refuseEndpoint(place);
    return undefined;
  }
  if (mode === 'ping') {
    if (endpoint !== undefined) return { mode, endpoint };
    return place
      .at('backchannel_client_notification_endpoint')
      .report('client_metadata_invalid', 'The delivery mode ping requires a notification endpoint.');
  }
  if (endpoint !== undefined) refuseEndpoint(place);
  return { mode: 'poll' };
}

function refuseEndpoint(place: Place): void {
  place
    .at('backchannel_client_notification_endpoint')
    .report('client_metadata_invalid', 'A notification endpoint requires the delivery mode ping.');
}
