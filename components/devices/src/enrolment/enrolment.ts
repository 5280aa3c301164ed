import type { Commands } from '@countersign/commands';
import {
  type Actor,
  type AuditLog,
  type DepartureEffect,
  type Device,
  type Directory,
  deviceErrors,
} from '@countersign/contracts';
import { isCodedError, newId, type RecordId, sha256, toInstant } from '@countersign/kernel';
import { importVerificationKey, type VerificationKey } from '@countersign/oauth';
import type { Challenges } from '../challenge.ts';
import type { Settings } from '../config.ts';
import { deviceIndexOf } from '../device-index.ts';
import { readNewKey, signedBy } from '../proof.ts';
import { enrolmentClaim } from '../row-claims.ts';
import type { OpenEnrolment } from '../store/enrolments.ts';
import {
  createEnrolmentCommands,
  type EnrolmentCommandDependencies,
  enrolmentRefused,
  unknownLink,
} from './enrolment-commands.ts';
import { credentialIdOf, lastEnrolled } from './recorded-credential.ts';

/**
 * Ends the open links of a person who leaves, unless made later. Their devices serve nobody until reassigned (`requireFit`).
 */
export function devicesEffect(directory: Pick<Directory, 'snapshot'>, enrolment: Enrolment): DepartureEffect {
  return {
    name: 'devices',
    async end({ principal, kind, at, by, reason }) {
      if (kind === 'move') return { ended: 0 };
      const held = deviceIndexOf(directory.snapshot()).heldBy(principal);
      const ids = held.map(({ id }) => id);
      return { ended: await enrolment.closeLinks(ids, by, reason, Date.parse(at)) };
    },
  };
}

const codePattern = /^[\w-]{43}$/;

type PublicKey = { readonly kty: string; readonly crv: string; readonly x: string; readonly y: string };

/** A manager of devices, for their own institution only. */
export interface Manager extends Actor {
  readonly institution: string;
}

/** A single-use link with which a browser enrols as a device. */
export interface OpenedEnrolment {
  /** Path on our own origin, with its secret. Shown once and kept only as a hash. */
  readonly path: string;
  /** RFC 3339. */
  readonly expiresAt: string;
  readonly recordId: RecordId;
}

export type Enrolment = ReturnType<typeof createEnrolment>;

export interface EnrolmentDependencies extends Omit<EnrolmentCommandDependencies, 'audit'> {
  readonly commands: Commands;
  readonly challenges: Challenges;
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'find'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly settings: Settings;
}

export function createEnrolment(dependencies: EnrolmentDependencies) {
  const { credentials, enrolments, things, commands, challenges, audit, standings, directory } = dependencies;
  const { clock, random, settings } = dependencies;
  const changes = createEnrolmentCommands(dependencies);
  const now = () => new Date(clock.now());

  function managed(id: string, by: Manager): Device {
    const device = directory.snapshot().device(id);
    if (device === undefined || device.institution !== by.institution)
      throw deviceErrors.error(
        'device_unknown',
        'The directory has no such device of your institution. Register the device there first.',
      );
    return device;
  }

  /** Milliseconds since the epoch; the distant past if no record says. */
  async function madeAt({ device, recordId }: Pick<OpenEnrolment, 'device' | 'recordId'>): Promise<number> {
    const made = await audit.find(recordId);
    return made?.record.device === device ? Date.parse(made.record.time) : Number.NEGATIVE_INFINITY;
  }

  async function linkOf(code: string): Promise<{ readonly device: Device; readonly challenge: string } | undefined> {
    const codeHash = sha256(code);
    const found = codePattern.test(code) ? await enrolments.find(codeHash, now()) : undefined;
    const enrolment =
      found !== undefined && (await standings.holds(enrolmentClaim(found, codeHash))) ? found : undefined;
    const device = enrolment === undefined ? undefined : directory.snapshot().device(enrolment.device);
    if (enrolment === undefined || device?.institution !== enrolment.institution) return undefined;
    return { device, challenge: challenges.make(aboutLink(code)) };
  }

  /** If the process stopped before answering: the record has used up the link, its row remains, and the browser proves its key again. */
  async function enrolledBy(code: string, brought: BroughtKey | undefined, shown: ShownKey | undefined) {
    if (brought === undefined || shown === undefined || !codePattern.test(code)) return undefined;
    if (!challenges.isValid(shown.challenge, aboutLink(code))) return undefined;
    if (!signedBy(brought.key, shown.challenge, shown.signature)) return undefined;
    const left = await enrolments.find(sha256(code), now());
    if (left === undefined) return undefined;
    const found = await things.find(credentialIdOf({ kind: 'key', thumbprint: brought.key.thumbprint }));
    const record = found === undefined ? undefined : (await audit.find(found.recordId))?.record;
    if (found?.device !== left.device || record?.references?.includes(left.recordId) !== true) return undefined;
    return { device: found.device, recordId: found.recordId };
  }

  async function refuse(device: string, internal: string): Promise<never> {
    const code = 'device_proof_wrong';
    await audit.append(enrolmentRefused(newId('record', dependencies), code, device));
    throw deviceErrors.error(code, 'The browser did not prove that it holds its key. Reload the page.', { internal });
  }

  return {
    /** @throws CodedError `device_unknown`, `device_malformed`, `device_enrolled` */
    async enrolCertificate(id: string, thumbprint: string, by: Manager): Promise<{ readonly recordId: RecordId }> {
      const { institution } = managed(id, by);
      if (!codePattern.test(thumbprint))
        throw deviceErrors.error('device_malformed', 'A thumbprint is the SHA-256 of the certificate in base64url.');
      const { recordId } = await commands.run(changes.enrol, {
        ...{ device: id, institution, kind: 'certificate', thumbprint, jwk: null, by: actorOf(by) },
      });
      return { recordId };
    },

    /** Ends an earlier link of the device. @throws CodedError `device_unknown`, `device_enrolled` */
    async open(id: string, by: Manager): Promise<OpenedEnrolment> {
      const { institution } = managed(id, by);
      const code = Buffer.from(random.bytes(32)).toString('base64url');
      const { expiresAt, recordId } = await commands.run(changes.open, {
        ...{ device: id, institution, by: actorOf(by), lifeMs: settings.enrolmentMs },
        codeHash: Buffer.from(sha256(code)).toString('base64url'),
      });
      return { path: `/device/${code}`, expiresAt: toInstant(expiresAt.getTime()), recordId };
    },

    async show(code: string) {
      const link = await linkOf(code);
      if (link === undefined) throw unknownLink();
      return link;
    },

    /**
     * Enrols the browser with a new key. @param field `{ jwk, challenge, signature }` as JSON
     * @throws CodedError `enrolment_unknown`, `device_proof_wrong`, `device_enrolled`, recorded
     */
    async register(
      code: string,
      field: string | undefined,
    ): Promise<{ readonly device: string; readonly recordId: RecordId }> {
      const shown = readNewKey(field);
      const brought = shown === undefined ? undefined : keyIn(shown.jwk);
      const link = await linkOf(code);
      if (link === undefined) {
        const before = await enrolledBy(code, brought, shown);
        if (before === undefined) throw unknownLink();
        return before;
      }
      const { device } = link;
      if (shown === undefined || brought === undefined) return refuse(device.id, 'no key was sent');
      if (!challenges.isValid(shown.challenge, aboutLink(code)))
        return refuse(device.id, 'the challenge has expired or is for another link');
      if (!signedBy(brought.key, shown.challenge, shown.signature))
        return refuse(device.id, 'the key did not make the signature');
      const { thumbprint } = brought.key;
      return commands.run(changes.enrol, {
        ...{ device: device.id, institution: device.institution, kind: 'key', thumbprint, jwk: brought.jwk },
        codeHash: sha256(code),
      });
    },

    /** Removes one key or certificate, or all and the open link. @throws CodedError `device_unknown`, `enrolment_unknown` */
    async remove(id: string, thumbprint: string | undefined, by: Manager, reason: string): Promise<number> {
      const { institution } = managed(id, by);
      const ask = { device: id, institution, by: actorOf(by), reason };
      // The link first, so that nobody enrols meanwhile.
      let removed = thumbprint === undefined && (await commands.run(changes.close, ask)) ? 1 : 0;
      const last = await lastEnrolled(audit, id);
      if (last !== undefined) await things.settle(last);
      for (const held of await credentials.of([id]))
        if (thumbprint === undefined || held.thumbprint === thumbprint)
          removed += Number(
            await commands.run(changes.remove, { ...ask, kind: held.kind, thumbprint: held.thumbprint }),
          );
      if (removed === 0)
        throw deviceErrors.error('enrolment_unknown', 'The device has no such key, certificate or link.');
      return removed;
    },

    /** @param madeUntil milliseconds since the epoch: later links stay open. @returns how many ended */
    async closeLinks(
      devices: readonly string[],
      by: Actor,
      reason: string,
      madeUntil = Number.POSITIVE_INFINITY,
    ): Promise<number> {
      let closed = 0;
      for (const link of await enrolments.open(devices, now())) {
        const { device: id } = link;
        const device = directory.snapshot().device(id);
        if (device === undefined || (await madeAt(link)) > madeUntil) continue;
        const ask = { device: id, institution: device.institution, by, reason };
        if (await commands.run(changes.close, ask)) closed += 1;
      }
      return closed;
    },
  };
}

type ShownKey = NonNullable<ReturnType<typeof readNewKey>>;
type BroughtKey = NonNullable<ReturnType<typeof keyIn>>;

const aboutLink = (code: string) => `enrolment ${code}`;
const actorOf = ({ id, institution }: Manager): Actor => ({ id, institution });

/** A browser's public P-256 key. WebCrypto adds `ext` and `key_ops`, which are ignored. */
function keyIn(jwk: unknown): { readonly key: VerificationKey; readonly jwk: PublicKey } | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined;
  const members = new Map<string, unknown>(Object.entries(jwk));
  members.delete('ext');
  members.delete('key_ops');
  const [x, y] = [members.get('x'), members.get('y')];
  if (typeof x !== 'string' || typeof y !== 'string') return undefined;
  try {
    const key = importVerificationKey(Object.fromEntries(members));
    return key.algorithm === 'ES256' ? { key, jwk: { kty: 'EC', crv: 'P-256', x, y } } : undefined;
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return undefined;
  }
}
