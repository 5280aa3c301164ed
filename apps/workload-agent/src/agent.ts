import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Clock, Random } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { AttesterDoor } from './control-plane.ts';
import { digestTree, fingerprintOf } from './digest-files.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';
import { agentErrors } from './errors.ts';
import { fingerprintOfProcess, observeProcess, type ProcessSource } from './observe-process.ts';
import { createSvidSource, type EvidenceSource, type SvidSource } from './svid-source.ts';

const closed = { additionalProperties: false } as const;
const path = Type.String({ minLength: 1, maxLength: 4_096 });
const evidence = Type.Union([
  Type.Object({ kind: Type.Literal('process'), pid_file: path, configuration: Type.Optional(path) }, closed),
  Type.Object(
    {
      kind: Type.Literal('process'),
      systemd_unit: Type.String({ pattern: '^[A-Za-z0-9@_.:-]+\\.service$' }),
      configuration: Type.Optional(path),
    },
    closed,
  ),
  Type.Object(
    {
      kind: Type.Literal('kubernetes'),
      cluster: Type.String({ minLength: 1 }),
      token_file: path,
      container: Type.Optional(Type.String()),
    },
    closed,
  ),
  Type.Object({ kind: Type.Literal('ci-token'), token_file: path }, closed),
  // The command receives the digest of the key as its last argument, for the nonce, and prints the result.
  Type.Object(
    { kind: Type.Literal('attestation-result'), command: Type.Array(Type.String(), { minItems: 1, maxItems: 32 }) },
    closed,
  ),
]);
const settings = Type.Object(
  {
    workloads: Type.Array(
      Type.Object(
        {
          entry: Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$' }),
          socket: Type.String({ pattern: '^/', maxLength: 100 }),
          /** Numeric id of the user who may connect; by default the agent's own. */
          user: Type.Optional(Type.Integer({ minimum: 0 })),
          environment: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,31}$' }),
          evidence: Type.Array(evidence, { minItems: 1, maxItems: 8 }),
        },
        closed,
      ),
      { minItems: 1, maxItems: 1_000 },
    ),
  },
  closed,
);
const settingsCheck = Compile(settings);
export type AgentSettings = Static<typeof settings>;
type Configured = Static<typeof evidence>;

/** @throws CodedError `agent_configuration_invalid` */
export function readAgentSettings(document: unknown): AgentSettings {
  if (!settingsCheck.Check(document)) {
    const [first] = settingsCheck.Errors(document);
    throw agentErrors.error(
      'agent_configuration_invalid',
      `The configuration of the agent is invalid: ${first?.instancePath ?? ''} ${first?.message ?? ''}`,
    );
  }
  const sockets = document.workloads.map(({ socket }) => socket);
  if (new Set(sockets).size < sockets.length)
    throw agentErrors.error('agent_configuration_invalid', 'Two workloads have the same socket. Each needs its own.');
  return document;
}

const processOf = (item: Extract<Configured, { kind: 'process' }>): ProcessSource =>
  'pid_file' in item ? { pidFile: item.pid_file } : { systemdUnit: item.systemd_unit };

async function tokenIn(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw agentErrors.error('workload_unobservable', `The token in ${file} cannot be read.`, { cause: error });
  }
}

async function resultOf([program = '', ...args]: readonly string[], key: string | undefined): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, [...args, key ?? ''], { timeout: 10_000, maxBuffer: 65_536 });
    return stdout.trim();
  } catch (error) {
    throw agentErrors.error('workload_unobservable', 'The command for the attestation result failed.', {
      cause: error,
    });
  }
}

/** Gathers the evidence that the agent's configuration names. */
export function createConfiguredEvidence(environment: string, items: readonly Configured[]): EvidenceSource {
  async function gatherOne(item: Configured, key: string | undefined): Promise<object[]> {
    switch (item.kind) {
      case 'process': {
        const observed = { kind: 'process', environment, ...(await observeProcess(processOf(item))) };
        return item.configuration === undefined
          ? [observed]
          : [{ ...observed, configuration: await digestTree(item.configuration) }];
      }
      case 'kubernetes': {
        const { cluster, container } = item;
        const token = await tokenIn(item.token_file);
        return [{ kind: 'kubernetes', environment, cluster, token, ...(container === undefined ? {} : { container }) }];
      }
      case 'ci-token':
        return [{ kind: 'ci-token', environment, token: await tokenIn(item.token_file) }];
      case 'attestation-result':
        return [{ kind: 'attestation-result', token: await resultOf(item.command, key) }];
    }
  }
  return {
    gather: async (key) => (await Promise.all(items.map((item) => gatherOne(item, key)))).flat(),
    async fingerprint() {
      const parts = items.map(async (item) => {
        if (item.kind !== 'process') return '';
        const files = item.configuration === undefined ? '' : await fingerprintOf(item.configuration);
        return `${await fingerprintOfProcess(processOf(item))} ${files}`;
      });
      return (await Promise.all(parts)).join();
    },
  };
}

/** Serves every configured workload until it is stopped. @throws CodedError `agent_configuration_invalid` */
export async function startAgent(options: {
  readonly settings: AgentSettings;
  readonly door: AttesterDoor;
  readonly clock: Clock;
  readonly random: Random;
  readonly everyMs?: number;
  readonly note?: (text: string, facts: Readonly<Record<string, string>>) => void;
}): Promise<{ readonly addresses: readonly string[]; stop(): Promise<void> }> {
  const opened: { readonly endpoint: Endpoint; readonly source: SvidSource }[] = [];
  const stop = async (): Promise<void> => {
    for (const { endpoint, source } of opened.splice(0)) {
      source.stop();
      await endpoint.stop();
    }
  };
  try {
    for (const { entry, socket, user, environment, evidence: items } of options.settings.workloads) {
      const source = createSvidSource({ ...options, entry, evidence: createConfiguredEvidence(environment, items) });
      const at = { socket, source, clock: options.clock, ...(user === undefined ? {} : { user }) };
      opened.push({ source, endpoint: await openEndpoint(at) });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { addresses: opened.map(({ endpoint }) => endpoint.address), stop };
}
