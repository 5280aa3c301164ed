import { createHmac } from 'node:crypto';
import type { DeviceProof } from '@countersign/contracts';
import { type Clock, equalInConstantTime, type Random } from '@countersign/kernel';
import { pageScript } from '@countersign/runtime';

/** Keeps a device's key in the browser, and signs with it. */
export const deviceScript = pageScript('device.js', new URL('../assets/device.js', import.meta.url));

export function createDeviceProof(challenges: Challenges): DeviceProof {
  return { script: deviceScript.path, challenge: (about) => challenges.make(about) };
}

export const challengeLifeMs = 600_000;

/** Separates these signatures from any other that a device could be asked for. */
const prefix = 'countersign-device';
const pattern = /^countersign-device\.(\d{1,15})\.([\w-]{22})\.([\w-]{43})$/;

export interface Challenges {
  make(about: string): string;
  isValid(challenge: string, about: string): boolean;
}

/** @param secret 32 bytes that all nodes share */
export function createChallenges(dependencies: {
  readonly secret: Uint8Array;
  readonly clock: Clock;
  readonly random: Random;
}): Challenges {
  const { secret, clock, random } = dependencies;
  const seal = (until: string, nonce: string, about: string): string =>
    // `about` last and of any length: nothing that follows it could be mistaken for a part of it.
    createHmac('sha256', secret).update(`${until}.${nonce}.${about}`).digest('base64url');
  return {
    make(about) {
      const until = String(clock.now() + challengeLifeMs);
      const nonce = Buffer.from(random.bytes(16)).toString('base64url');
      return `${prefix}.${until}.${nonce}.${seal(until, nonce, about)}`;
    },
    isValid(challenge, about) {
      const [, until = '', nonce = '', sealed = ''] = pattern.exec(challenge) ?? [];
      return sealed !== '' && equalInConstantTime(sealed, seal(until, nonce, about)) && Number(until) > clock.now();
    },
  };
}
