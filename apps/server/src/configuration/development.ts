import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CodedError } from '@countersign/kernel';
import { createFileDurably } from '@countersign/runtime';
import { generateSigningKey } from '@countersign/sdk';
import { type Configuration, readConfiguration } from './configuration.ts';

/** The results of a first start, for the explanation on standard output. */
export interface DevelopmentSetup {
  readonly configuration: Configuration;
  readonly configurationFile: string;
  /** Private key file of the operator's command, mode 0600. */
  readonly operatorKeyFile: string;
  /** Private key file of the second person's command, mode 0600. */
  readonly approverKeyFile: string;
  /** Private key file of the compliance command, mode 0600. */
  readonly complianceKeyFile: string;
  /** True if this start created the configuration. */
  readonly fresh: boolean;
}

const names = {
  configuration: 'countersign.json',
  keyEncryptionKey: 'key-encryption-key',
  operatorKey: 'operator.jwk',
  approverKey: 'approver.jwk',
  complianceKey: 'compliance.jwk',
} as const;

/**
 * Reads the development configuration of a folder and creates it on the first start: a key-encryption key, keys of the
 * operator, the second person and compliance, and a configuration that references them. Existing files are never overwritten.
 *
 * @param options.port part of the issuer, so it is kept for later starts
 * @param options.databaseUrl a reference to the URL of a PostgreSQL to use instead of the embedded one; kept for later starts
 * @throws CodedError `data_folder_unusable`, and those of {@link readConfiguration}
 */
export function prepareDevelopment(options: {
  readonly dataFolder: string;
  readonly port: number;
  readonly databaseUrl?: string;
}): DevelopmentSetup {
  const dataFolder = resolve(options.dataFolder);
  const file = (name: string): string => join(dataFolder, name);
  const fresh = !existsSync(file(names.configuration));
  const kept = options.databaseUrl === undefined ? {} : { databaseUrl: options.databaseUrl };
  try {
    // The account of the embedded server must be able to traverse the folder. Secret files have mode 0600.
    mkdirSync(dataFolder, { recursive: true, mode: 0o711 });
    // The folder contains keys, so a folder inside a Git checkout must not be committed.
    createFileDurably(file('.gitignore'), '*\n', 0o644);
    createFileDurably(file(names.keyEncryptionKey), `${randomBytes(32).toString('base64url')}\n`, 0o600);
    const operatorJwk = keyIn(file(names.operatorKey));
    if (fresh) {
      const jwks = {
        operator: operatorJwk,
        approver: keyIn(file(names.approverKey)),
        compliance: keyIn(file(names.complianceKey)),
      };
      createFileDurably(
        file(names.configuration),
        `${JSON.stringify({ ...development(dataFolder, options.port, jwks), ...kept }, null, 2)}\n`,
        0o600,
      );
    }
    const configuration = readConfiguration(JSON.parse(readFileSync(file(names.configuration), 'utf8')) as unknown);
    return {
      configuration,
      configurationFile: file(names.configuration),
      operatorKeyFile: file(names.operatorKey),
      approverKeyFile: file(names.approverKey),
      complianceKeyFile: file(names.complianceKey),
      fresh,
    };
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    throw new CodedError({
      code: 'data_folder_unusable',
      category: 'invalid',
      detail: `The folder ${dataFolder} cannot be used (${cause instanceof Error ? cause.message : 'unknown fault'}). Name another with --data, or repair it.`,
      cause,
    });
  }
}

type PublicJwk = Readonly<Record<string, string | undefined>>;

/** The public half of the key in a file, which is created if it does not exist. */
function keyIn(path: string): PublicJwk {
  const made = generateSigningKey();
  createFileDurably(path, `${JSON.stringify({ ...made.privateJwk, kid: made.kid })}\n`, 0o600);
  // A file that this function wrote.
  const { kid, kty, crv, x, y } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
  return { kid, kty, crv, x, y };
}

function development(
  dataFolder: string,
  port: number,
  jwks: Readonly<Record<'operator' | 'approver' | 'compliance', PublicJwk>>,
): object {
  return {
    environment: 'development',
    // A host name instead of an IP address: browsers allow WebAuthn only on domain names (WebAuthn section 5.1.2).
    issuer: `http://localhost:${port}`,
    listen: { host: '127.0.0.1', port },
    dataFolder,
    keyEncryptionKey: `file:${join(dataFolder, names.keyEncryptionKey)}`,
    logOrigin: `development.countersign.invalid/${randomBytes(6).toString('hex')}`,
    logLevel: 'info',
    operator: {
      lei: '529900T8BM49AURSDO55',
      name: 'Control plane operator (development)',
      country: 'DE',
      jwks: { keys: [jwks.operator] },
      // On a development machine one person holds all keys. Dual control can be tried here but proves nothing.
      approver: { jwks: { keys: [jwks.approver] } },
      compliance: { jwks: { keys: [jwks.compliance] } },
    },
    accessTokenLifetimeSeconds: 300,
  };
}

/** The explanation that the operator sees after a first start. */
export function explainDevelopment(setup: DevelopmentSetup): string {
  const { configuration } = setup;
  return [
    setup.fresh ? 'First start: a development configuration was made.' : 'Development configuration read.',
    `  address        ${configuration.issuer}   (loopback only)`,
    `  configuration  ${setup.configurationFile}`,
    `  data           ${configuration.dataFolder}`,
    `  operator key   ${setup.operatorKeyFile}   (private, mode 0600; the countersign command signs in with it)`,
    `  second key     ${setup.approverKeyFile}   (the same, for what takes two people: --client countersign-approver --key)`,
    `  compliance key ${setup.complianceKeyFile}   (the same, for what is found of firms: --client countersign-compliance --key)`,
    ...(configuration.databaseUrl === undefined ? [] : ['  database       that of DATABASE_URL']),
    `  Not for production: plain HTTP, ${configuration.databaseUrl === undefined ? 'an embedded database, ' : ''}keys in files beside the data.`,
    '  For production: environment "production", an https issuer, databaseUrl, keyEncryptionKey from your secret store.',
  ].join('\n');
}
