import type { authenticationErrors, DirectorySnapshot, PrincipalId, SignInNeed } from '@countersign/contracts';
import type { Html } from '@countersign/runtime';

/** What a method knows when it draws its part of the page. */
export interface MethodPage {
  /** The path that its forms are sent to. */
  readonly action: string;
  /** Hidden fields that every form of the method must hold to be accepted. */
  readonly hidden: Html;
  /** The button by which a person gives up; belongs into the form. */
  readonly cancel: Html;
  /** What was put into the address of the page; bounded. */
  readonly query: ReadonlyMap<string, string>;
  readonly need: SignInNeed;
  readonly directory: DirectorySnapshot;
}

/** What came of one attempt. Who was shown still has to be in the directory, of an institution that may act. */
export type MethodOutcome =
  | {
      readonly outcome: 'shown';
      readonly person: PrincipalId;
      readonly acr: string;
      /** RFC 8176. */
      readonly amr: readonly string[];
    }
  | {
      readonly outcome: 'refused';
      readonly code: keyof typeof authenticationErrors.codes;
      /** For the person: what was wrong, what to do now. */
      readonly detail: string;
    };

/** One way for a person to show who they are. A new one is a file in this folder and its name in the index. */
export interface SignInMethod {
  readonly name: string;
  /** The authentication context classes that a sign-in by this method can have. */
  readonly acrs: readonly string[];
  /** Its part of the sign-in page, with its forms. */
  draw(page: MethodPage): Html;
  /** Judges what its form sent. Attempts are counted and bounded before it is asked. */
  attempt(fields: ReadonlyMap<string, string>, directory: DirectorySnapshot): Promise<MethodOutcome>;
}
