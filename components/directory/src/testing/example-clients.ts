import { broker, exampleFile, exampleKeyPair, operator } from './example-file.ts';

/** For tests: valid registration documents, in which a test makes one member invalid at a time. */

const webKey = exampleKeyPair('web-1').publicJwk;
const deskKey = exampleKeyPair('desk-1').publicJwk;

export type Document = Record<string, unknown>;

/** An ordinary relying party that signs people in. */
export function relyingParty(): Document {
  return {
    id: 'broker-dashboard',
    institution: broker,
    principal: 'service:dashboard',
    client_name: 'Broker Dashboard',
    kind: 'human',
    profile: 'oidc',
    binding: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    scopes: ['openid', 'offline_access'],
    audiences: [],
    jwks: { keys: [{ ...webKey }] },
    redirect_uris: ['https://dashboard.broker.example/callback'],
    post_logout_redirect_uris: ['https://dashboard.broker.example/bye'],
    backchannel_logout_uri: 'https://dashboard.broker.example/logout',
  };
}

/** Trading software: people sign in, and it also acts alone. */
export function tradingDesk(): Document {
  return {
    id: 'broker-desk',
    institution: broker,
    principal: 'service:desk',
    kind: 'hybrid',
    environment: 'production',
    grant_types: [
      'client_credentials',
      'authorization_code',
      'refresh_token',
      'urn:openid:params:grant-type:ciba',
      'urn:ietf:params:oauth:grant-type:token-exchange',
    ],
    scopes: ['order:create', 'order:read', 'openid'],
    audiences: ['https://venue.example/orders'],
    authorization_details_types: ['urn:countersign:rar:v1:trade_order'],
    jwks: { keys: [{ ...deskKey }] },
    redirect_uris: ['https://desk.broker.example/callback', 'https://desk.broker.example/callback?tenant=1'],
    require_signed_request_object: true,
    require_signed_response: true,
    backchannel_token_delivery_mode: 'ping',
    backchannel_client_notification_endpoint: 'https://desk.broker.example/ping',
  };
}

/** The example file with services for the clients above and an approver at the operator. */
export function fileWithServices() {
  const file = exampleFile();
  for (const id of ['service:dashboard', 'service:desk', 'service:third'])
    file.services.push({ id, institution: broker, roles: [] });
  file.people.push({
    id: 'person:olga.second',
    institution: operator,
    roles: ['operator'],
    federated: [],
    credentials: [],
  });
  return file;
}
