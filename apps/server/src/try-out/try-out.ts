import { readFileSync } from 'node:fs';
import { auditLogErrors, authenticatorErrors, directoryErrors } from '@countersign/contracts';
import { type Clock, CodedError, isCodedError, parseId, type TransactionId } from '@countersign/kernel';
import {
  type Client,
  type ClientOptions,
  createClient,
  importSigningKey,
  type Token,
  type TokenRequest,
  tokenInDevelopment,
} from '@countersign/sdk';
import type { Configuration } from '../configuration/index.ts';
import {
  type ClientName,
  exampleDirectory,
  exampleFindings,
  exampleMandate,
  exampleOrder,
  exampleTerms,
  orderInterface,
  visitors,
} from './example.ts';
import { exampleKeys } from './keys.ts';
import { type Proof, proofOf } from './proof.ts';

/** The try-out configures everything through the public interfaces, as an operator would. */
export interface TryOutKeys {
  readonly operatorKeyFile: string;
  /** Key file of the second person's command. */
  readonly approverKeyFile: string;
  readonly complianceKeyFile: string;
}

export interface TryOutDependencies extends TryOutKeys {
  readonly configuration: Pick<Configuration, 'environment' | 'issuer' | 'dataFolder'>;
  readonly clock: Clock;
}

/** A small example in which the user of this machine approves an order as a supervisor, with their own key. */
export interface TryOut {
  /** The page where a visitor registers a security key or passkey. @throws CodedError `try_out_full`, `try_out_busy` */
  inviteVisitor(): Promise<{ readonly path: string; readonly visitor: string }>;
  /**
   * Places an order and returns the page where the visitor approves it. @throws CodedError `try_out_busy`, and the errors of
   * the interfaces
   */
  placeOrder(): Promise<{ readonly path: string; readonly transaction: TransactionId }>;
  /**
   * Exports the evidence of an example order with the operator's rights. The export is recorded.
   *
   * @throws CodedError `transaction_without_records` for a transaction outside the example
   */
  proofOf(transaction: string): Promise<Proof>;
}

const reason = 'The example of /try';
/** Policies accept a sanctions screening that is at most 24 hours old. */
const screenEveryMs = 12 * 3_600_000;

/** @throws CodedError `configuration_unsafe` outside development, because it makes any visitor a supervisor */
export function createTryOut({ configuration, clock, ...keyFiles }: TryOutDependencies): TryOut {
  const { environment, issuer, dataFolder } = configuration;
  if (environment !== 'development')
    throw new CodedError({
      code: 'configuration_unsafe',
      category: 'invalid',
      detail: 'The try-out makes every visitor a supervisor. It is available only if environment is development.',
    });
  let screenedAt = 0;
  let mandate: string | undefined;
  let busy = false;

  /** Starts lazily, because the interfaces do not answer yet while routes are mounted. */
  function start() {
    const { since, keys } = exampleKeys(dataFolder, clock.now());
    const command = (clientId: string, file: string): Caller =>
      callerOf({ issuer, clientId, key: importSigningKey(JSON.parse(readFileSync(file, 'utf8'))) });
    return {
      since,
      keys,
      operator: command('countersign-cli', keyFiles.operatorKeyFile),
      approver: () => command('countersign-approver', keyFiles.approverKeyFile),
      compliance: () => command('countersign-compliance', keyFiles.complianceKeyFile),
      client: (clientId: ClientName) => callerOf({ issuer, clientId, key: keys[clientId] }),
    };
  }
  let started: ReturnType<typeof start> | undefined;

  async function call(caller: Caller, door: string, scope: string, path: string, body: unknown, key?: string) {
    const { client } = caller;
    const token = await caller.token({ resource: `${issuer}/${door}`, scope });
    const url = `${issuer}${path}`;
    return client.callOrThrow(token, {
      method: 'POST',
      url,
      body,
      ...(key === undefined ? {} : { idempotencyKey: key }),
    });
  }

  /** Creates the example. Running it again changes only the date of the screening. */
  async function setUp(): Promise<NonNullable<typeof started>> {
    started ??= start();
    const { operator, compliance, keys } = started;
    const now = clock.now();
    if (now - screenedAt < screenEveryMs) return started;
    const file = exampleDirectory(issuer, keys);
    try {
      await call(operator, 'directory', 'directory:apply', '/directory/apply', file);
    } catch (error) {
      // The directory is already in use, so adding the example's supervisors needs a second person's approval.
      if (!directoryErrors.is(error, 'second_person_required')) throw error;
      const proposal = { file, reason };
      await approve(await call(operator, 'directory', 'directory:apply', '/directory/changes', proposal));
    }
    const findings = { findings: exampleFindings(new Date(now).toISOString()), reason };
    await approve(await call(compliance(), 'directory', 'compliance:record', '/directory/findings', findings));
    screenedAt = now;
    return started;

    /** Approves as the second person if the change is pending. */
    async function approve(answer: unknown): Promise<void> {
      if (typeof answer !== 'object' || answer === null || !('digest' in answer) || started === undefined) return;
      const path = `/directory/changes/${textOf(answer, 'id')}/approve`;
      await call(started.approver(), 'directory', 'directory:approve', path, { digest: textOf(answer, 'digest') });
    }
  }

  async function mandateFor({ client, since }: NonNullable<typeof started>): Promise<string> {
    const proposal = exampleMandate(since);
    const proposed = await call(
      client('try-out-fund'),
      'mandates',
      'mandate:grant',
      '/mandates',
      proposal,
      `try-out-${since}`,
    );
    const id = textOf(proposed, 'id');
    try {
      const accept = `/mandates/${id}/accept`;
      await call(client('try-out-house'), 'mandates', 'mandate:grant', accept, { termsHash: exampleTerms });
    } catch (error) {
      // The mandate was accepted earlier. Placing the order checks whether it is still in force.
      if (!isCodedError(error) || error.category !== 'conflict') throw error;
    }
    return id;
  }

  /** Serialises the work, so that a double click runs it once. */
  async function alone<Result>(work: () => Promise<Result>): Promise<Result> {
    if (busy)
      throw new CodedError({
        code: 'try_out_busy',
        category: 'unavailable',
        detail: 'The example is being set up at this moment. Try again in a second.',
      });
    busy = true;
    try {
      return await work();
    } finally {
      busy = false;
    }
  }

  return {
    inviteVisitor: () =>
      alone(async () => {
        const { operator } = await setUp();
        for (const visitor of visitors) {
          try {
            const path = `/people/${encodeURIComponent(visitor)}/invitations`;
            const evidence = ['Try-out: a visitor at this machine; identity not verified'];
            const invited = await call(operator, 'people', 'authenticator:invite', path, { evidence });
            return { path: new URL(textOf(invited, 'url')).pathname, visitor };
          } catch (error) {
            // This visitor already has or had a key, so try the next one.
            if (!authenticatorErrors.is(error, 'recovery_needed')) throw error;
          }
        }
        throw new CodedError({
          code: 'try_out_full',
          category: 'conflict',
          detail: `All ${visitors.length} visitors have a key. Sign in with one of those, or start with another data folder.`,
        });
      }),

    placeOrder: () =>
      alone(async () => {
        const example = await setUp();
        mandate ??= await mandateFor(example);
        const token = await example.client('try-out-algorithm').token({
          resource: orderInterface(issuer),
          scope: 'order:create',
          authorizationDetails: [exampleOrder(issuer, mandate, clock.now())],
        });
        const transaction = parseId('transaction', claimsOf(token.accessToken)['txn']);
        if (transaction === undefined) throw new Error('a token for an order without its transaction');
        return { path: `/approve/${transaction}`, transaction };
      }),

    async proofOf(text) {
      const transaction = parseId('transaction', text);
      if (transaction === undefined)
        throw auditLogErrors.error('transaction_without_records', 'The example has no such transaction.');
      started ??= start();
      const { client, token } = started.operator;
      const exported = await client.callOrThrow(
        await token({ resource: `${issuer}/evidence`, scope: 'audit:export' }),
        { method: 'GET', url: `${issuer}/evidence/transactions/${transaction}` },
      );
      return proofOf(transaction, exported);
    },
  };
}

/** A client of the example, or an operator command with the person who uses it. */
interface Caller {
  readonly client: Client;
  token(request: TokenRequest): Promise<Token>;
}

function callerOf(options: Pick<ClientOptions, 'issuer' | 'clientId' | 'key'>): Caller {
  const client = createClient(options);
  return { client, token: (request) => tokenInDevelopment(client, options, request) };
}

function textOf(answer: unknown, name: string): string {
  const value =
    typeof answer === 'object' && answer !== null
      ? new Map<string, unknown>(Object.entries(answer)).get(name)
      : undefined;
  if (typeof value !== 'string') throw new Error(`an answer of our own without ${name}`);
  return value;
}

/** Reads the claims of a token that was just issued here, without verification. No decision depends on them. */
function claimsOf(token: string): Readonly<Record<string, unknown>> {
  const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  return typeof claims === 'object' && claims !== null ? { ...claims } : {};
}
