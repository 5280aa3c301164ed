import type { DeviceProof } from '@countersign/contracts';
import { pageScript } from '@countersign/runtime';
import type { Challenges } from './challenge.ts';

/** Keeps a device's key in the browser, and signs with it. */
export const deviceScript = pageScript('device.js', new URL('../assets/device.js', import.meta.url));

/** For pages of others. */
export function createDeviceProof(challenges: Challenges): DeviceProof {
  return { script: deviceScript.path, challenge: (about) => challenges.make(about) };
}
