import type {
  authenticationErrors,
  authenticatorErrors,
  DirectorySnapshot,
  deviceErrors,
  PrincipalId,
  SignInNeed,
} from '@countersign/contracts';
import type { AuthenticatorId } from '@countersign/kernel';
import type { Html } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export interface MethodPage {
  readonly action: string;
  /** Hidden fields that every form must contain. */
  readonly hidden: Html;
  /** Button for the form. */
  readonly cancel: Html;
  /** From the page's address, or a repeated form; bounded. */
  readonly query: ReadonlyMap<string, string>;
  readonly need: SignInNeed;
  readonly directory: DirectorySnapshot;
  /** 32 bytes, base64url, for this page only. Covers the intents, if any. */
  readonly challenge: string;
  /** Already signed in, for a step-up. */
  readonly person: PrincipalId | undefined;
  /** BCP 47; default English. */
  readonly lang?: string;
}

export interface MethodAttempt {
  readonly fields: ReadonlyMap<string, string>;
  readonly directory: DirectorySnapshot;
  /** Used up by this attempt. */
  readonly challenge: string;
  /** When it was shown, milliseconds since the epoch. */
  readonly shownAt: number;
  readonly need: SignInNeed;
  readonly person: PrincipalId | undefined;
  readonly address: string | undefined;
  /** Of the page `/sign-in/{handle}`. */
  readonly handle: string;
}

/** An identified person must still be eligible. */
export type MethodOutcome =
  | {
      readonly outcome: 'identified';
      readonly person: PrincipalId;
      readonly acr: string;
      /** RFC 8176. */
      readonly amr: readonly string[];
      readonly authenticator?: AuthenticatorId;
      /** Whether the challenge covered the intents. */
      readonly boundToIntents?: boolean;
      /** Seconds since the epoch, if another issuer signed the person in. */
      readonly authTime?: number;
      /** If another issuer vouches for the person. */
      readonly issuer?: string;
      /** SHA-256, base64url. */
      readonly certificate?: string;
    }
  /** The browser returns to an address of the method, which calls {@link MethodAnswers.arrive} with this challenge. */
  | { readonly outcome: 'redirect'; readonly location: string }
  | {
      readonly outcome: 'refused';
      readonly code:
        | keyof (typeof authenticationErrors)['codes']
        | keyof (typeof authenticatorErrors)['codes']
        | keyof (typeof deviceErrors)['codes'];
      /** For the person. */
      readonly detail: string;
      /** For the record, if established. */
      readonly person?: PrincipalId;
    };

export type MethodRefusal = Extract<MethodOutcome, { outcome: 'refused' }>;

/** For the routes of a method. */
export interface MethodAnswers {
  /** Shows errors on a page and never redirects. */
  onPage<Request extends FastifyRequest>(
    handler: (request: Request, reply: FastifyReply) => Promise<FastifyReply>,
  ): (request: Request, reply: FastifyReply) => Promise<FastifyReply>;
  /** Ends a sign-in for a browser that a method had redirected. @throws CodedError of sign-ins; wrap the handler in `onPage` */
  arrive(
    request: FastifyRequest,
    reply: FastifyReply,
    arrival: {
      readonly handle: string;
      /** Of the redirecting attempt. */
      readonly challenge: string;
      readonly method: SignInMethod;
      readonly outcome: Exclude<MethodOutcome, { outcome: 'redirect' }>;
    },
  ): Promise<FastifyReply>;
}

/** A sign-in method. A new one is a file in this folder and a name in `create-methods.ts`. */
export interface SignInMethod {
  readonly name: string;
  /** Possible authentication context classes. */
  readonly acrs: readonly string[];
  /** Needs the page's script. */
  readonly script?: boolean;
  /** Its challenge can cover intents, as a sign-in for intents requires. */
  readonly bindsIntents?: boolean;
  /** Offered only for intents, to a person who is signed in: alone it does not identify anybody. */
  readonly onlyForIntents?: boolean;
  /** For the page's `form-action`. */
  readonly formAction?: readonly string[];
  /** The same for unknown people, locked accounts and leavers. */
  readonly nobody?: MethodRefusal;
  draw(page: MethodPage): Html | Promise<Html>;
  /** After the limits on attempts. */
  attempt(attempt: MethodAttempt): Promise<MethodOutcome>;
  /** Records an answer to a used challenge. */
  replayed?(attempt: Pick<MethodAttempt, 'fields' | 'address'>): Promise<void>;
  routes?(app: FastifyInstance, answers: MethodAnswers): void;
}
