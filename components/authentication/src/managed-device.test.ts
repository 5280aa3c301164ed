import { type Devices, deviceErrors } from '@countersign/contracts';
import { hiddenField } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anna, ben } from './testing/people.ts';
import { begin, createSignInWorld, formOf, type SignInNode, type SignInWorld } from './testing/sign-in-world.ts';

/**
 * An institution with one workstation, which belongs to Anna and is healthy. It identifies itself by repeating its
 * challenge.
 */
const devices: Pick<Devices, 'recognise' | 'requireFit'> = {
  async recognise({ about, proof }) {
    if (proof === undefined) return undefined;
    if (JSON.stringify(proof) !== JSON.stringify({ device: 'device:desk-7', challenge: `for ${about}` }))
      throw deviceErrors.error('device_proof_wrong', 'This is not the device that it says it is.');
    return { id: 'device:desk-7', by: 'key' };
  },
  async requireFit(device, person) {
    if (device === undefined) throw deviceErrors.error('device_required', 'A managed device is needed.');
    if (person !== anna.id) throw deviceErrors.error('device_not_yours', 'It belongs to somebody else.');
  },
};
const deviceProof = { script: '/assets/device.js?v=1', challenge: (about: string) => `for ${about}` };

describe('a tier that requires a managed device', () => {
  let world: SignInWorld;
  let node: SignInNode;
  beforeAll(async () => {
    world = await createSignInWorld();
    node = world.node({ tiers: { approval: { device: 'required' } } }, world.directory, { devices, deviceProof });
  });
  afterAll(() => world.close());

  async function attempt(
    tier: 'approval' | 'research',
    person: { readonly id: string },
    proof?: (path: string) => object,
  ) {
    const browser = node.browser();
    const path = await begin(node, { need: { acrValues: [], tier } });
    const form = { ...(await formOf(browser, path)), person: person.id };
    const device = proof === undefined ? '' : JSON.stringify(proof(path));
    const answer = await browser.post(path, { ...form, device });
    return { answer, signIn: await node.authentication.current(browser.cookieHeader(), { tier }) };
  }
  const ofDesk = (path: string) => ({ device: 'device:desk-7', challenge: `for ${path.slice('/sign-in/'.length)}` });
  const lastRecord = () => world.audit.records.at(-1);

  it('asks the browser for the device with a script of our own origin', async () => {
    const path = await begin(node);
    const page = await node.browser().get(path);
    expect(page.body).toContain(`data-device-challenge="for ${path.slice('/sign-in/'.length)}"`);
    expect(page.body).toContain('<script src="/assets/device.js?v=1" defer>');
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    expect(hiddenField(page.body, 'method')).toBe('development');
  });

  it('starts with the device, and session and record name it', async () => {
    const { answer, signIn } = await attempt('approval', anna, ofDesk);
    expect(answer.statusCode).toBe(303);
    expect(signIn).toMatchObject({ person: anna.id, tier: 'approval', device: 'device:desk-7' });
    expect(lastRecord()).toMatchObject({ type: 'session.started', device: 'device:desk-7' });
  });

  it.each([
    ['no device identifies itself', anna, undefined, 'device_required', undefined],
    ['the device belongs to another person', ben, ofDesk, 'device_not_yours', 'device:desk-7'],
    ['it cannot show that it is the one', anna, () => ({ device: 'device:desk-7' }), 'device_proof_wrong', undefined],
  ])('does not start where %s, and the refusal is recorded', async (_what, person, proof, code, device) => {
    const { answer, signIn } = await attempt('approval', person, proof);
    expect([answer.statusCode, answer.body]).toEqual([403, expect.stringContaining(code)]);
    expect(signIn).toBeUndefined();
    expect(lastRecord()).toMatchObject({ type: 'session.refused', reason: code, subject: { id: person.id } });
    expect(lastRecord()?.device).toBe(device === undefined || code === 'device_proof_wrong' ? undefined : device);
  });

  it('differs from a tier without this rule, where a device counts only if it identifies itself', async () => {
    expect((await attempt('research', ben)).signIn).toMatchObject({ person: ben.id });
    expect((await attempt('research', ben)).signIn).not.toHaveProperty('device');
    expect((await attempt('research', anna, ofDesk)).signIn).toMatchObject({ device: 'device:desk-7' });
    expect((await attempt('research', anna, () => ({}))).answer.body).toContain('device_proof_wrong');
  });

  it('is refused at startup if the installation manages no devices', () => {
    expect(() => world.node({ tiers: { approval: { device: 'required' } } })).toThrow(
      expect.objectContaining({ code: 'configuration_invalid' }),
    );
  });
});
