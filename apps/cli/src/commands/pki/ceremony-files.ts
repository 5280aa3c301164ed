import { CodedError, listOf, membersOf } from '@countersign/kernel';
import { readJson } from '../../read-json.ts';

/** A request for an issuing authority, as `countersign pki request` writes it. */
export interface AuthorityRequestFile {
  readonly class: string;
  readonly id: string;
  /** PEM. */
  readonly request: string;
  readonly name: string;
  readonly uri_hosts: readonly string[];
  readonly dns_names: readonly string[];
  readonly policies: readonly string[];
}

/** The result of a ceremony, as `countersign pki propose` reads it. */
export interface CeremonyFile {
  readonly class: string;
  /** PEM. */
  readonly certificate: string;
  readonly root: string;
  readonly transcript: string;
}

/** @throws CodedError `file_unreadable`, `ceremony_invalid` */
export function readAuthorityRequest(path: string): AuthorityRequestFile {
  const advice = 'Write it with `countersign pki request`.';
  const { textIn, textsIn } = membersIn(path, advice);
  return {
    class: textIn('class'),
    id: textIn('id'),
    request: textIn('request'),
    name: textIn('name'),
    uri_hosts: textsIn('uri_hosts'),
    dns_names: textsIn('dns_names'),
    policies: textsIn('policies'),
  };
}

/** @throws CodedError `file_unreadable`, `ceremony_invalid` */
export function readCeremony(path: string): CeremonyFile {
  const { textIn } = membersIn(path, 'Write it with `countersign pki ceremony sign`.');
  return {
    class: textIn('class'),
    certificate: textIn('certificate'),
    root: textIn('root'),
    transcript: textIn('transcript'),
  };
}

function membersIn(path: string, advice: string) {
  // readJson returns what the parser made of JSON text.
  const members = membersOf(readJson(path, advice) as Parameters<typeof membersOf>[0]) ?? {};
  const missing = (name: string) =>
    new CodedError({ code: 'ceremony_invalid', category: 'invalid', detail: `${path} has no ${name}. ${advice}` });
  return {
    textIn(name: string): string {
      const value = members[name];
      if (typeof value !== 'string') throw missing(name);
      return value;
    },
    textsIn(name: string): readonly string[] {
      const values = listOf(members[name], (item) => (typeof item === 'string' ? item : undefined));
      if (values === undefined) throw missing(name);
      return values;
    },
  };
}
