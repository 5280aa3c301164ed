import { type Client, type DirectorySnapshot, oauthErrors, parseClientId } from '@countersign/contracts';
import { type CodedError, defined, isCodedError, type Json } from '@countersign/kernel';
import { type IdTokenHint, parseCompactJws } from '@countersign/oauth';
import type { IdTokenHints } from '../id-tokens.ts';

export interface LogoutRequest {
  /** Undefined if the hint can no longer be verified. */
  readonly hint?: IdTokenHint;
  readonly client?: Client;
  readonly postLogoutRedirectUri?: string;
  readonly state?: string;
}

/** RP-Initiated Logout 1.0, section 2. The redirect URI must be registered exactly. @throws CodedError `invalid_request` */
export async function readLogoutRequest(
  parameters: ReadonlyMap<string, string>,
  rules: { readonly hints: IdTokenHints; readonly directory: DirectorySnapshot; readonly now: number },
): Promise<LogoutRequest> {
  const { hints, directory, now } = rules;
  const hintText = parameters.get('id_token_hint');
  const hint = hintText === undefined ? undefined : await readHint(hintText, hints, now);
  const client = clientOf(parameters.get('client_id'), hint?.aud ?? claimedAudience(hintText), directory);
  const uri = parameters.get('post_logout_redirect_uri');
  if (uri !== undefined && client === undefined)
    throw refuseLogout('client_id_missing', 'The application must identify itself before you can be sent back to it.');
  if (uri !== undefined && client?.postLogoutRedirectUris.includes(uri) !== true)
    throw refuseLogout(
      'post_logout_redirect_uri_unregistered',
      'The return address is not registered for the application.',
    );
  const state = parameters.get('state');
  if (state !== undefined && !/^[\x20-\x7e]{1,512}$/.test(state))
    throw refuseLogout('parameter_malformed', 'The parameter state is malformed.');
  return defined({ hint, client, postLogoutRedirectUri: uri, state });
}

async function readHint(text: string, hints: IdTokenHints, now: number): Promise<IdTokenHint | undefined> {
  try {
    return await hints.read(text, now);
  } catch (error) {
    if (!isCodedError(error) || error.category === 'unavailable') throw error;
    throw refuseLogout('id_token_hint_invalid', 'The application sent an id_token_hint that is not from this server.');
  }
}

function clientOf(named: string | undefined, hinted: string | undefined, directory: DirectorySnapshot) {
  if (named !== undefined && hinted !== undefined && named !== hinted)
    throw refuseLogout('client_id_differs', 'The client_id differs from the client of the id_token_hint.');
  const id = named ?? hinted;
  if (id === undefined) return undefined;
  const client = parseClientId(id) === undefined ? undefined : directory.client(id);
  if (client === undefined && named !== undefined)
    throw refuseLogout('client_unknown', 'The application that sent you here is not known.');
  return client;
}

/** When the hint's key is gone. Enough to choose the redirect, which the person confirms, but not to end a session. */
function claimedAudience(hint: string | undefined): string | undefined {
  if (hint === undefined) return undefined;
  const { unverifiedClaims } = parseCompactJws(hint, (_problem, detail) =>
    refuseLogout('id_token_hint_invalid', detail),
  );
  const audience: Json | undefined = unverifiedClaims['aud'];
  return typeof audience === 'string' ? audience : undefined;
}

/** Shown to the person, never sent by redirect. */
export type LogoutRefusal =
  | 'id_token_hint_invalid'
  | 'client_id_differs'
  | 'client_unknown'
  | 'client_id_missing'
  | 'post_logout_redirect_uri_unregistered'
  | 'parameter_malformed'
  | 'csrf_token_invalid';

export function refuseLogout(reason: LogoutRefusal, detail: string): CodedError {
  return oauthErrors.error('invalid_request', detail, { facts: { reason } });
}
