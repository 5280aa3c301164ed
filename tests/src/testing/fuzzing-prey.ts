import { authorize, flow, lasting, machineToken, push, redeem } from './differential-case.ts';
import { positions } from './differential-clients.ts';
import { memberOf } from './differential-requests.ts';
import type { Side } from './differential-side.ts';
import type { Prey } from './fuzzing-requests.ts';

/** Collects the material for hostile requests: tokens of each form, and pages of a browser. */
export async function gatherPrey(side: Side, person: string): Promise<Prey> {
  const begun = await flow(side, { form: lasting });
  const tokens = await redeem(side, begun);
  const forUserinfo = { scope: 'openid', resource: undefined, authorization_details: undefined };
  return {
    side,
    userinfoToken: memberOf(await redeem(side, await flow(side, { form: forUserinfo })), 'access_token'),
    accessToken: memberOf(await machineToken(side, { form: { resource: positions } }), 'access_token'),
    opaqueToken: memberOf(await machineToken(side), 'access_token'),
    refreshToken: memberOf(tokens, 'refresh_token'),
    requestUri: memberOf(await push(side), 'request_uri'),
    ...(await openConsentPage(side, person)),
  };
}

/** The requests of a well-behaved user. @throws Error when any of them fails */
export async function useWell(side: Side): Promise<number> {
  const { status } = await redeem(side, await flow(side));
  await authorize(side, { decision: 'refuse' });
  return status;
}

/** A person signs in and leaves the consent page open. */
async function openConsentPage(
  side: Side,
  person: string,
): Promise<Pick<Prey, 'cookies' | 'interaction' | 'csrf' | 'signInPath'>> {
  const jar = new Map<string, string>();
  const visit = async (path: string, form?: Readonly<Record<string, string>>): Promise<Response> => {
    const answer = await fetch(new URL(path, side.issuer), {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: {
        cookie: cookiesIn(jar),
        ...(form === undefined ? {} : { origin: side.issuer, 'sec-fetch-site': 'same-origin' }),
      },
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(line) ?? [];
      jar.set(name, value);
    }
    return answer;
  };
  const query = new URLSearchParams({ client_id: 'desk', request_uri: memberOf(await push(side), 'request_uri') });
  const signInPath = locationOf(await visit(`/authorize?${query}`));
  const signInPage = await (await visit(signInPath)).text();
  const fields = { csrf: fieldIn(signInPage, 'csrf'), method: 'development', person };
  const signedIn = await visit(signInPath, fields);
  const page = await (await visit(locationOf(signedIn))).text();
  return {
    cookies: cookiesIn(jar),
    interaction: fieldIn(page, 'interaction'),
    csrf: fieldIn(page, 'csrf'),
    signInPath,
  };
}

const cookiesIn = (jar: ReadonlyMap<string, string>): string =>
  [...jar].map(([name, value]) => `${name}=${value}`).join('; ');

function locationOf(answer: Response): string {
  const location = answer.headers.get('location');
  if (location === null) throw new Error(`no redirect, but ${answer.status}`);
  return location;
}

function fieldIn(page: string, name: string): string {
  const value = new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1];
  if (value === undefined) throw new Error(`no field ${name} in the page`);
  return value;
}
