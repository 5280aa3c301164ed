import { personOf } from '@countersign/testkit';
import { describeComponent, describeDevicesDeparture, describePostureStream } from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import type { RunningDevices } from './index.ts';
import { annas, broker, shared } from './testing/device-directory.ts';
import { createDeviceWorld, type DeviceWorld, manager } from './testing/device-world.ts';

let world: DeviceWorld;
let node: RunningDevices;
beforeAll(async () => {
  world = await createDeviceWorld();
  node = await world.node();
});
afterAll(() => world.close());

describeComponent(describePostureStream, async () => ({
  contract: node,
  devices: [annas.id, shared.id],
  async report(device, posture) {
    const posture_at = new Date(world.clock.now()).toISOString();
    const failed = posture === 'failing' ? { failed: ['disk_encryption'] } : {};
    world.clock.advance(1_000);
    await node.takeReport(world.report([{ device, posture, posture_at, ...failed }]), { institution: broker });
  },
}));

let count = 0;
describeComponent(describeDevicesDeparture, async () => {
  const deviceOf = new Map<string, string>();
  return {
    contract: node.departureEffect,
    clock: world.clock,
    by: manager,
    async holder() {
      const person = personOf(`leaver.${'x'.repeat(++count)}`, broker, 'trader');
      const device = { ...annas, id: `device:ws-leaver-${count}`, holder: person.id };
      world.directory.put(device);
      deviceOf.set(person.id, device.id);
      await node.enrolment.open(device.id, manager);
      return person.id;
    },
    giveAgain: (principal) => node.enrolment.open(deviceOf.get(principal) ?? '', manager),
  };
});
