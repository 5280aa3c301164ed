import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EvidenceRecord } from '@countersign/contracts';
import { type Clock, isCodedError } from '@countersign/kernel';
import type { Logger, OwnerConnection } from '@countersign/runtime';
import {
  type CallRequest,
  type Client,
  type ClientOptions,
  createClient,
  importSigningKey,
  type Token,
  tokenInDevelopment,
} from '@countersign/sdk';
import {
  type Configuration,
  type ControlPlane,
  prepareDevelopment,
  readConfiguration,
  startControlPlane,
} from '@countersign/server';
import { freePort } from '@countersign/testkit';

/** A command of the operator with its user: changes are made by that person, reads by the command itself. */
export interface Command {
  readonly client: Client;
  /** A token for one of the control plane's own interfaces. */
  token(door: string, scope: string): Promise<Token>;
  /** Calls one of the control plane's own interfaces. @throws the refusal */
  call(door: string, scope: string, request: Omit<CallRequest, 'url'> & { readonly path: string }): Promise<unknown>;
}

/** The operator of a control plane, with the same access as the command `countersign`. */
export interface Operator extends Command {
  /** The second person. */
  readonly second: Command;
  /** The person of the compliance function. */
  readonly third: Command;
  /** Applies a directory file with as many people as needed: the second one has the key that development creates. */
  apply(file: unknown): Promise<void>;
  /** Registers a trust profile, with the second person if needed. */
  trust(profile: unknown): Promise<void>;
  /** Records compliance findings, with the second person if needed. */
  find(findings: readonly { readonly institution: string; readonly compliance: unknown }[]): Promise<void>;
  /** All log records, oldest first, with restricted values. Each reading leaves a record. */
  records(query?: {
    readonly type?: string;
    readonly transaction?: string;
    readonly after?: string;
  }): Promise<readonly LogRecord[]>;
}

export type LogRecord = EvidenceRecord & { readonly index: string };

export function operatorOf(folder: string, issuer: string, options: Partial<ClientOptions> = {}): Operator {
  function commandOf(clientId: string, file: string): Command {
    const key = importSigningKey(JSON.parse(readFileSync(join(folder, file), 'utf8')));
    const own = { issuer, clientId, key, ...options };
    const client = createClient(own);
    const token: Operator['token'] = (door, scope) =>
      tokenInDevelopment(client, own, { resource: `${issuer}/${door}`, scope });
    return {
      client,
      token,
      call: async (door, scope, { path, ...request }) =>
        client.callOrThrow(await token(door, scope), { ...request, url: `${issuer}${path}` }),
    };
  }
  const { client, token, call } = commandOf('countersign-cli', 'operator.jwk');
  const second = commandOf('countersign-approver', 'approver.jwk');
  // Not every installation has this person.
  const compliance = () => commandOf('countersign-compliance', 'compliance.jwk');
  const post = (path: string, body: unknown) => ({ method: 'POST' as const, path, body });
  async function approve(proposed: unknown): Promise<void> {
    const { id, digest } = proposed as { readonly id: string; readonly digest: string };
    await second.call('directory', 'directory:approve', post(`/directory/changes/${id}/approve`, { digest }));
  }
  return {
    client,
    token,
    call,
    second,
    get third() {
      return compliance();
    },
    async find(findings) {
      const body = { findings, reason: 'A test' };
      const answer = await compliance().call('directory', 'compliance:record', post('/directory/findings', body));
      if ('digest' in (answer as object)) await approve(answer);
    },
    async trust(profile) {
      const body = { profile, reason: 'A test' };
      const answer = await call('partners', 'partner:register', post('/partners/profiles', body));
      if ('digest' in (answer as object)) await approve(answer);
    },
    async apply(file) {
      try {
        await call('directory', 'directory:apply', post('/directory/apply', file));
      } catch (error) {
        if (!isCodedError(error, 'second_person_required')) throw error;
        const proposal = post('/directory/changes', { file, reason: 'A test' });
        await approve(await call('directory', 'directory:apply', proposal));
      }
    },
    async records(query = {}) {
      const found: LogRecord[] = [];
      for (let after = query.after; ; after = found.at(-1)?.index) {
        const whole = { limit: '1000', disclose: '*', purpose: 'Comparing what was recorded' };
        const from = { ...whole, ...query, ...(after === undefined ? {} : { after }) };
        const path = `/evidence/records?${new URLSearchParams(from).toString()}`;
        const { records } = (await call('evidence', 'audit:read audit:disclose', { method: 'GET', path })) as {
          records: readonly { readonly index: string; readonly record: EvidenceRecord }[];
        };
        found.push(...records.map(({ index, record }) => ({ ...record, index })));
        if (records.length < 1000) return found;
      }
    },
  };
}

/** A development configuration in a folder, without output, and with a database of its own if one is given. */
export async function configurationIn(
  folder: string,
  options: { readonly port?: number; readonly database?: OwnerConnection } = {},
): Promise<Configuration> {
  const { configuration, configurationFile } = prepareDevelopment({
    dataFolder: folder,
    port: options.port ?? (await freePort()),
  });
  const changed: Record<string, unknown> = { ...configuration, logLevel: 'error' };
  if (options.database !== undefined) {
    const { user, password, host, port, database } = options.database;
    const file = join(folder, 'database-url');
    writeFileSync(file, `postgres://${user}:${password}@${host}:${port}/${database}`, { mode: 0o600 });
    changed['databaseUrl'] = `file:${file}`;
  }
  writeFileSync(configurationFile, JSON.stringify(changed));
  return readConfiguration(changed);
}

/** A control plane in this process, listening, with its operator. */
export interface RunningControlPlane extends ControlPlane {
  readonly issuer: string;
  readonly operator: Operator;
}

export async function runControlPlane(
  configuration: Configuration,
  options: { readonly clock?: Clock; readonly logger?: Logger } = {},
): Promise<RunningControlPlane> {
  const controlPlane = await startControlPlane(configuration, { unfitRecords: 'throw', ...options });
  const { issuer, dataFolder } = configuration;
  return {
    ...controlPlane,
    issuer,
    operator: operatorOf(dataFolder, issuer, options.clock === undefined ? {} : { clock: options.clock }),
  };
}
