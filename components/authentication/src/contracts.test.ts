import type { PrincipalId } from '@countersign/contracts';
import { newId, systemRandom } from '@countersign/kernel';
import { personOf } from '@countersign/testkit';
import {
  describeAuthentication,
  describeAuthenticators,
  describeAuthenticatorsDeparture,
  describeComponent,
  describeStatements,
} from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import {
  type AuthenticatorNode,
  type AuthenticatorWorld,
  createAuthenticatorWorld,
  office,
} from './testing/authenticator-world.ts';
import { anna, broker } from './testing/people.ts';
import { createSignInWorld, type SignInNode, type SignInWorld, signIn } from './testing/sign-in-world.ts';

let signIns: SignInWorld;
let pages: SignInNode;
let world: AuthenticatorWorld;
let node: AuthenticatorNode;
beforeAll(async () => {
  signIns = await createSignInWorld();
  pages = signIns.node();
  world = await createAuthenticatorWorld();
  node = world.node();
});
afterAll(async () => {
  await signIns.close();
  await world.close();
});

describeComponent(describeAuthentication, async () => ({
  contract: pages.authentication,
  async signIn() {
    const browser = pages.browser();
    await signIn(pages, browser, anna);
    return { person: anna.id, cookie: browser.cookieHeader() ?? '' };
  },
}));

let count = 0;
/** People of the directory, and keys that they really hold. */
const people = {
  somebody(): PrincipalId {
    const person = personOf(`somebody${++count}`, broker);
    world.directory.add(person);
    return person.id;
  },
  async enrol(id: PrincipalId) {
    const key = world.key();
    return { authenticator: await world.enrol(node, { id }, key), sign: (options: unknown) => key.get(options) };
  },
  lock: (person: PrincipalId) => node.authenticators.lock(person, office, 'A test'),
};

describeComponent(describeAuthenticators, async () => ({
  contract: node.authenticators,
  inviter: office.id,
  ...people,
}));

describeComponent(describeStatements, async () => ({
  contract: node.authenticators,
  clock: world.clock,
  claims: (id) => world.claims({ id }),
  ...people,
}));

describeComponent(describeAuthenticatorsDeparture, async () => ({
  contract: node.authenticators.departureEffect,
  clock: world.clock,
  by: office,
  async holder() {
    const person = people.somebody();
    await people.enrol(person);
    return person;
  },
  // A person who once had a key enrols another by a recovery.
  async giveAgain(person) {
    const recovery = newId('record', { clock: world.clock, random: systemRandom });
    const { path } = await node.authenticators.invite({ person, evidence: ['file 7'], recovery }, office);
    const asked = await node.authenticators.askInvited(path.slice('/enrol/'.length));
    const credential = world.key().create(asked.options);
    return node.authenticators.register({ handle: asked.handle, person, credential, name: 'new key' });
  },
}));
