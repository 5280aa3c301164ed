import type { AuthenticatorNode, AuthenticatorWorld } from './authenticator-world.ts';
import { broker, personOf } from './people.ts';

/** Ceremonies in one process, for measuring them: real database, real signatures, no browser. */
export async function prepareCeremonies(
  world: AuthenticatorWorld,
  node: AuthenticatorNode,
  people: number,
): Promise<readonly { readonly signIn: () => Promise<void>; readonly sign: () => Promise<void> }[]> {
  const prepared = [];
  for (let number = 0; number < people; number += 1) {
    const person = personOf(`load${number}`, broker, undefined);
    world.directory.add(person);
    const key = world.key();
    await world.enrol(node, person, key);
    const { authenticators } = node;
    prepared.push({
      async signIn() {
        const challenge = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url');
        const credential = key.get(await authenticators.signInOptions(challenge, undefined));
        await authenticators.acceptSignIn({
          credential,
          challenge,
          person: undefined,
          acrValues: [],
          address: undefined,
        });
      },
      async sign() {
        const asked = await authenticators.ask({ person: person.id, claims: world.claims(person) });
        const credential = key.get(asked.options);
        await authenticators.take({ handle: asked.handle, person: person.id, credential });
      },
    });
  }
  return prepared;
}
