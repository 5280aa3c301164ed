import { errorVocabulary } from '@countersign/kernel';
import type { PrincipalId } from './principals.ts';

export interface DevicePosture {
  readonly posture: 'compliant' | 'failing';
  /** RFC 3339: time of the check as the reporter states it, never later than the time of the report. */
  readonly postureAt: string;
  /** Name of the feed; `directory` when only the directory has a posture. */
  readonly source: string;
  /** Codes of failed checks, e.g. `disk_encryption`, `os_patch_level`; empty when compliant. */
  readonly failed: readonly string[];
}

/** A device that has proved its identity, and how. */
export interface RecognisedDevice {
  /** `device:` and a name, of the directory. */
  readonly id: string;
  readonly by: 'certificate' | 'key';
}

export const deviceErrors = errorVocabulary({
  device_unknown: 'not-found',
  device_malformed: 'invalid',
  /** A managed device is required, and none proved its identity. */
  device_required: 'forbidden',
  device_proof_wrong: 'forbidden',
  /** The device belongs to somebody else. */
  device_not_yours: 'forbidden',
  device_failing: 'forbidden',
  /** The latest report is too old. */
  device_stale: 'forbidden',
  device_enrolled: 'conflict',
  enrolment_unknown: 'not-found',
  posture_feed_unknown: 'forbidden',
  posture_report_invalid: 'invalid',
  posture_report_old: 'conflict',
  /** This process's copy of the postures is too old. */
  postures_behind: 'unavailable',
});

/** The latest posture of a device as stored. */
export interface StreamedPosture extends DevicePosture {
  readonly device: string;
  /** LEI of the feed's institution. */
  readonly institution: string;
  /** Whether the row seal shows that the owning component wrote it. */
  readonly sealed: boolean;
}

/** Postures for processes that keep a copy, which they verify against the audit log. */
export interface PostureStream {
  /**
   * Reports after a position, oldest first.
   *
   * @param request.after `newest` of the previous page; 0 for everything
   * @param request.limit at most 5,000
   */
  posturesSince(request: {
    readonly after: bigint;
    readonly limit: number;
  }): Promise<{ readonly postures: readonly StreamedPosture[]; readonly newest: bigint }>;
  /** Postures of the named devices, at most 1,000. */
  posturesOf(devices: readonly string[]): Promise<readonly StreamedPosture[]>;
}

/** Identity and posture of managed workstations and phones. */
export interface Devices {
  /**
   * The latest posture; undefined for an unknown device. Costs a map access.
   *
   * @throws CodedError `postures_behind` when a copy in another process has not been confirmed for some seconds
   */
  postureOf(device: string): DevicePosture | undefined;
  /**
   * A stateless challenge for a browser with a device key, valid for ten minutes because pages stay open, and bound to `about`. It
   * is single use if `about` is.
   *
   * @param about what the challenge is for, such as the nonce of a sign-in page
   */
  challenge(about: string): string;
  /**
   * Identifies the device by the certificate of its connection, or by its key's signature over a {@link challenge}. An invalid
   * proof is recorded (`device.refused`) and refused; without any proof the result is undefined.
   *
   * @throws CodedError `device_proof_wrong`, `device_unknown`
   */
  recognise(shown: {
    readonly about: string;
    /** SHA-256 of the client certificate of the connection, base64url (RFC 8705 section 3.1). */
    readonly certificateThumbprint?: string;
    /**
     * As the page's script sent it, the text of the field `device` or what it parses to:
     * `{ device, challenge, signature }` (ES256 over the challenge's text, base64url). An empty text counts as no proof.
     */
    readonly proof?: unknown;
    readonly person?: PrincipalId;
  }): Promise<RecognisedDevice | undefined>;
  /**
   * Checks that a person may use a tier that requires a managed device, by the device's current posture.
   *
   * @throws CodedError `device_required`, `device_unknown`, `device_not_yours`, `device_failing`, `device_stale`
   */
  requireFit(device: RecognisedDevice | undefined, person: PrincipalId): Promise<void>;
  /** A person's devices, for their own page. */
  of(person: PrincipalId): Promise<
    readonly {
      readonly id: string;
      readonly posture?: DevicePosture;
      readonly enrolled: 'certificate' | 'key' | 'no';
    }[]
  >;
}

/** Name of the hidden form field with the device's proof. */
export const deviceFieldName = 'device';

/**
 * Lets a page ask the browser for a device proof. The page contains
 * `<input type="hidden" name="device" value="" data-device-challenge="…">` in each of its forms, and the script
 * `<script src="{script}" defer></script>`; it is sent with `script-src 'self'`. The script signs each challenge when
 * the page has loaded, and leaves the value empty in a browser without a device key. Pass the value to
 * {@link Devices.recognise} with the same `about`.
 */
export interface DeviceProof {
  /** Address of the script: a path on our own origin with the digest of its content, cached for ever. */
  readonly script: string;
  /** For the attribute `data-device-challenge`: {@link Devices.challenge}. */
  challenge(about: string): string;
}
