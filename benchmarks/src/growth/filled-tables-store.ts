/** A table on the way of what is measured, and how it gets rows that look like its own. */
export interface FilledTable {
  /** Schema and name. */
  readonly table: string;
  /** Inserts the rows numbered from `$1` to `$2`; every constraint of the table holds for them. */
  readonly insert: string;
}

const hash = (purpose: string): string => `sha256(convert_to('${purpose} ' || n, 'UTF8'))`;
const id = (prefix: string): string => `'${prefix}_' || lpad(n::text, 26, '0')`;
/** As many clients as a large market has, none of which asks for anything. */
const client = `'bench-filler-' || n % 1000`;
/** The people of the market: sessions of people whom the directory does not know would be ended. */
const person = `'person:bench-user-' || 1 + n % 64`;
/** Nothing runs out while it is measured: rows that are swept away would make the tables small again. */
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

/** Tables are filled in this order: what is referred to comes first. The log grows by its own appends. */
export const filledTables: readonly FilledTable[] = [
  {
    table: 'authorization_server.single_use',
    insert: rows('key, expires_at', `${hash('single use')}, ${later}`),
  },
  {
    table: 'authorization_server.pushed_requests',
    insert: rows(
      'uri_hash, client, parameters, record_id, expires_at, removed_after',
      `${hash('request uri')}, ${client}, ${parameters}, ${id('rec')}, ${later}, ${later}`,
    ),
  },
  {
    table: 'authorization_server.request_objects',
    insert: rows('key, expires_at', `${hash('request object')}, ${later}`),
  },
  {
    table: 'authorization_server.interactions',
    insert: rows(
      'id_hash, browser_hash, client, parameters, request_hash, request_record, started_at, expires_at',
      `${hash('interaction')}, ${hash('browser')}, ${client}, ${parameters}, ${hash('request uri')}, ${id('rec')}, now(), ${later}`,
    ),
  },
  {
    table: 'authorization_server.authorization_codes',
    insert: rows(
      'code_hash, grant_id, client, redirect_uri, code_challenge, nonce, session, resource, scopes, acr, amr, auth_time, expires_at',
      `${hash('code')}, ${id('grt')}, ${client}, ${redirectUri}, repeat('c', 43), 'nonce', ${id('ses')}, ${resource}, ${scopes}, ${acr}, array[]::text[], 1800000000, ${later}`,
    ),
  },
  {
    table: 'authorization_server.refresh_tokens',
    insert: rows(
      'token_hash, grant_id, grant_version, client, jkt, scopes, resource, session, acr, amr, auth_time, expires_at',
      `${hash('refresh token')}, ${id('grt')}, 1, ${client}, repeat('k', 43), ${scopes}, ${resource}, ${id('ses')}, ${acr}, array[]::text[], 1800000000, ${later}`,
    ),
  },
  {
    table: 'authorization_server.opaque_tokens',
    // As long as a signed access token is.
    insert: rows(
      'token_hash, region, access_token, expires_at',
      `${hash('reference')}, 'default', repeat(md5(n::text), 25), ${later}`,
    ),
  },
  {
    table: 'authorization_server.session_clients',
    insert: rows('session, client, subject, expires_at', `${id('ses')}, ${client}, ${person}, ${later}`),
  },
  {
    table: 'consent_store.grant_versions',
    insert: rows('id, version, document, record_id, recorded_at', `${id('grt')}, 1, ${grant}, ${id('rec')}, now()`),
  },
  {
    table: 'consent_store.grants',
    insert: rows(
      'id, version, status, client, subject, institution, expires_at',
      `${id('grt')}, 1, 'active', ${client}, ${person}, '5493000ARRANGERDEM94', ${later}`,
    ),
  },
  {
    table: 'authentication.sign_ins',
    insert: rows(
      'handle_hash, return_to, continues_to, client_name, acr_values, expires_at',
      `${hash('handle')}, '/authorize/resume', array[${redirectUri}], 'Trading desk', array[]::text[], ${later}`,
    ),
  },
  {
    table: 'authentication.sessions',
    insert: rows(
      'id, secret_hash, person, tier, acr, amr, auth_time, directory_version, created_at, last_seen_at, absolute_end_at, expires_at',
      `${id('ses')}, ${hash('session')}, ${person}, 'market-data', ${acr}, array[]::text[], now(), 1, now(), now(), ${later}, ${later}`,
    ),
  },
].map(({ table, insert }) => ({ table, insert: `insert into ${table} ${insert}` }));

function rows(columns: string, values: string): string {
  // In the order of the key: hashes in the order of their numbers would touch a page of the index for every row.
  return `(${columns}) select ${values} from generate_series($1::bigint, $2::bigint) as n order by 1`;
}
