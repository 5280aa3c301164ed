import { setTimeout as sleep } from 'node:timers/promises';
import { backOffMs, type CodedError, isCodedError, type Random } from '@countersign/kernel';
import type { Logger, Metrics } from '../observability/index.ts';
import { type HardwareAlgorithm, thumbprintOf } from './algorithms.ts';
import { hardwareKeyErrors } from './errors.ts';
import {
  type FoundKey,
  parseFoundKey,
  parseOctets,
  parseTokenDescription,
  type SignerCall,
  type SignerSettings,
  type TokenDescription,
} from './messages.ts';
import { type SignerConnection, startSigner } from './signer-connection.ts';

export interface HardwareKeySettings {
  /** Path of the PKCS #11 module of the vendor. */
  readonly module: string;
  readonly token: { readonly label?: string; readonly serial?: string };
  /** Reference of the PIN. The signer process reads it. */
  readonly pin: string;
  /** Parallel sessions. Default: 4. */
  readonly sessions?: number;
  /** Time for one call to the token. Default: 2,000. */
  readonly callTimeoutMs?: number;
  /** Signatures that may wait. Default: 1,000. */
  readonly queue?: number;
  /** Default: 10,000. */
  readonly canaryEveryMs?: number;
  /** Names of environment variables that the module needs. */
  readonly environment?: readonly string[];
}

export interface HardwareKeyReference {
  readonly label: string;
  /** `CKA_ID` in hexadecimal. */
  readonly id: string;
}

/** A key in the token, with its public key and attributes as the token reports them. */
export interface HardwareKey extends FoundKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  /** Serial number of the token. */
  readonly token: string;
}

export interface HardwareStatement {
  readonly purpose: string;
  readonly kid: string;
  readonly algorithm: HardwareAlgorithm;
  readonly data: Uint8Array;
  readonly document?: Uint8Array | undefined;
  readonly record?: string | undefined;
}

/**
 * Keys in a PKCS #11 token. A process of its own holds the module. A call that fails is never repeated here: it may have
 * signed, but its signature was not released.
 */
export interface HardwareKeys {
  token(): TokenDescription;
  generate(label: string, algorithm: HardwareAlgorithm): Promise<HardwareKey>;
  /** @throws CodedError `hardware_key_missing`, `hardware_key_ambiguous`, `hardware_key_unfit` */
  find(reference: HardwareKeyReference, algorithm: HardwareAlgorithm): Promise<HardwareKey>;
  /** A signature in JOSE form, verified. @throws CodedError of `hardwareKeyErrors` */
  sign(reference: HardwareKeyReference, statement: HardwareStatement): Promise<Uint8Array>;
  /** Removes a key that was never published. */
  destroy(reference: HardwareKeyReference): Promise<void>;
  /** Encrypts with an AES key that the token makes at the first use. @param bound authenticated, not encrypted */
  encrypt(label: string, data: Uint8Array, bound: string): Promise<Buffer>;
  decrypt(label: string, data: Uint8Array, bound: string): Promise<Buffer>;
  /** Process id of the signer, while there is one. */
  pid(): number | undefined;
  stop(): Promise<void>;
}

const opensWithinMs = 30_000;
const generatesWithinMs = 90_000;
const restart = { firstMs: 100, longestMs: 10_000 };
/** Failures in a row after which calls are refused at once, until the signer has started again. */
const opensCircuitAfter = 3;

/**
 * Starts the signer process and opens the token.
 *
 * @param options.statements the module that checks statements, from `workerFile`
 * @throws CodedError `hardware_unusable`, `hardware_pin_refused`, `secret_unavailable`
 */
export async function startHardwareKeys(options: {
  readonly settings: HardwareKeySettings;
  readonly statements?: URL;
  readonly statementFacts?: Readonly<Record<string, string>>;
  readonly logger: Logger;
  readonly random: Random;
  readonly metrics?: Metrics;
}): Promise<HardwareKeys> {
  const { logger, random, metrics } = options;
  const settings = withDefaults(options);
  const { callTimeoutMs } = settings;
  const env = environmentOf(options.settings);
  const queue = options.settings.queue ?? 1_000;
  let token: TokenDescription;
  let connection: SignerConnection | undefined;
  let starting: Promise<SignerConnection> | undefined;
  let refused: CodedError | undefined;
  let failures = 0;
  let waiting = 0;
  let stopped = false;

  async function open(): Promise<SignerConnection> {
    const opened = startSigner(env);
    try {
      token = parseTokenDescription(await opened.call({ op: 'open', settings }, opensWithinMs));
    } catch (error) {
      await opened.stop();
      throw error;
    }
    connection = opened;
    void opened.ended.then(() => {
      if (connection !== opened) return;
      connection = undefined;
      if (stopped) return;
      failures++;
      logger.error({ failures }, 'the signer ended and is started again');
      starting = reopen();
      // The next call reports the failure.
      starting.catch(() => undefined);
    });
    return opened;
  }

  /** Starts signers until one opens the token. A refused PIN is not tried again. */
  async function reopen(): Promise<SignerConnection> {
    for (;;) {
      await sleep(backOffMs(failures - 1, restart, random), undefined, { ref: false });
      if (stopped) throw unavailable('The control plane stops.');
      try {
        return await open();
      } catch (error) {
        failures++;
        if (hardwareKeyErrors.is(error, 'hardware_pin_refused')) {
          refused = error;
          logger.error({ error }, 'the token refused the PIN, and it is not tried again');
          throw error;
        }
        logger.error({ error, failures }, 'the signer cannot open the token');
      }
    }
  }

  async function connected(): Promise<SignerConnection> {
    if (connection !== undefined) return connection;
    if (refused !== undefined) throw refused;
    if (starting === undefined || stopped || failures >= opensCircuitAfter)
      throw unavailable('The signer has no token. Calls are refused until it has opened the token again.');
    const late = sleep(callTimeoutMs, undefined, { ref: false }).then(() => {
      throw unavailable('The signer is starting again. Try again in a few seconds.');
    });
    return Promise.race([starting, late]);
  }

  async function call(request: SignerCall, timeoutMs: number): Promise<object> {
    if (waiting >= queue) throw unavailable('Too many signatures are waiting for the token. Try again.');
    waiting++;
    try {
      const result = await (await connected()).call(request, timeoutMs);
      failures = 0;
      return result;
    } finally {
      waiting--;
    }
  }

  const keyOf = (result: object): HardwareKey => {
    const key = parseFoundKey(result);
    return { ...key, kid: thumbprintOf(key.jwk), token: token.serial };
  };
  const encode = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');
  const signed = metrics?.counter('countersign_hardware_signatures_total', 'Signatures by the token', ['result']);
  metrics?.gauge('countersign_hardware_signer_up', 'Whether the signer has an open token', () =>
    connection === undefined ? 0 : 1,
  );
  metrics?.gauge('countersign_hardware_signatures_waiting', 'Calls that wait for the token', () => waiting);

  await open();
  return {
    token: () => token,
    pid: () => connection?.pid,
    async generate(label, algorithm) {
      return keyOf(await call({ op: 'generate', label, algorithm }, generatesWithinMs));
    },
    async find({ label, id }, algorithm) {
      return keyOf(await call({ op: 'find', label, id, algorithm }, 2 * callTimeoutMs));
    },
    async sign({ label, id }, { purpose, kid, algorithm, data, document, record }) {
      try {
        const request = {
          ...{ op: 'sign' as const, label, id, algorithm, purpose, kid, data: encode(data) },
          ...(document === undefined ? {} : { document: encode(document) }),
          ...(record === undefined ? {} : { record }),
        };
        const signature = parseOctets(await call(request, 3 * callTimeoutMs));
        signed?.inc({ result: 'done' });
        return signature;
      } catch (error) {
        signed?.inc({ result: isCodedError(error) ? error.code : 'error' });
        throw error;
      }
    },
    async destroy({ label, id }) {
      await call({ op: 'destroy', label, id }, 2 * callTimeoutMs);
    },
    async encrypt(label, data, bound) {
      return parseOctets(await call({ op: 'encrypt', label, bound, data: encode(data) }, 2 * callTimeoutMs));
    },
    async decrypt(label, data, bound) {
      return parseOctets(await call({ op: 'decrypt', label, bound, data: encode(data) }, 2 * callTimeoutMs));
    },
    async stop() {
      stopped = true;
      await connection?.stop();
    },
  };
}

const unavailable = (detail: string): CodedError => hardwareKeyErrors.error('hardware_unavailable', detail);

function withDefaults(options: Parameters<typeof startHardwareKeys>[0]): SignerSettings {
  const { module, token, pin, sessions = 4, callTimeoutMs = 2_000, canaryEveryMs = 10_000 } = options.settings;
  return {
    ...{ module, token: { ...token }, pin, sessions, callTimeoutMs, canaryEveryMs },
    ...(options.statements === undefined ? {} : { statements: options.statements.href }),
    statementFacts: { ...options.statementFacts },
  };
}

/** Only the variables that the module or the PIN needs. The environment of the control plane may contain other secrets. */
function environmentOf({ environment = [], pin }: HardwareKeySettings): Readonly<Record<string, string>> {
  const names = pin.startsWith('env:') ? [...environment, pin.slice('env:'.length)] : environment;
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
