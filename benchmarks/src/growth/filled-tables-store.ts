/** A table that measured requests use, and the statement that fills it. */
export interface FilledTable {
  /** Schema and name. */
  readonly table: string;
  /** Inserts the rows with the numbers from `$1` to `$2`, under all constraints of the table. */
  readonly insert: string;
}

const hash = (purpose: string): string => `sha256(convert_to('${purpose} ' || n, 'UTF8'))`;
const id = (prefix: string): string => `'${prefix}_' || lpad(n::text, 26, '0')`;
/** The clients of a large market, none of which sends a request. */
const client = `'bench-filler-' || n % 1000`;
/** People of the market, because the sessions of unknown people would be ended. */
const person = `'person:bench-user-' || 1 + n % 64`;
/** No row expires during the measurement; sweeping would shrink the tables. */
const later = `now() + interval '6 hours'`;
const scopes = `array['openid', 'offline_access', 'settlement:read', 'trade:read']`;
const resource = `'https://venue.example/orders'`;
const redirectUri = `'https://desk.example/callback'`;
const parameters = `jsonb_build_object('client_id', ${client}, 'redirect_uri', ${redirectUri}, 'response_type', 'code',
  'scope', 'openid offline_access settlement:read trade:read', 'resource', ${resource}, 'state', 'state-' || n,
  'nonce', 'nonce-' || n, 'code_challenge', repeat('c', 43), 'code_challenge_method', 'S256')`;
const acr = `'urn:countersign:acr:development'`;
const grant = `jsonb_build_object('id', ${id('grt')}, 'version', 1, 'status', 'active', 'client', ${client}, 'subject', ${person},
  'institution', '5493000ARRANGERDEM94', 'scopes', to_jsonb(${scopes}), 'details', '[]'::jsonb, 'resources', jsonb_build_array(${resource}),
  'acr', ${acr}, 'amr', '[]'::jsonb, 'authTime', 1800000000, 'givenAt', '2026-01-01T00:00:00.000Z',
  'expiresAt', '2030-01-01T00:00:00.000Z', 'recordId', ${id('rec')})`;

/**
 * Tables with columns and values, in the order in which they are filled: referenced rows come first. The log grows by its own
 * appends.
 */
const filled: readonly (readonly [table: string, columns: string, values: string])[] = [
  ['authorization_server.single_use', 'key, expires_at', `${hash('single use')}, ${later}`],
  [
    'authorization_server.pushed_requests',
    'uri_hash, client, parameters, record_id, expires_at, removed_after',
    `${hash('request uri')}, ${client}, ${parameters}, ${id('rec')}, ${later}, ${later}`,
  ],
  ['authorization_server.request_objects', 'key, expires_at', `${hash('request object')}, ${later}`],
  [
    'authorization_server.interactions',
    'id_hash, browser_hash, client, parameters, request_hash, request_record, started_at, expires_at',
    `${hash('interaction')}, ${hash('browser')}, ${client}, ${parameters}, ${hash('request uri')}, ${id('rec')}, now(), ${later}`,
  ],
  [
    'authorization_server.authorization_codes',
    'code_hash, grant_id, client, redirect_uri, code_challenge, nonce, session, resource, scopes, acr, amr, auth_time, expires_at',
    `${hash('code')}, ${id('grt')}, ${client}, ${redirectUri}, repeat('c', 43), 'nonce', ${id('ses')}, ${resource}, ${scopes}, ${acr}, array[]::text[], 1800000000, ${later}`,
  ],
  [
    'authorization_server.refresh_tokens',
    'token_hash, grant_id, grant_version, client, jkt, scopes, resource, session, acr, amr, auth_time, expires_at',
    `${hash('refresh token')}, ${id('grt')}, 1, ${client}, repeat('k', 43), ${scopes}, ${resource}, ${id('ses')}, ${acr}, array[]::text[], 1800000000, ${later}`,
  ],
  [
    'authorization_server.opaque_tokens',
    'token_hash, region, access_token, expires_at',
    `${hash('reference')}, 'default', repeat(md5(n::text), 25), ${later}`,
  ],
  [
    'authorization_server.session_clients',
    'session, client, subject, expires_at',
    `${id('ses')}, ${client}, ${person}, ${later}`,
  ],
  [
    'consent_store.grant_versions',
    'id, version, document, record_id, recorded_at',
    `${id('grt')}, 1, ${grant}, ${id('rec')}, now()`,
  ],
  [
    'consent_store.grants',
    'id, version, status, client, subject, institution, expires_at',
    `${id('grt')}, 1, 'active', ${client}, ${person}, '5493000ARRANGERDEM94', ${later}`,
  ],
  [
    'authentication.sign_ins',
    'handle_hash, return_to, continues_to, client_name, acr_values, expires_at',
    `${hash('handle')}, '/authorize/resume', array[${redirectUri}], 'Trading desk', array[]::text[], ${later}`,
  ],
  [
    'authentication.sessions',
    'id, secret_hash, person, tier, acr, amr, auth_time, directory_version, created_at, last_seen_at, absolute_end_at, expires_at',
    `${id('ses')}, ${hash('session')}, ${person}, 'market-data', ${acr}, array[]::text[], now(), 1, now(), now(), ${later}, ${later}`,
  ],
];

export const filledTables: readonly FilledTable[] = filled.map(([table, columns, values]) => ({
  table,
  // In the order of the key: hashes in the order of their numbers would touch a page of the index for every row.
  insert: `insert into ${table} (${columns}) select ${values} from generate_series($1::bigint, $2::bigint) as n order by 1`,
}));
