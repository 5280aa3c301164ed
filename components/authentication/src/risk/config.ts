import { type Static, Type } from 'typebox';

const hours = (maximum: number) => Type.Optional(Type.Integer({ minimum: 1, maximum }));

export const riskSchema = Type.Object(
  {
    /**
     * A text file with lines `network,latitude,longitude,country` (CIDR, degrees, ISO 3166-1), read at the start. Leave the last
     * three empty for networks without a location, such as VPNs. Without a file no travel is detected.
     */
    networksFile: Type.Optional(Type.String({ minLength: 1, maxLength: 4_096 })),
    /** Fastest plausible travel. Default 1,000. */
    speedKmPerHour: Type.Optional(Type.Integer({ minimum: 100, maximum: 100_000 })),
    /** Shorter distances are ignored, because locations of networks are inexact. Default 500. */
    distanceKm: Type.Optional(Type.Integer({ minimum: 10, maximum: 20_000 })),
    /** Default 24. */
    impossibleTravelHours: hours(720),
    /** Default 4. */
    deviceNewHours: hours(720),
    /** A device, network or key not seen for this long is new again. Default 180. */
    rememberDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
    /** Failed attempts within `failedMinutes` that raise the signal. Default 5. */
    failedAttempts: Type.Optional(Type.Integer({ minimum: 2, maximum: 1_000 })),
    /** Default 15. */
    failedMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_440 })),
    /** Default 1. */
    failedHours: hours(720),
  },
  { additionalProperties: false },
);

export type RiskConfiguration = Readonly<Static<typeof riskSchema>>;

const hourMs = 3_600_000;

export function riskSettingsOf(config: RiskConfiguration = {}) {
  return {
    networksFile: config.networksFile,
    travel: { speedKmPerHour: config.speedKmPerHour ?? 1_000, distanceKm: config.distanceKm ?? 500 },
    impossibleTravelMs: (config.impossibleTravelHours ?? 24) * hourMs,
    deviceNewMs: (config.deviceNewHours ?? 4) * hourMs,
    rememberMs: (config.rememberDays ?? 180) * 24 * hourMs,
    failures: {
      max: config.failedAttempts ?? 5,
      windowMs: (config.failedMinutes ?? 15) * 60_000,
      signalMs: (config.failedHours ?? 1) * hourMs,
    },
  };
}
