import { describeComponent, describeDirectoryCalls } from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import type { DirectoryComponent } from './index.ts';
import { broker, exampleFile, exampleKeyPair } from './testing/example-file.ts';
import { changeByTwo, createRig, proposer, type Rig } from './testing/rig.ts';

const services = Array.from({ length: 40 }, (_, number) => ({
  ...{ id: `service:conforming-${number}`, institution: broker, desk: 'rates', roles: ['order-entry'] },
}));
/** The example file with services that have no client yet. */
function file() {
  const example = exampleFile();
  return { ...example, services: [...example.services, ...services] };
}

let rig: Rig;
let directory: DirectoryComponent;
beforeAll(async () => {
  rig = await createRig();
  directory = await rig.open();
  await changeByTwo(directory, { file: file() });
});
afterAll(() => rig.close());

let count = 0;
describeComponent(describeDirectoryCalls, async () => ({
  contract: directory,
  by: proposer,
  client() {
    const number = ++count;
    return {
      ...{ id: `conforming-${number}`, institution: broker, principal: `service:conforming-${number}` },
      ...{ environment: 'sandbox', grant_types: ['client_credentials'], scopes: ['order:read'] },
      audiences: ['https://venue.example/orders'],
      jwks: { keys: [exampleKeyPair(`key-${number}`).publicJwk] },
    };
  },
  fileOf(client) {
    const whole = file();
    return { ...whole, clients: [...whole.clients, client] };
  },
}));
