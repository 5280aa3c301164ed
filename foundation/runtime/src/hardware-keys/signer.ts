import type { Duplex } from 'node:stream';
import { isCodedError } from '@countersign/kernel';
import { readSecret } from '../configuration/index.ts';
import { thumbprintOf } from './algorithms.ts';
import { hardwareKeyErrors } from './errors.ts';
import { readFrames, sendFrame } from './frames.ts';
import { parseSignerRequest, type SignerAnswer, type SignerRequest, type SignerSettings } from './messages.ts';
import { ckr, loadModule, returnValueOf } from './pkcs11-module.ts';
import type { StatementCheck } from './statement-check.ts';
import { type OpenKey, openToken, type Token } from './token.ts';

/**
 * Ends the process. With a reason, the control plane starts another one, which opens the token anew; without one, the control plane
 * itself has ended.
 */
export type EndSigner = (reason?: string) => void;

/** Answers the requests of one control plane over a stream. This code runs in the signer process only. */
export function serveSigner(stream: Duplex, end: EndSigner): void {
  let serving: ReturnType<typeof serveToken> | undefined;

  async function answer(request: SignerRequest): Promise<object> {
    if (request.op === 'open') {
      const { statements, statementFacts } = request.settings;
      const check = statements === undefined ? undefined : await importCheck(statements, statementFacts);
      const token = openToken(loadModule(request.settings.module), request.settings, readSecret(request.settings.pin));
      serving = serveToken(token, { settings: request.settings, check, end });
      return token.description;
    }
    if (serving === undefined) throw new Error('the token is not open');
    return serving.handle(request);
  }

  readFrames(stream, (message) => {
    const request = parseSignerRequest(message);
    if (request === undefined) {
      end('a request in an unknown form');
      return;
    }
    const send = (outcome: Pick<SignerAnswer & { result: object }, 'result'> | { error: object }): void => {
      if (!stream.destroyed) sendFrame(stream, { call: request.call, ...outcome });
    };
    answer(request).then(
      (result) => send({ result: { ...result } }),
      (error: unknown) => send({ error: errorOf(error) }),
    );
  });
  stream.on('close', () => {
    serving?.close();
    end();
  });
}

function serveToken(
  token: Token,
  {
    settings,
    check,
    end,
  }: { readonly settings: SignerSettings; readonly check: StatementCheck | undefined; readonly end: EndSigner },
) {
  const known = new Map<string, OpenKey>();
  const canary = setInterval(() => {
    token.tryCanary().catch((error: unknown) => end(`the canary failed: ${String(error)}`));
  }, settings.canaryEveryMs);

  /** Finds a key once. Its public key must be the recorded one, whose thumbprint is the kid. */
  async function keyOf(request: SignerRequest & { readonly op: 'sign' }): Promise<OpenKey> {
    const found = known.get(request.kid);
    if (found !== undefined) return found;
    const key = await token.find(request, request.algorithm);
    if (thumbprintOf(key.jwk) !== request.kid)
      throw hardwareKeyErrors.error(
        'hardware_key_unfit',
        `The key in the token with the label ${request.label} and the id ${request.id} is not the recorded key ${request.kid}.`,
      );
    known.set(request.kid, key);
    return key;
  }

  async function sign(request: SignerRequest & { readonly op: 'sign' }): Promise<object> {
    const data = Buffer.from(request.data, 'base64url');
    const { document } = request;
    const refusal = check?.({
      ...request,
      data,
      document: document === undefined ? undefined : Buffer.from(document, 'base64url'),
    });
    if (refusal !== undefined)
      throw hardwareKeyErrors.error(
        'statement_refused',
        `The signer refuses to sign this for ${request.purpose}: ${refusal}`,
      );
    try {
      const signature = await (await keyOf(request)).sign(data);
      return { data: Buffer.from(signature).toString('base64url') };
    } catch (error) {
      endIfLost(error);
      throw error;
    }
  }

  function endIfLost(error: unknown): void {
    const value = returnValueOf(error);
    const isLost = value !== undefined && ckr.lost.has(value);
    const isStuck = token.stuckSessions() >= settings.sessions;
    const isFaulty = hardwareKeyErrors.is(error, 'hardware_signature_invalid');
    const isRefused = hardwareKeyErrors.is(error, 'hardware_pin_refused');
    if (isLost || isStuck || isFaulty || isRefused) setImmediate(() => end(String(error)));
  }

  return {
    async handle(request: Exclude<SignerRequest, { readonly op: 'open' }>): Promise<object> {
      switch (request.op) {
        case 'generate':
          return described(await token.generate(request.label, request.algorithm));
        case 'find':
          return described(await token.find(request, request.algorithm));
        case 'destroy':
          await token.destroy(request);
          return {};
        case 'sign':
          return sign(request);
        case 'encrypt':
          return octets(await token.encrypt(request.label, Buffer.from(request.data, 'base64url'), request.bound));
        case 'decrypt':
          return octets(await token.decrypt(request.label, Buffer.from(request.data, 'base64url'), request.bound));
        default:
          return request satisfies never;
      }
    },
    close(): void {
      clearInterval(canary);
      try {
        token.close();
      } catch {
        // The module is about to go with the process.
      }
    },
  };
}

const octets = (data: Uint8Array): object => ({ data: Buffer.from(data).toString('base64url') });
const described = ({ label, id, jwk, attributes }: OpenKey): object => ({ label, id, jwk, attributes });

function errorOf(error: unknown): object {
  if (isCodedError(error)) {
    const { code, detail } = error;
    return { code, detail, ...(error.cause === undefined ? {} : { internal: String(error.cause) }) };
  }
  return {
    code: 'hardware_unavailable',
    detail: 'The token failed. Nothing was released; try again.',
    internal: String(error),
  };
}

/** Loads the module that checks statements. It exports `createStatementCheck`. */
async function importCheck(url: string, facts: Readonly<Record<string, string>>): Promise<StatementCheck> {
  const loaded: { createStatementCheck?: unknown } = await import(url);
  const { createStatementCheck } = loaded;
  if (typeof createStatementCheck !== 'function') throw new Error('the module for statements has no check');
  // The module belongs to this release; its type is `CreateStatementCheck`.
  return (createStatementCheck as (facts: Readonly<Record<string, string>>) => StatementCheck)(facts);
}
