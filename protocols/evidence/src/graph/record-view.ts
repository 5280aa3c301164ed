import { graphLimits } from './graph.ts';

/** From the log or a bundle. Its shape is not trusted. */
export interface GraphRecord {
  readonly index: bigint;
  readonly record: unknown;
}

/** Absent, misshapen or deceptive members read as nothing. */
export class View {
  readonly #json: unknown;

  constructor(json: unknown) {
    this.#json = json;
  }

  at(...path: readonly string[]): View {
    let here = this.#json;
    for (const name of path) {
      if (typeof here !== 'object' || here === null || Array.isArray(here) || !Object.hasOwn(here, name))
        return new View(undefined);
      // An object that has the member.
      here = (here as Readonly<Record<string, unknown>>)[name];
    }
    return new View(here);
  }

  text(...path: readonly string[]): string | undefined {
    const found = this.at(...path).#json;
    return typeof found === 'string' && found !== '' ? found : undefined;
  }

  number(...path: readonly string[]): number | undefined {
    const found = this.at(...path).#json;
    return typeof found === 'number' ? found : undefined;
  }

  flag(...path: readonly string[]): boolean | undefined {
    const found = this.at(...path).#json;
    return typeof found === 'boolean' ? found : undefined;
  }

  json(...path: readonly string[]): unknown {
    return this.at(...path).#json;
  }

  names(...path: readonly string[]): readonly string[] {
    const found = this.at(...path).#json;
    return typeof found === 'object' && found !== null && !Array.isArray(found) ? Object.keys(found) : [];
  }

  list(...path: readonly string[]): readonly View[] {
    const found = this.at(...path).#json;
    return Array.isArray(found) ? found.map((item: unknown) => new View(item)) : [];
  }

  texts(...path: readonly string[]): readonly string[] {
    return this.list(...path).flatMap((item) => item.text() ?? []);
  }
}

// Characters that reverse, hide or have no width.
const deceiving = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u{e0000}-\u{e007f}]/gu;

/** Bounded text for people, without deceptive characters. */
export function shown(text: string, length: number = graphLimits.textLength): string {
  const clean = text.toWellFormed().replace(deceiving, '\ufffd');
  const characters = [...clean];
  return characters.length <= length ? clean : `${characters.slice(0, length - 1).join('')}…`;
}
