import { createHash } from 'node:crypto';
import { defined } from '@countersign/kernel';
import { createHttpServer, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { devicePages, devicesRoutes, type RunningDevices } from './index.ts';
import { annas, bank, banks, broker, shared } from './testing/device-directory.ts';
import { createTestKey, newKeyField } from './testing/device-keys.ts';
import { createDeviceWorld, type DeviceWorld, issuer } from './testing/device-world.ts';

let world: DeviceWorld;
let node: RunningDevices;
let app: FastifyInstance;
beforeAll(async () => {
  world = await createDeviceWorld();
  node = await world.node();
  const { directory, logger } = world;
  app = createHttpServer({ logger, metrics: createMetrics() });
  devicesRoutes(app, { devices: node, guard: createOpenGuard(), baseUrl: issuer });
  devicePages(app, { devices: node, directory, logger });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await world.close();
});

type Scope = 'device:enrol' | 'device:read' | 'device:report';
function call(method: 'GET' | 'POST', url: string, scope: Scope, payload?: object, institution: string = broker) {
  const headers = asCaller({ id: 'service:mdm', institution }, [scope]);
  return app.inject({ method, url, headers, ...defined({ payload }) });
}
const thumbprint = createHash('sha256').update('a workstation').digest('base64url');

describe('devices over HTTP', () => {
  it('are listed to their institution with their posture and their keys and certificates', async () => {
    const answer = await call('POST', `/devices/${annas.id}/certificates`, 'device:enrol', { thumbprint });
    expect([answer.statusCode, answer.json()]).toMatchObject([201, { recordId: expect.stringMatching(/^rec_/) }]);
    const list = (await call('GET', '/devices', 'device:read')).json();
    expect(list.devices.map(({ id }: { id: string }) => id)).toEqual([annas.id, shared.id]);
    expect(list.devices[0]).toMatchObject({
      holder: annas.holder,
      posture: { posture: 'compliant', source: 'directory' },
      shownBy: [{ by: 'certificate', thumbprint }],
    });
    const rest = (await call('GET', `/devices?after=${annas.id}&limit=1`, 'device:read')).json();
    expect(rest.devices.map(({ id }: { id: string }) => id)).toEqual([shared.id]);
    expect((await call('GET', '/devices', 'device:read', undefined, bank)).json().devices).toMatchObject([
      { id: banks.id },
    ]);
  });

  it('cannot be enrolled by others, for whom they do not exist', async () => {
    for (const [path, payload] of [
      ['certificates', { thumbprint }],
      ['links', undefined],
      ['remove', { reason: 'x' }],
    ] as const) {
      const answer = await call('POST', `/devices/${banks.id}/${path}`, 'device:enrol', payload);
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'device_unknown']);
    }
  });

  it('require the scope', async () => {
    for (const [method, path, scope] of [
      ['GET', '/devices', 'device:enrol'],
      ['POST', `/devices/${annas.id}/links`, 'device:read'],
      ['POST', `/devices/${annas.id}/certificates`, 'device:read'],
      ['POST', `/devices/${annas.id}/remove`, 'device:report'],
      ['POST', '/devices/posture', 'device:enrol'],
    ] as const)
      expect((await call(method, path, scope, method === 'POST' ? {} : undefined)).json()).toMatchObject({
        code: 'insufficient_scope',
      });
    expect((await app.inject({ url: '/devices' })).json()).toMatchObject({ code: 'token_missing' });
  });

  it('are reported by a signed report, and only by the institution of the feed', async () => {
    const report = world.report([
      {
        device: shared.id,
        posture: 'failing',
        posture_at: new Date(world.clock.now()).toISOString(),
        failed: ['av_off'],
      },
    ]);
    const foreign = await call('POST', '/devices/posture', 'device:report', { report }, bank);
    expect([foreign.statusCode, foreign.json().code]).toEqual([403, 'posture_feed_unknown']);
    const answer = await call('POST', '/devices/posture', 'device:report', { report });
    expect([answer.statusCode, answer.json()]).toEqual([200, { taken: 1, changed: 1, unknown: [], older: [] }]);
    const again = await call('POST', '/devices/posture', 'device:report', { report });
    expect([again.statusCode, again.json().code]).toEqual([409, 'posture_report_old']);
    expect((await call('POST', '/devices/posture', 'device:report', { report: 'x' })).json().code).toBe(
      'posture_report_invalid',
    );
  });
});

describe('the page of an enrolment link', () => {
  const ours = { origin: issuer, 'content-type': 'application/x-www-form-urlencoded' };
  const form = (key: string) => new URLSearchParams({ key }).toString();
  async function link(): Promise<string> {
    const answer = await call('POST', `/devices/${annas.id}/links`, 'device:enrol');
    expect(answer.statusCode).toBe(201);
    return answer.json().path;
  }
  const attribute = (name: string, page: string) => new RegExp(`${name}="([^"]*)"`).exec(page)?.[1] ?? '';

  it('names the device, runs only our script, and enrols the browser once', async () => {
    const path = await link();
    const page = await app.inject({ url: path });
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.body).toContain(annas.id);
    expect(page.body).toContain('Example Broker AG');
    const script = await app.inject({ url: attribute('script src', page.body) });
    expect([script.statusCode, script.headers['content-type']]).toEqual([200, 'text/javascript; charset=utf-8']);
    expect(script.headers['cache-control']).toContain('immutable');
    expect(attribute('script src', page.body)).toBe(node.proof.script);

    const field = newKeyField(createTestKey(), attribute('data-device-challenge', page.body));
    const done = await app.inject({ method: 'POST', url: path, headers: ours, payload: form(field) });
    expect([done.statusCode, attribute('data-device-enrolled', done.body)]).toEqual([200, annas.id]);
    const again = await app.inject({ method: 'POST', url: path, headers: ours, payload: form(field) });
    expect(again.statusCode).toBe(404);
    expect(again.body).toContain('enrolment_unknown');
  });

  it('is shown again with the error, and the link stays valid', async () => {
    const path = await link();
    const answer = await app.inject({ method: 'POST', url: path, headers: ours, payload: form('x') });
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([403, 'text/html; charset=utf-8']);
    expect(answer.body).toContain('device_proof_wrong');
    expect((await app.inject({ url: path })).statusCode).toBe(200);
  });

  it('refuses cross-origin input', async () => {
    const path = await link();
    const headers = { ...ours, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    const answer = await app.inject({ method: 'POST', url: path, headers, payload: form('x') });
    expect(answer.body).toContain('csrf_token_invalid');
  });

  it('is in German for German readers, and says what is needed without JavaScript', async () => {
    const page = await app.inject({ url: await link(), headers: { 'accept-language': 'de-CH, en;q=0.5' } });
    expect(page.body).toContain('<html lang="de">');
    expect(page.body).toContain('Geräteanmeldung');
    expect(page.body).toMatch(/<noscript>.*JavaScript/s);
  });

  it('refuses an invalid link', async () => {
    const answer = await app.inject({ url: `/device/${'x'.repeat(43)}` });
    expect([answer.statusCode, answer.body.includes('enrolment_unknown')]).toEqual([404, true]);
  });
});
