import { oauthErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';

/** Why a logout request cannot be followed. It is for the person: nobody is redirected with an error. */
export type LogoutRefusal =
  | 'id_token_hint_invalid'
  | 'client_id_differs'
  | 'client_unknown'
  | 'client_id_missing'
  | 'post_logout_redirect_uri_unregistered'
  | 'parameter_malformed'
  | 'form_forged';

export function refuseLogout(reason: LogoutRefusal, detail: string): CodedError {
  return oauthErrors.error('invalid_request', detail, { facts: { reason } });
}
