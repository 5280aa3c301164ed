import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { CodedError } from '@countersign/kernel';
import { type Client, commandRedirectUri, type Token, type TokenRequest } from '@countersign/sdk/calling';

/** Time limit for the sign-in. */
const patienceMs = 300_000;

/**
 * A token for the person at this machine, who signs in to the control plane in a browser with an authorization code and PKCE
 * over loopback (RFC 8252). The command prints the address and opens no browser.
 *
 * @param tell shows the person where to sign in
 * @throws CodedError `sign_in_port_taken`, `sign_in_timeout`, `sign_in_refused`, and those of the server
 */
export async function signInPerson(
  client: Client,
  issuer: string,
  request: TokenRequest,
  tell: (line: string) => void,
): Promise<Token> {
  const codeVerifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const back = await listen({ issuer, state });
  try {
    const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
    const redirectUri = commandRedirectUri;
    const address = await client.pushAuthorization({ ...request, redirectUri, state, codeChallenge });
    tell(`This is for a person (${request.scope}). Sign in here: ${address}`);
    return await client.authorizationCode({ code: await back.code, redirectUri, codeVerifier });
  } finally {
    back.close();
  }
}

async function listen(expected: {
  readonly issuer: string;
  readonly state: string;
}): Promise<{ readonly code: Promise<string>; close(): void }> {
  const { hostname, port, pathname } = new URL(commandRedirectUri);
  let settle: { resolve(code: string): void; reject(error: Error): void } | undefined;
  const code = new Promise<string>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // The await below handles the rejection. Until then it must not count as unhandled.
  code.catch(() => undefined);
  const server: Server = createServer((asked, answer) => {
    const url = new URL(asked.url ?? '/', commandRedirectUri);
    const say = (status: number, text: string): void => {
      answer.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(`${text}\n`);
    };
    if (asked.method !== 'GET' || url.pathname !== pathname) return say(404, 'Not found.');
    const { searchParams } = url;
    // Ignores a response to another sign-in or from another server (RFC 9207).
    if (!isSame(searchParams.get('state'), expected.state) || !isSame(searchParams.get('iss'), expected.issuer))
      return say(400, 'This is not the answer to a sign-in that this command started.');
    const given = searchParams.get('code');
    if (given === null) {
      say(200, 'Sign-in failed. The command shows the reason.');
      settle?.reject(refused(searchParams.get('error')));
    } else {
      say(200, 'You are signed in. You can close this window.');
      settle?.resolve(given);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new CodedError({
          code: 'sign_in_port_taken',
          category: 'unavailable',
          detail: `The command cannot listen at ${commandRedirectUri}: another command may be waiting for a sign-in. Try again when it has finished.`,
          cause,
        }),
      ),
    );
    server.listen(Number(port), hostname, resolve);
  });
  const patience = setTimeout(() => settle?.reject(late()), patienceMs);
  return {
    code,
    close() {
      clearTimeout(patience);
      server.close();
      server.closeAllConnections();
    },
  };
}

function isSame(given: string | null, expected: string): boolean {
  const [one, other] = [Buffer.from(given ?? ''), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function refused(error: string | null): CodedError {
  const reason = /^[a-z_]{1,64}$/.test(error ?? '') ? error : 'unknown';
  return new CodedError({
    code: 'sign_in_refused',
    category: 'forbidden',
    detail: `Sign-in failed (${reason}). Run the command again.`,
  });
}

function late(): CodedError {
  return new CodedError({
    code: 'sign_in_timeout',
    category: 'unauthenticated',
    detail: `Nobody signed in within ${patienceMs / 60_000} minutes. Run the command again.`,
  });
}
