import { errorVocabulary } from '@countersign/kernel';
import type { PrincipalId } from './principals.ts';

/** What was last reported of a device. */
export interface DevicePosture {
  readonly posture: 'compliant' | 'failing';
  /** RFC 3339: when it was looked at, by the reporter's word, and never later than when it was reported. */
  readonly postureAt: string;
  /** Name of the feed that said so; `directory` where only the directory knows. */
  readonly source: string;
  /** Codes of what failed, e.g. `disk_encryption`, `os_patch_level`; empty when compliant. */
  readonly failed: readonly string[];
}

/** How a device showed that it is that device. */
export interface RecognisedDevice {
  /** `device:` and a name, of the directory. */
  readonly id: string;
  readonly by: 'certificate' | 'key';
}

export const deviceErrors = errorVocabulary({
  device_unknown: 'not-found',
  device_malformed: 'invalid',
  /** A device that shows itself is asked for, and none did. */
  device_required: 'forbidden',
  device_proof_wrong: 'forbidden',
  /** It belongs to somebody else. */
  device_not_yours: 'forbidden',
  device_failing: 'forbidden',
  /** What was reported of it is too old to count. */
  device_stale: 'forbidden',
  device_enrolled: 'conflict',
  enrolment_unknown: 'not-found',
  posture_feed_unknown: 'forbidden',
  posture_report_invalid: 'invalid',
  posture_report_old: 'conflict',
  /** A copy of the postures in another process is too old to be relied on. */
  postures_behind: 'unavailable',
});

/** What was last reported of a device, as it is stored. */
export interface StreamedPosture extends DevicePosture {
  readonly device: string;
  /** LEI, of the feed. */
  readonly institution: string;
  /** Whether one of the owner's processes wrote it. */
  readonly sealed: boolean;
}

/** Reported postures for processes that hold a copy; what is streamed is held against the audit log. */
export interface PostureStream {
  /**
   * What was reported after a place, oldest first.
   *
   * @param request.after `newest` of the page before; 0 for everything
   * @param request.limit at most 5,000
   */
  posturesSince(request: {
    readonly after: bigint;
    readonly limit: number;
  }): Promise<{ readonly postures: readonly StreamedPosture[]; readonly newest: bigint }>;
  /** Of devices, at most 1,000. */
  posturesOf(devices: readonly string[]): Promise<readonly StreamedPosture[]>;
}

/** Managed workstations and phones: that it is them, and whether they are well. */
export interface Devices {
  /**
   * The newest that is known; undefined for a device that nobody knows. Costs a map access.
   *
   * @throws CodedError `postures_behind` from a copy in another process that has not been confirmed for some seconds
   */
  postureOf(device: string): DevicePosture | undefined;
  /**
   * A challenge for a browser that holds a device key: stateless, ten minutes long (a page stands open for a while), bound
   * to what it is for. It counts once where `about` does.
   *
   * @param about what it is asked for: the nonce of one showing of a sign-in page, for one
   */
  challenge(about: string): string;
  /**
   * Which device sent this: by the certificate of its connection, or by its key's signature over a challenge of
   * {@link challenge}. A proof that is there and wrong is recorded (`device.refused`) and refused; none at all is undefined.
   *
   * @throws CodedError `device_proof_wrong`, `device_unknown`
   */
  recognise(shown: {
    readonly about: string;
    /** SHA-256 of the client certificate of the connection, base64url (RFC 8705 section 3.1). */
    readonly certificateThumbprint?: string;
    /**
     * As the page's script sent it, the text of the field `device` or what it parses to:
     * `{ device, challenge, signature }` (ES256 over the challenge's text, base64url). An empty text is none.
     */
    readonly proof?: unknown;
    readonly person?: PrincipalId;
  }): Promise<RecognisedDevice | undefined>;
  /**
   * Whether a person may be raised to something that asks for a managed device, by what is known of it now.
   *
   * @throws CodedError `device_required`, `device_unknown`, `device_not_yours`, `device_failing`, `device_stale`
   */
  requireFit(device: RecognisedDevice | undefined, person: PrincipalId): Promise<void>;
  /** The devices of a person, for their page. */
  of(person: PrincipalId): Promise<
    readonly {
      readonly id: string;
      readonly posture?: DevicePosture;
      readonly enrolled: 'certificate' | 'key' | 'no';
    }[]
  >;
}

/** The name of the hidden field in which a page's form brings a device's proof. */
export const deviceFieldName = 'device';

/**
 * What a page needs so that a browser shows which device it is on. The page holds
 * `<input type="hidden" name="device" value="" data-device-challenge="…">` in each of its forms, and the script
 * `<script src="{script}" defer></script>`; it is sent with `script-src 'self'`. The script signs each challenge as soon
 * as the page is there, and leaves the value empty in a browser that holds no device key. What comes back goes to
 * {@link Devices.recognise} with the same `about`.
 */
export interface DeviceProof {
  /** Address of the script: a path on our own origin with the digest of its content, cached for ever. */
  readonly script: string;
  /** For the attribute `data-device-challenge`: {@link Devices.challenge}. */
  challenge(about: string): string;
}
