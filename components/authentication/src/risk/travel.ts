export interface Location {
  readonly latitude: number;
  readonly longitude: number;
}

/** `at` in milliseconds since the epoch. */
export interface Sighting extends Location {
  readonly at: number;
}

const earthRadiusKm = 6_371;
const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** Great-circle distance (haversine). */
export function distanceKm(one: Location, other: Location): number {
  const latitude = Math.sin(radians(other.latitude - one.latitude) / 2) ** 2;
  const longitude = Math.sin(radians(other.longitude - one.longitude) / 2) ** 2;
  const chord = latitude + Math.cos(radians(one.latitude)) * Math.cos(radians(other.latitude)) * longitude;
  return 2 * earthRadiusKm * Math.asin(Math.sqrt(Math.min(1, chord)));
}

export function isImpossible(
  from: Sighting,
  to: Sighting,
  limits: { readonly speedKmPerHour: number; readonly distanceKm: number },
): boolean {
  const km = distanceKm(from, to);
  if (km < limits.distanceKm) return false;
  const hours = Math.abs(to.at - from.at) / 3_600_000;
  return km > hours * limits.speedKmPerHour;
}
