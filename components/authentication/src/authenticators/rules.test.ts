import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { personOf } from '@countersign/testkit';
import { createAttestationAuthority } from '@countersign/webauthn/software-authenticator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuthenticatorWorld, createAuthenticatorWorld, office } from '../testing/authenticator-world.ts';
import { broker } from '../testing/people.ts';
import { authenticatorSettingsOf } from './config.ts';

const model = 'c0c0c0c0-5757-4a4a-8b8b-000000000001';
const strict = [
  { deviceBound: false, attestation: 'any' as const },
  { roles: ['desk-head'], deviceBound: true, attestation: 'trusted' as const },
];

describe('the rules for authenticators', () => {
  let world: AuthenticatorWorld;
  let number = 0;
  beforeAll(async () => {
    world = await createAuthenticatorWorld();
  });
  afterAll(() => world.close());
  const somebody = (...roles: readonly string[]) => {
    number += 1;
    const person = personOf(`r${number}`, broker, ...roles);
    world.directory.add(person);
    return person;
  };
  const code = (wanted: string) => expect.objectContaining({ code: wanted });

  it.each<[string, Parameters<AuthenticatorWorld['key']>[0], string]>([
    ['a synced passkey', { backupEligible: true }, 'device_bound_required'],
    ['a key without attestation', { attestation: 'none' }, 'attestation_required'],
    ['a self-attested key', { attestation: 'self' }, 'attestation_required'],
    ['a key of an unknown maker', { authority: createAttestationAuthority() }, 'attestation_untrusted'],
  ])('depend on the role: %s suffices for a trader and is refused for a desk head', async (_what, options, reason) => {
    const node = world.node({ rules: strict });
    await expect(world.enrol(node, somebody('trader'), world.key(options))).resolves.toMatchObject({ acr: 'phr' });
    const head = somebody('trader', 'desk-head');
    await expect(world.enrol(node, head, world.key(options))).rejects.toThrow(code(reason));
    expect(world.audit.ofType('authenticator.refused').at(-1)).toMatchObject({ subject: { id: head.id }, reason });
    expect(await node.authenticators.of(head.id)).toEqual([]);
    expect(node.authenticators.needsHardware(head.id)).toBe(true);
    // The refusal does not use up the invitation.
    expect(await node.authenticators.invitersOf(head.id)).toEqual([office.id]);
  });

  it('apply again at each use: after a new role, a key that sufficed before is refused', async () => {
    const node = world.node({ rules: strict });
    const person = somebody('trader');
    const key = world.key({ backupEligible: true });
    const made = await world.enrol(node, person, key);
    const asked = await node.authenticators.ask({ person: person.id, claims: world.claims(person) });
    world.directory.add({ ...person, roles: ['trader', 'desk-head'] });
    await expect(
      node.authenticators.consume({ handle: asked.handle, person: person.id, credential: key.get(asked.options) }),
    ).rejects.toThrow(code('authenticator_too_weak'));
    expect(world.audit.ofType('authenticator.refused').at(-1)).toMatchObject({
      reason: 'authenticator_too_weak',
      data: { authenticator: made.id },
    });
    await expect(node.authenticators.ask({ person: person.id, claims: world.claims(person) })).rejects.toThrow(
      code('authenticator_none'),
    );
  });

  it('follow the metadata: a compromised model is refused at registration and at use, and a software model is not hardware', async () => {
    const metadataOf = (name: string, entry: object) => {
      const file = join(world.folder, name);
      const root = Buffer.from(world.maker.root).toString('base64');
      const metadataStatement = {
        description: 'Example Key 5',
        attestationRootCertificates: [root],
        keyProtection: ['hardware'],
      };
      writeFileSync(
        file,
        JSON.stringify({ entries: [{ aaguid: model, metadataStatement, statusReports: [], ...entry }] }),
      );
      return file;
    };
    const good = world.node({ rules: strict, metadataFile: metadataOf('good.json', {}) });
    const head = somebody('desk-head');
    const key = world.key();
    expect(await world.enrol(good, head, key)).toMatchObject({ model: 'Example Key 5', acr: 'phrh' });

    const broken = world.node({
      metadataFile: metadataOf('broken.json', { statusReports: [{ status: 'USER_KEY_REMOTE_COMPROMISE' }] }),
    });
    await expect(world.enrol(broken, somebody(), world.key())).rejects.toThrow(code('authenticator_model_refused'));
    await expect(broken.authenticators.ask({ person: head.id, claims: world.claims(head) })).rejects.toThrow(
      code('authenticator_none'),
    );
    const asked = await good.authenticators.ask({ person: head.id, claims: world.claims(head) });
    await expect(
      broken.authenticators.consume({ handle: asked.handle, person: head.id, credential: key.get(asked.options) }),
    ).rejects.toThrow(code('authenticator_too_weak'));

    const soft = world.node({
      metadataFile: metadataOf('soft.json', {
        metadataStatement: {
          ...{ description: 'Soft key', keyProtection: ['software'] },
          attestationRootCertificates: [Buffer.from(world.maker.root).toString('base64')],
        },
      }),
    });
    expect(await world.enrol(soft, somebody(), world.key())).toMatchObject({ acr: 'phr' });
  });

  it('can require named models and limit the keys of one person', async () => {
    const node = world.node({
      rules: [{ deviceBound: false, attestation: 'any', aaguids: ['00000000-0000-4000-8000-000000000001'] }],
    });
    await expect(world.enrol(node, somebody(), world.key())).rejects.toThrow(code('authenticator_model_refused'));
    const one = world.node({ most: 1 });
    const person = somebody();
    const key = world.key();
    await world.enrol(one, person, key);
    const claims = world.claims(person, { typ: 'countersign-authenticator-add+webauthn' });
    const asked = await one.authenticators.ask({ person: person.id, claims });
    const statement = await one.authenticators.consume({
      handle: asked.handle,
      person: person.id,
      credential: key.get(asked.options),
    });
    await expect(one.authenticators.registrationFor(person.id, statement)).rejects.toThrow(code('authenticators_most'));
  });

  it('require device-bound keys in production for people who approve or operate it', () => {
    const { rules, relyingParty, most } = authenticatorSettingsOf(undefined, {
      origin: 'https://id.example',
      environment: 'production',
    });
    expect(relyingParty).toEqual({ rpId: 'id.example', origins: ['https://id.example'] });
    expect(most).toBe(10);
    expect(rules.find(({ roles }) => roles?.includes('operator') && roles.includes('approver'))).toMatchObject({
      deviceBound: true,
      attestation: 'trusted',
    });
  });

  it('accept our own host or one of its parent domains as RP id, and no other', () => {
    const settings = { origin: 'https://id.example.com', environment: 'production' } as const;
    expect(authenticatorSettingsOf({ rpId: 'example.com' }, settings).relyingParty.rpId).toBe('example.com');
    for (const rpId of ['evil.com', 'xample.com', 'www.id.example.com'])
      expect(() => authenticatorSettingsOf({ rpId }, settings)).toThrow(code('configuration_invalid'));
    expect(() => authenticatorSettingsOf({ rootsFile: '/nowhere/roots.pem' }, settings)).toThrow(
      code('configuration_invalid'),
    );
  });
});
