import { readFileSync } from 'node:fs';
import { type Json, systemClock } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics, tokenSchemes } from '@countersign/runtime';
import swagger from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import type { Configuration } from '../configuration/index.ts';
import { type InterfaceParts, mountHealth, mountInterfaces } from '../interfaces/index.ts';
import { chapters, commonCodes, statusOfCodes } from './chapters.ts';
import { withNamedSchemas } from './named-schemas.ts';
import { isStandardInterface, standardInterfaces } from './standard-interfaces.ts';

export interface Servers {
  readonly issuer: string;
  readonly mutualTlsBaseUrl?: string;
}

/** The address of a development installation with default settings. */
const example: Servers = { issuer: 'http://localhost:7420' };

/**
 * The OpenAPI 3.1 document of every interface that no other specification defines, generated from the schemas of its routes. It
 * needs no running component and no database.
 *
 * @param servers of the installation that serves the document; placeholders when left out
 */
export async function describeInterfaces(servers?: Servers): Promise<Readonly<Record<string, Json>>> {
  const metrics = createMetrics();
  const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'openapi' }), metrics });
  try {
    await app.register(swagger, {
      hideUntagged: true,
      convertConstToEnum: false,
      openapi: frameOf(servers),
      transform: ({ schema, url, route }) => asOperation(schema, url, String(route.method)),
    });
    const { issuer } = servers ?? example;
    mountInterfaces(app, unusedParts(), {
      guard: () => unusedPart(),
      configuration: { issuer, environment: 'development', logOrigin: 'example', operator: unusedPart() },
      baseUrl: issuer,
      clock: systemClock,
      openapi: async () => '',
    });
    mountHealth(app, { ready: async () => true, metrics });
    await app.ready();
    // The JSON round trip drops TypeBox members that are not JSON.
    return withNamedSchemas(JSON.parse(JSON.stringify(app.swagger())) as Readonly<Record<string, Json>>);
  } finally {
    await app.close();
  }
}

/** The document as text, for a file or a response. */
export function textOf(document: Readonly<Record<string, Json>>): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

function frameOf(servers: Servers | undefined) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Countersign',
      version: versionOf(),
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description,
    },
    servers: serversOf(servers),
    tags: Object.entries(chapters).map(([name, { description: about, audience, codes }]) => ({
      name,
      description: about,
      ...(audience === undefined ? {} : { 'x-audience': `{issuer}/${audience}` }),
      ...(codes === undefined ? {} : { 'x-codes': statusOfCodes(codes) }),
    })),
    // The plugin's types lack mutualTLS (OpenAPI 3.1 section 4.8.27).
    components: { securitySchemes: securitySchemes as never },
    'x-codes': statusOfCodes(commonCodes),
    'x-specified-elsewhere': standardInterfaces,
  };
}

const description = [
  'Every interface of a Countersign control plane that no other specification defines. Those that another one defines',
  '(OAuth, OpenID Connect, AuthZEN) are listed in `x-specified-elsewhere`, with where to read about them.',
  '',
  'A protected interface takes an access token for itself alone (`x-audience` of its chapter, as `resource` in the token',
  'request) with one of the scopes that the operation names. Refusals are problem documents (RFC 9457); the codes of a',
  'chapter and their statuses are in its `x-codes`, those that any operation may refuse with in the `x-codes` of this document.',
].join('\n');

const securitySchemes = {
  [tokenSchemes.dpop]: {
    type: 'http',
    scheme: 'DPoP',
    bearerFormat: 'at+jwt',
    description:
      '`Authorization: DPoP <token>` and, in the header `DPoP`, a fresh proof for this request (RFC 9449 section 7.1).',
  },
  [tokenSchemes.certificate]: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'at+jwt',
    description:
      '`Authorization: Bearer <token>`, with a token that is bound to the certificate of the connection (RFC 8705 section 3).',
  },
  [tokenSchemes.mutualTls]: {
    type: 'mutualTLS',
    description: 'On the address for mutual TLS, where an installation has one.',
  },
};

function serversOf(servers: Servers | undefined) {
  if (servers === undefined)
    return [
      {
        url: '{issuer}',
        variables: { issuer: { default: example.issuer, description: 'Issuer of the installation' } },
      },
    ];
  const { issuer, mutualTlsBaseUrl } = servers;
  return [
    { url: issuer },
    ...(mutualTlsBaseUrl === undefined ? [] : [{ url: mutualTlsBaseUrl, description: 'For mutual TLS' }]),
  ];
}

/** Moves what `described` adds to a schema, and Fastify does not validate, to its place in the OpenAPI operation. */
function asOperation(schema: FastifySchema & { readonly requestHeaders?: unknown }, url: string, method: string) {
  // Contrary to the plugin's types, the schema is undefined for a route without one. Such a route is described elsewhere.
  const { requestHeaders, params, ...rest } = schema ?? {};
  // OpenAPI path parameters need a name; the wildcard `*` of Fastify has none.
  const wild = url.endsWith('/*');
  const path = wild ? `${url.slice(0, -1)}:path` : url;
  return {
    url: path,
    schema: {
      ...rest,
      // Routes of other specifications are hidden here, because those specifications describe them.
      ...(isStandardInterface(url) ? { hide: true } : {}),
      operationId: operationIdOf(method, path),
      ...(params === undefined ? {} : { params: wild ? withNamedPath(params) : params }),
      ...(requestHeaders === undefined ? {} : { headers: requestHeaders }),
    },
  };
}

/** `GET /mandates/:id` is `getMandatesById`. */
function operationIdOf(method: string, path: string): string {
  const words = path
    .replaceAll(':', 'by/')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function withNamedPath(params: unknown): unknown {
  return JSON.parse(JSON.stringify(params).replaceAll('"*"', '"path"')) as unknown;
}

function versionOf(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  if (
    typeof manifest === 'object' &&
    manifest !== null &&
    'version' in manifest &&
    typeof manifest.version === 'string'
  )
    return manifest.version;
  throw new Error('the package has no version');
}

/** A placeholder for a dependency while routes are described: it is passed around but never called. */
export function unusedPart<Part extends object>(): Part {
  // Only described, never called.
  return new Proxy({}, { get: () => unusedPart() }) as Part;
}

function unusedParts(): InterfaceParts {
  return {
    directory: unusedPart(),
    trustRegistry: unusedPart(),
    consentStore: unusedPart(),
    policyEngine: unusedPart(),
    transactionRegistry: unusedPart(),
    auditLog: unusedPart(),
    partiesOf: async () => [],
    eventPublisher: unusedPart(),
    securityEvents: unusedPart(),
    timeStamping: unusedPart(),
    retention: unusedPart(),
    authentication: unusedPart(),
    risk: unusedPart(),
    devices: unusedPart(),
    recovery: unusedPart(),
    breakGlass: unusedPart(),
    certificateAuthority: unusedPart(),
    secrets: unusedPart(),
    workloadIdentity: unusedPart(),
    halt: unusedPart(),
    singleUse: unusedPart(),
    scim: {
      pool: unusedPart(),
      directory: unusedPart(),
      audit: unusedPart(),
      logger: unusedPart(),
      clock: systemClock,
      random: unusedPart(),
    },
    signers: unusedPart(),
    keyRecords: unusedPart(),
    revocations: unusedPart(),
  };
}

/** The document of this installation, generated on first use. */
export function described({ issuer, mutualTls }: Configuration): () => Promise<string> {
  let document: Promise<string> | undefined;
  return () => {
    document ??= describeInterfaces({
      issuer,
      ...(mutualTls === undefined ? {} : { mutualTlsBaseUrl: mutualTls.baseUrl }),
    }).then(textOf);
    return document;
  };
}
