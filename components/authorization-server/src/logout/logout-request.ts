import { type Client, type DirectorySnapshot, oauthErrors, parseClientId } from '@countersign/contracts';
import { type CodedError, defined, isCodedError, type Json } from '@countersign/kernel';
import { type IdTokenHint, parseCompactJws } from '@countersign/oauth';
import type { IdTokenHints } from '../id-tokens.ts';

/** A logout request that was read: which sign-in it means, and where the person goes afterwards. */
export interface LogoutRequest {
  /** The sign-in that the client means; undefined where it did not say, or where its word can no longer be checked. */
  readonly hint?: IdTokenHint;
  readonly client?: Client;
  readonly postLogoutRedirectUri?: string;
  readonly state?: string;
}

/**
 * Reads the parameters of RP-Initiated Logout 1.0, section 2. What the person is to be sent to must have been registered
 * by the client that asks, letter for letter. Unknown parameters are ignored.
 *
 * @throws CodedError `invalid_request`
 */
export async function readLogoutRequest(
  parameters: ReadonlyMap<string, string>,
  {
    hints,
    directory,
    now,
  }: { readonly hints: IdTokenHints; readonly directory: DirectorySnapshot; readonly now: number },
): Promise<LogoutRequest> {
  const hintText = parameters.get('id_token_hint');
  const hint = hintText === undefined ? undefined : await readHint(hintText, hints, now);
  const client = clientOf(parameters.get('client_id'), hint?.aud ?? claimedAudience(hintText), directory);
  const uri = parameters.get('post_logout_redirect_uri');
  if (uri !== undefined && client === undefined)
    throw refuseLogout('client_id_missing', 'The application must say which one it is to have you sent back.');
  if (uri !== undefined && client?.postLogoutRedirectUris.includes(uri) !== true)
    throw refuseLogout(
      'post_logout_redirect_uri_unregistered',
      'The address that the application wants you to be sent to is not one that was registered for it.',
    );
  const state = parameters.get('state');
  if (state !== undefined && !/^[\x20-\x7e]{1,512}$/.test(state))
    throw refuseLogout('parameter_malformed', 'The parameter state is malformed.');
  return {
    ...defined({ hint, client, postLogoutRedirectUri: uri, state }),
  };
}

async function readHint(text: string, hints: IdTokenHints, now: number): Promise<IdTokenHint | undefined> {
  try {
    return await hints.read(text, now);
  } catch (error) {
    if (!isCodedError(error) || error.category === 'unavailable') throw error;
    throw refuseLogout('id_token_hint_invalid', 'The application sent an id_token_hint that is not from here.');
  }
}

function clientOf(
  named: string | undefined,
  hinted: string | undefined,
  directory: DirectorySnapshot,
): Client | undefined {
  if (named !== undefined && hinted !== undefined && named !== hinted)
    throw refuseLogout('client_id_differs', 'The client_id is not the one that the id_token_hint was issued to.');
  const id = named ?? hinted;
  if (id === undefined) return undefined;
  const client = parseClientId(id) === undefined ? undefined : directory.client(id);
  if (client === undefined && named !== undefined)
    throw refuseLogout('client_unknown', 'The application that sent you here is not known.');
  return client;
}

/**
 * Which client a hint claims to be for whose key is gone. Enough to know where to send the person back to, since the
 * address is one of that client's own and the person is asked first; not enough to end anything.
 */
function claimedAudience(hint: string | undefined): string | undefined {
  if (hint === undefined) return undefined;
  const { unverifiedClaims } = parseCompactJws(hint, (_problem, detail) =>
    refuseLogout('id_token_hint_invalid', detail),
  );
  const audience: Json | undefined = unverifiedClaims['aud'];
  return typeof audience === 'string' ? audience : undefined;
}

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
