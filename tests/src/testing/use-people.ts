import { type PrincipalId, parsePrincipalId, parseResourceUri, type SignedStatement } from '@countersign/contracts';
import { parseDigest } from '@countersign/kernel';
import { generateSigningKey } from '@countersign/sdk';
import { createSoftwareAuthenticator, type SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { importJWK, SignJWT } from 'jose';
import { expect } from 'vitest';
import type { RunningControlPlane } from './control-plane.ts';
import { proofOf } from './credentials.ts';
import { leis } from './firms.ts';
import { formOf, personBrowser } from './person-browser.ts';

/** Each named by their part in what follows. */
const people = {
  loser: idOf('person:lea.berg'),
  compliance: idOf('person:cora.lind'),
  holder: idOf('person:fay.first'),
  second: idOf('person:sam.second'),
};
const device = 'device:desk-1';
const edr = generateSigningKey();

/** The configured posture feed of the operator's devices. */
export const postureFeeds = (institution: string) => ({
  feeds: [{ name: 'edr', institution, keys: [{ ...edr.publicJwk, kid: edr.kid }] }],
});

/** For the directory: people of the arranger, and a device of the operator. */
export function peopleAndDevices(operator: string) {
  const person = (id: string, role: string) => ({
    ...{ id, institution: leis.arranger, roles: [role], federated: [], credentials: [] },
  });
  return {
    people: [
      person(people.loser, 'sales'),
      person(people.compliance, 'compliance'),
      person(people.holder, 'break-glass'),
      person(people.second, 'break-glass'),
    ],
    devices: [{ id: device, institution: operator, posture: 'compliant', posture_at: '2026-01-05T07:00:00Z' }],
  };
}

const get = (path: string) => ({ method: 'GET' as const, path });
const post = (path: string, body?: unknown) => ({
  ...{ method: 'POST' as const, path },
  ...(body === undefined ? {} : { body }),
});
const refusedWith = (code: string, act: Promise<unknown>) => expect(act).rejects.toHaveProperty('code', code);

/** At least one request to every route for keys, recovery, emergency access and devices. */
export async function usePeople(controlPlane: RunningControlPlane, supervisorId: string): Promise<void> {
  const { operator, issuer, components } = controlPlane;
  const { authenticators } = components.authentication;
  const call = (door: string) => (scope: string, request: ReturnType<typeof get> | ReturnType<typeof post>) =>
    operator.call(door, scope, request);
  const supervisor = idOf(supervisorId);
  const keys = new Map<PrincipalId, SoftwareAuthenticator>();
  const at = call('people');

  async function enrol(person: PrincipalId): Promise<string> {
    const evidence = ['personnel file 2026/118'];
    const invited = await at('authenticator:invite', post(`/people/${person}/invitations`, { evidence }));
    const { url } = invited as { readonly url: string };
    const key = createSoftwareAuthenticator({ origin: issuer });
    keys.set(person, key);
    const { handle, options } = await authenticators.askInvited(url.slice(url.lastIndexOf('/') + 1));
    return (await authenticators.register({ handle, person, credential: key.create(options), name: 'blue key' })).id;
  }
  type Asked = { readonly handle: string; readonly options: unknown };
  const sign = (person: PrincipalId, { handle, options }: Asked): Promise<SignedStatement> =>
    authenticators.consume({ handle, person, credential: keys.get(person)?.get(options) });

  /** Sessions of a person who has just signed in. */
  async function sessionsOf(person: PrincipalId): Promise<readonly { readonly id: string }[]> {
    const browser = personBrowser(issuer);
    const page = await browser.open(`${issuer}/approvals`);
    expect((await browser.submit(formOf(page, 'sign-in'), { person })).status).toBe(200);
    const listed = await at('session:read', get(`/people/${person}/sessions`));
    return (listed as { readonly sessions: readonly { readonly id: string }[] }).sessions;
  }

  const own = await enrol(people.loser);
  for (const person of [people.compliance, people.holder, people.second, supervisor]) await enrol(person);
  const account = `/people/${people.loser}`;
  const reason = 'Lost on a train';
  await at('authenticator:read', get(`${account}/authenticators`));
  const sessions = await sessionsOf(people.loser);
  await at('session:end', post(`${account}/sessions/${sessions[0]?.id}/end`, { reason }));
  await at('session:end', post(`${account}/sessions/end`, { reason }));
  await refusedWith('session_unknown', at('session:end', post(`${account}/sessions/none/end`, { reason })));
  await at('account:unlock', post(`${account}/signals/device-new/clear`));
  await at('account:lock', post(`${account}/lock`, { reason }));
  await at('account:unlock', post(`${account}/unlock`, { reason: 'Found' }));
  const lost = post(`${account}/authenticators/${own}/revoke`, { reason });
  await at('authenticator:revoke', lost);
  await refusedWith('authenticator_not_found', at('authenticator:revoke', lost));
  await at('authenticator:revoke', post(`${account}/authenticators/revoke`, { reason }));
  await refusedWith('person_not_yours', at('authenticator:read', get('/people/person:nobody/authenticators')));
  const again = post(`${account}/invitations`, { evidence: ['I know her voice'] });
  await refusedWith('recovery_needed', at('authenticator:invite', again));

  // Not by the person who invited the approvers.
  const recovering = controlPlane.operator.second.call.bind(undefined, 'recoveries');
  const open = async (): Promise<string> => {
    const asked = { person: people.loser, reason, evidence: ['HR file 4711'] };
    return ((await recovering('recovery:open', post('/recoveries', asked))) as { readonly id: string }).id;
  };
  const first = await open();
  await refusedWith('recovery_standing', open());
  await recovering('recovery:open', post(`/recoveries/${first}/cancel`, { reason: 'Found after all' }));
  const id = (await open()) as Parameters<typeof components.recovery.approve>[0];
  await recovering('recovery:read', get('/recoveries?status=waiting'));
  await refusedWith('recovery_not_ready', recovering('recovery:open', post(`/recoveries/${id}/invitation`)));
  for (const person of [supervisor, people.compliance])
    await components.recovery.approve(id, await sign(person, await components.recovery.askToApprove(id, person)));
  await recovering('recovery:read', get(`/recoveries/${id}`));
  await recovering('recovery:open', post(`/recoveries/${id}/invitation`));
  await recovering('recovery:read', get('/recovery-requests'));

  const { breakGlass } = components;
  const tool = generateSigningKey();
  const jkt = parseDigest(tool.kid);
  const resource = parseResourceUri(`${issuer}/transactions`);
  if (jkt === undefined || resource === undefined) throw new Error('a broken fixture');
  const declaration = {
    ...{ resource, jkt, scopes: ['order:cancel'] as const },
    ...{ reason: 'The order gateway sends duplicates', reference: 'INC-1' },
  };
  const { holder, second } = people;
  const declared = await sign(holder, await breakGlass.askToDeclare(declaration, holder));
  const incident = await breakGlass.declare(declaration, declared);
  await breakGlass.second(incident.id, await sign(second, await breakGlass.askToSecond(incident.id, second)));
  const looking = call('incidents');
  await looking('breakglass:read', get('/incidents?status=granted'));
  await looking('breakglass:read', get(`/incidents/${incident.id}`));
  await refusedWith('incident_unknown', looking('breakglass:read', get('/incidents/inc_x')));
  const url = `${issuer}/incidents/${incident.id}/token`;
  const dpop = await proofOf(tool, { method: 'POST', url });
  // The second time it is used up.
  for (const status of [200, 401])
    expect((await fetch(url, { method: 'POST', headers: { dpop } })).status).toBe(status);

  const managing = call('devices');
  const thumbprint = 'A'.repeat(43);
  await managing('device:enrol', post(`/devices/${device}/certificates`, { thumbprint }));
  await managing('device:enrol', post(`/devices/${device}/links`));
  await managing('device:read', get('/devices?limit=2'));
  await managing('device:report', post('/devices/posture', { report: await reportOf(issuer, 'failing') }));
  await refusedWith('posture_report_invalid', managing('device:report', post('/devices/posture', { report: 'none' })));
  await managing('device:enrol', post(`/devices/${device}/remove`, { reason: 'Sold' }));
}

/** A feed's report on the device (see the README of devices). */
async function reportOf(issuer: string, posture: string): Promise<string> {
  return new SignJWT({ devices: [{ device, posture, posture_at: new Date(Date.now() - 1_000).toISOString() }] })
    .setProtectedHeader({ alg: 'ES256', typ: 'countersign-posture+jwt', kid: edr.kid })
    .setIssuer('edr')
    .setAudience(issuer)
    .setIssuedAt()
    .sign(await importJWK({ ...edr.privateJwk }, 'ES256'));
}

function idOf(text: string): PrincipalId {
  const id = parsePrincipalId(text);
  if (id === undefined) throw new Error(`${text} is nobody's id`);
  return id;
}
